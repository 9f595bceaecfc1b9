package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
	"enrow-export/sources/fakeapi"
)

// What was exported from the API is exported from the copies again, and from
// saved answers, to the same bytes; of every kind, and with the copies too.
func TestReplayGivesTheSameBytes(t *testing.T) {
	for _, table := range schema.Tables() {
		t.Run(table.Kind, func(t *testing.T) {
			api := newAPI(t, "")
			dir := t.TempDir()
			ids := []string{"a", "b"}
			for i, id := range ids {
				b := fakeapi.GenerateKind(table.Kind, id, 100, uint64(i))
				api.Add(b)
				if err := os.WriteFile(filepath.Join(dir, id+".json"), b.Body, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			origin := sinks.NewMemory()
			cfg := exportConfig(t, table, newClient(t, Config{BaseURL: serve(t, api)}), origin)
			cfg.KeepRaw = true
			run(t, cfg, ids...)
			saved, err := local.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			for name, from := range map[string]sinks.Store{"copies": origin, "files": saved} {
				again := sinks.NewMemory()
				cfg := exportConfig(t, table, NewReplay(from, 1<<20), again)
				cfg.KeepRaw = true
				run(t, cfg, ids...)
				if diff := cmp.Diff(objects(t, origin), objects(t, again)); diff != "" {
					t.Errorf("from %s (-api +replayed):\n%s", name, diff)
				}
				if got := savedIDs(t, NewReplay(from, 1<<20), table); !slices.Equal(got, ids) {
					t.Errorf("from %s: ids %v, want %v", name, got, ids)
				}
			}
			if got := api.Requests(""); got != len(ids) {
				t.Errorf("%d requests, want %d", got, len(ids))
			}
		})
	}
}

func savedIDs(t *testing.T, r *Replay, table *schema.Table) []string {
	t.Helper()
	var ids []string
	for id, err := range r.IDs(t.Context(), table) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func TestReplayIDsAreOfAnswersAlone(t *testing.T) {
	store := sinks.NewMemory()
	r := NewReplay(store, 1<<20)
	if got := savedIDs(t, r, &schema.EmailFind); got != nil {
		t.Errorf("ids %v of nothing", got)
	}
	for _, name := range []string{"a.json", "notes.txt", "not an id.json", "sub/b.json", "_manifest/email_find/c.json", "_raw/phone_find/p.json.zst"} {
		put(t, store, name, "{}")
	}
	// An entry that cannot be read may have named a copy.
	if got := savedIDs(t, r, &schema.EmailFind); !slices.Equal(got, []string{"c", "a"}) {
		t.Errorf("ids %v, want c and a", got)
	}
	put(t, store, "_raw/email_find/z.json.zst", "x")
	put(t, store, "_raw/email_find/z.txt", "x")
	if got := savedIDs(t, r, &schema.EmailFind); !slices.Equal(got, []string{"c", "z", "a"}) {
		t.Errorf("ids %v, want c, z and a", got)
	}
}

func put(t *testing.T, store sinks.Store, name, data string) {
	t.Helper()
	cond := sinks.IfAbsent()
	if info, err := store.Stat(t.Context(), name); err == nil {
		cond = sinks.IfVersion(info.Version)
	}
	if _, err := store.Put(t.Context(), name, []byte(data), cond); err != nil {
		t.Fatal(err)
	}
}

func TestReplayRefuses(t *testing.T) {
	const raw, entry = "_raw/email_find/b.json.zst", "_manifest/email_find/b.json"
	exported := func(t *testing.T) *sinks.Memory {
		store := sinks.NewMemory()
		answer := fakeapi.Generate("b", 5, 1)
		put(t, store, "b.json", string(answer.Body))
		cfg := exportConfig(t, &schema.EmailFind, NewReplay(store, 1<<20), store)
		cfg.KeepRaw = true
		run(t, cfg, "b")
		return store
	}
	get := func(t *testing.T, store sinks.Store, name string) string {
		data, _, err := store.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	otherCopy := func(t *testing.T) string {
		store := sinks.NewMemory()
		cfg := exportConfig(t, &schema.EmailFind, bodyOf(string(fakeapi.Generate("b", 6, 1).Body)), store)
		cfg.KeepRaw = true
		run(t, cfg, "b")
		return get(t, store, raw)
	}
	cases := []struct {
		name   string
		damage func(t *testing.T, store *sinks.Memory)
		limit  int64
		rows   int // of the answer that is given all the same
		want   string
	}{
		{"unknown", nil, 1 << 20, 0, "no response was saved: neither _raw/email_find/none.json.zst nor none.json is there"},
		{"too long", nil, 100, 0, "response is longer than 100 bytes"},
		{"too long once it is unpacked", func(t *testing.T, store *sinks.Memory) {
			put(t, store, "b.json", `{"general":{"id":"b","status":"completed"},"results":[],"x":"`+strings.Repeat("x", 5000)+`"}`)
			cfg := exportConfig(t, &schema.EmailFind, bodyOf(get(t, store, "b.json")), store)
			cfg.KeepRaw, cfg.Force = true, true
			run(t, cfg, "b")
		}, 2000, 0, "response is longer than 2000 bytes"},
		{"a byte of the copy", func(t *testing.T, store *sinks.Memory) {
			data := []byte(get(t, store, raw))
			data[len(data)/2] ^= 1
			put(t, store, raw, string(data))
		}, 1 << 20, 0, "copy of the response is damaged"},
		{"a cut copy", func(t *testing.T, store *sinks.Memory) {
			data := get(t, store, raw)
			put(t, store, raw, data[:len(data)-1])
		}, 1 << 20, 0, "copy of the response is damaged"},
		{"the copy of another answer", func(t *testing.T, store *sinks.Memory) {
			put(t, store, raw, otherCopy(t))
		}, 1 << 20, 0, "its sha256 is not the one that the manifest has"},
		{"the copy of another answer, being put", func(t *testing.T, store *sinks.Memory) {
			put(t, store, raw, otherCopy(t))
			put(t, store, entry, strings.Replace(get(t, store, entry), `"first_exported_at"`,
				`"replacing": {"raw": {"path": "`+raw+`", "rows": 6, "bytes": 1, "sha256": "`+strings.Repeat("0", 64)+`", "crc32c": "AAAAAA==", "compression": "zstd"}}, "first_exported_at"`, 1))
		}, 1 << 20, 6, ""},
		{"without an entry", func(t *testing.T, store *sinks.Memory) {
			info, err := store.Stat(t.Context(), entry)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Delete(t.Context(), entry, sinks.IfVersion(info.Version)); err != nil {
				t.Fatal(err)
			}
		}, 1 << 20, 5, ""},
		{"with an entry that cannot be read", func(t *testing.T, store *sinks.Memory) { put(t, store, entry, "{") }, 1 << 20, 5, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := exported(t)
			id := "b"
			if c.damage != nil {
				c.damage(t, store)
			} else if c.name == "unknown" {
				id = "none"
			}
			body, err := NewReplay(store, c.limit).Fetch(t.Context(), &schema.EmailFind, id, nil)
			if c.want == "" {
				if err != nil || !bytes.Equal(body, fakeapi.Generate("b", c.rows, 1).Body) {
					t.Errorf("error %v", err)
				}
				return
			}
			var failure *pipeline.Error
			if !errors.As(err, &failure) || failure.Class != pipeline.Transient || !strings.Contains(err.Error(), c.want) || failure.Hint == "" {
				t.Errorf("error %v, want one with %q and advice", err, c.want)
			}
		})
	}
}

// bodyOf is a source with one answer.
type bodyOf string

func (b bodyOf) Fetch(context.Context, *schema.Table, string, []byte) ([]byte, error) {
	return []byte(b), nil
}

// A folder that cannot be read ends the run, with the flag to look at.
func TestReplayFromNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := local.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewReplay(store, 1<<20).Fetch(t.Context(), &schema.EmailFind, "b", nil)
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Class != pipeline.Fatal || failure.Hint != "check --from" {
		t.Errorf("error %v, hint %q", err, pipeline.Hint(err))
	}
}

// A machine that is short of something is not --from's fault, nor that of a batch.
func TestReplayOnAShortage(t *testing.T) {
	_, err := NewReplay(shortOfFiles{sinks.NewMemory()}, 1<<20).Fetch(t.Context(), &schema.EmailFind, "b", nil)
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Class != pipeline.Fatal || !strings.Contains(failure.Hint, "ulimit -n") {
		t.Errorf("error %v, hint %q", err, pipeline.Hint(err))
	}
}

type shortOfFiles struct{ sinks.Store }

func (shortOfFiles) Stat(context.Context, string) (sinks.Info, error) {
	return sinks.Info{}, fmt.Errorf("%w: %w", sinks.ErrUnreachable, syscall.EMFILE)
}

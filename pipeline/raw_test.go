package pipeline

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"enrow-export/sinks"
)

const rawPath = "_raw/email_find/b.json.zst"

func TestRawIsPublishedLikeData(t *testing.T) {
	forEachStore(t, "raw", func(t *testing.T, store sinks.Store) {
		source := newAnswers()
		body := " \n" + finished("b", "é", 3) + "\n"
		source.set("b", body)
		cfg := config(t, source, store, "csv")
		cfg.KeepRaw = true
		e := export(t, cfg, "b", Exported).Entry
		stored := files(t, store)[rawPath]
		if got, err := DecompressRaw([]byte(stored), 1<<20); err != nil || string(got) != body {
			t.Errorf("copy is %q, error %v, want the very answer", got, err)
		}
		want := File{
			Path: rawPath, Rows: 3, Bytes: int64(len(stored)), SHA256: hexSum(stored), CRC32C: e.Raw.CRC32C, Compression: "zstd",
		}
		if diff := cmp.Diff(&want, e.Raw); diff != "" || e.Source.SHA256 != hexSum(body) {
			t.Errorf("raw (-want +got):\n%s", diff)
		}
		export(t, cfg, "b", Done)

		// Lost, it is made again; with another answer it is another one, asked
		// for or not.
		info, err := store.Stat(t.Context(), rawPath)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Delete(t.Context(), rawPath, sinks.IfVersion(info.Version)); err != nil {
			t.Fatal(err)
		}
		export(t, cfg, "b", Exported)
		if files(t, store)[rawPath] != stored {
			t.Error("the copy is not the same again")
		}
		source.set("b", finished("b", "other", 2))
		cfg.KeepRaw, cfg.Force = false, true
		export(t, cfg, "b", Exported)
		if got, err := DecompressRaw([]byte(files(t, store)[rawPath]), 1<<20); err != nil || string(got) != finished("b", "other", 2) {
			t.Errorf("copy is %q, error %v", got, err)
		}
		sound(t, store, "b")
	})
}

// copyOf returns a copy of an answer as it is stored, whose memory is all given
// back.
func copyOf(t testing.TB, encoder rawEncoder, body []byte) []byte {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	b := buffer{mem: mem, limit: 1 << 30}
	if err := encoder.compress(&b, body); err != nil {
		t.Fatal(err)
	}
	data := bytes.Clone(b.bytes())
	if n := mem.CurrentAlloc(); n < len(data) {
		t.Errorf("a copy of %d bytes takes %d of the allocator", len(data), n)
	}
	b.free()
	mem.AssertSize(t, 0)
	return data
}

func TestDecompressRaw(t *testing.T) {
	encoder := newRawEncoder(1)
	for _, n := range []int{0, 1, 5000, 100_000, 3 << 20} { // 5,000 are not made shorter
		body := bytes.Repeat([]byte{'x'}, n)
		for i := range min(n, 5000) {
			body[i] = byte(rand.N(256))
		}
		data := copyOf(t, encoder, body)
		got, err := DecompressRaw(data, int64(n))
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes come back as %d, error %v", n, len(got), err)
		}
		if n > 0 {
			if _, err := DecompressRaw(data, int64(n)-1); !errors.Is(err, ErrAnswerTooLong) {
				t.Errorf("%d bytes with room for one less: error %v", n, err)
			}
		}
		for cut := range min(len(data), 50) {
			if _, err := DecompressRaw(data[:cut], 1<<30); err == nil {
				t.Errorf("%d bytes: the first %d of %d of its copy are taken for whole", n, cut, len(data))
			}
		}
	}
	for _, text := range []string{"{}", "\x28\xb5\x2f\xfd", strings.Repeat("\x00", 100)} {
		if _, err := DecompressRaw([]byte(text), 1<<20); err == nil {
			t.Errorf("%q is taken for a copy", text)
		}
	}
}

// Copies of early versions have a window of 8 MiB.
func TestDecompressRawOfEarlyVersions(t *testing.T) {
	z, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true))
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 6<<20)
	for i := range body {
		body[i] = byte(rand.N(256))
	}
	body = append(body, body...)
	data := z.EncodeAll(body, nil)
	if len(data) > len(body)*2/3 {
		t.Fatalf("%d of %d bytes: the window is too small for this test", len(data), len(body))
	}
	if got, err := DecompressRaw(data, int64(len(body))); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes come back as %d, error %v", len(body), len(got), err)
	}
}

// FuzzRaw: no bytes make DecompressRaw return more than it may, and every answer
// comes back as it was.
func FuzzRaw(f *testing.F) {
	encoder := newRawEncoder(1)
	for _, body := range bodies(f) {
		f.Add(body)
		f.Add(copyOf(f, encoder, body))
	}
	f.Fuzz(func(t *testing.T, bytesIn []byte) {
		const limit = 1 << 16
		if got, err := DecompressRaw(bytesIn, limit); err == nil && len(got) > limit {
			t.Errorf("%d bytes, at most %d were allowed", len(got), limit)
		}
		data := copyOf(t, encoder, bytesIn)
		if got, err := DecompressRaw(data, int64(len(bytesIn))); err != nil || !bytes.Equal(got, bytesIn) {
			t.Errorf("answer does not come back: %v", err)
		}
	})
}

// Copies that no entry names are found like data, and only those that are what
// their path says.
func TestPruneFindsRaw(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", finished("b", "x", 1))
	cfg := config(t, source, store, "csv")
	cfg.KeepRaw = true
	export(t, cfg, "b", Exported)
	copied := func(body string) string { return string(copyOf(t, newRawEncoder(1), []byte(body))) }
	put := func(name, data string) { putObject(t, store, name, data) }
	put("_raw/email_find/c.json.zst", copied(finished("c", "x", 1)))
	put("_raw/phone_find/p.json.zst", copied(finished("p", "x", 1)))
	put("_raw/email_find/d.json.zst", copied(finished("other", "x", 1)))
	put("_raw/email_find/e.json.zst", copied("[1"))
	put("_raw/email_find/f.json.zst", "notes")
	put("_raw/email_find/notes.txt", "notes")
	want := []string{
		"deleted orphan _raw/email_find/c.json.zst", "deleted orphan _raw/phone_find/p.json.zst",
		"foreign _raw/email_find/d.json.zst", "foreign _raw/email_find/e.json.zst", "foreign _raw/email_find/f.json.zst",
		"foreign _raw/email_find/notes.txt",
	}
	got, err := prune(t.Context(), t, store, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	sound(t, store, "b")
}

// By force a copy that is damaged is made again, asked for or not.
func TestForceMendsTheCopy(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", finished("b", "x", 1))
	cfg := config(t, source, store, "csv")
	cfg.KeepRaw = true
	export(t, cfg, "b", Exported)
	removeObject(t, store, rawPath)
	putObject(t, store, rawPath, "damage")
	cfg.KeepRaw, cfg.Force = false, true
	export(t, cfg, "b", Exported)
	sound(t, store, "b")
}

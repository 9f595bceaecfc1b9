package pipeline

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"enrow-export/schema"
	"enrow-export/sinks"
)

func TestVerifyNamesEveryDifference(t *testing.T) {
	replace := func(t *testing.T, store sinks.Store, name, data string) {
		t.Helper()
		removeObject(t, store, name)
		if data == "" {
			return
		}
		putObject(t, store, name, data)
	}
	const entry = "_manifest/email_find/b.json"
	// edit changes the manifest's entry, as a person might.
	edit := func(old, replacement string) func(*testing.T, sinks.Store) {
		return func(t *testing.T, store sinks.Store) {
			text := objects(t, store)[entry]
			if !strings.Contains(text, old) {
				t.Fatalf("entry has no %s", old)
			}
			replace(t, store, entry, strings.Replace(text, old, replacement, 1))
		}
	}
	// forge writes another file and the digests that go with it.
	forge := func(path string, change func(string) string) func(*testing.T, sinks.Store) {
		return func(t *testing.T, store sinks.Store) {
			old := objects(t, store)[path]
			forged := change(old)
			if forged == old {
				t.Fatal("the forgery changes nothing")
			}
			replace(t, store, path, forged)
			text := objects(t, store)[entry]
			text = strings.Replace(text, hexSum(old), hexSum(forged), 1)
			before, after, _ := strings.Cut(text, strconv.Quote(path))
			text = before + strconv.Quote(path) + strings.Replace(after,
				fmt.Sprintf(`"bytes": %d,`, len(old)), fmt.Sprintf(`"bytes": %d,`, len(forged)), 1)
			e := readEntry(t, store, "b")
			for _, f := range e.published() {
				if f.Path == path {
					info, err := store.Stat(t.Context(), path)
					if err != nil {
						t.Fatal(err)
					}
					text = strings.Replace(text, f.CRC32C, encodeCRC32C(info.CRC32C), 1)
				}
			}
			replace(t, store, entry, text)
		}
	}
	csv := func(old, replacement string) func(*testing.T, sinks.Store) {
		return forge("email_find/b.csv", func(s string) string { return strings.Replace(s, old, replacement, 1) })
	}
	cases := []struct {
		name   string
		damage func(t *testing.T, store sinks.Store) // nil: none
		want   string                                // of the one difference
		depth  Depth                                 // the least that sees it; empty when not even the full does
	}{
		{"nothing", nil, "", ""},
		{"missing file", func(t *testing.T, s sinks.Store) { replace(t, s, "email_find/b.csv", "") }, "email_find/b.csv is missing", DepthSize},
		{"other size", func(t *testing.T, s sinks.Store) { replace(t, s, "email_find/b.csv", "x") }, "email_find/b.csv has 1 bytes, the manifest says", DepthSize},
		{"one byte", func(t *testing.T, s sinks.Store) {
			data := objects(t, s)["email_find/b.parquet"]
			replace(t, s, "email_find/b.parquet", data[:100]+string([]byte{data[100] ^ 1})+data[101:])
		}, "email_find/b.parquet has another sha256", DepthChecksum},
		{"rows", edit(`"rows": 2,`, `"rows": 3,`), "b.csv has 2 rows, the manifest says 3", DepthFull},
		{"crc32c", func(t *testing.T, s sinks.Store) {
			edit(readEntry(t, s, "b").Files["csv"].CRC32C, "AAAAAA==")(t, s)
		}, "email_find/b.csv has another crc32c", DepthChecksum},
		{"columns", forge("email_find/b.csv", func(s string) string { return strings.Replace(s, "index,", "Index,", 1) }), "email_find/b.csv has the columns batch_id,batch_custom,Index", DepthFull},
		{"a value", csv("x1@", "y1@"), "email_find/b.csv has other rows than the manifest says: their content_sha256", DepthFull},
		{"null for an empty string", csv(`,"",`, ",,"), "email_find/b.csv has other rows", DepthFull},
		{"content_sha256", edit(`"content_sha256": "`, `"content_sha256": "0000`), "email_find/b.parquet has other rows", DepthFull},
		{"no content_sha256", edit(`"content_sha256"`, `"error"`), "", ""},
		{"copy missing", func(t *testing.T, s sinks.Store) { replace(t, s, rawPath, "") }, rawPath + " is missing", DepthSize},
		{"copy of another answer", forge(rawPath, func(s string) string {
			body, err := DecompressRaw([]byte(s), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return string(copyOf(t, newRawEncoder(1), bytes.Replace(body, []byte("x1@"), []byte("y1@"), 1)))
		}), rawPath + " has another answer than the manifest says", DepthFull},
		{"unreadable", forge("email_find/b.ndjson", func(s string) string { return strings.Replace(s, "{", "[", 1) }), "email_find/b.ndjson cannot be read back", DepthFull},
		{"never exported", func(t *testing.T, s sinks.Store) { replace(t, s, entry, "") }, "was never exported here", DepthSize},
		{"entry cut", func(t *testing.T, s sinks.Store) { replace(t, s, entry, objects(t, s)[entry][:50]) }, "not valid JSON", DepthSize},
		{"failed", edit(`"state": "exported"`, `"state": "failed"`), "is failed, not exported", DepthSize},
		{"being replaced", edit(`"first_exported_at"`, `"replacing": {"csv": {"path": "email_find/b.csv", "rows": 1, "bytes": 1, "sha256": "", "crc32c": "", "compression": "none"}}, "first_exported_at"`), "files are being replaced", DepthSize},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, source := sinks.NewMemory(), newAnswers()
			source.set("b", strings.Replace(finished("b", "x", 2), `"custom":"x"`, `"custom":""`, 1))
			cfg := config(t, source, store, "parquet", "ndjson", "csv")
			cfg.KeepRaw = true
			export(t, cfg, "b", Exported)
			if c.damage != nil {
				c.damage(t, store)
			}
			sees := false
			for _, depth := range Depths() {
				for _, batches := range []int{1, -1} {
					checked, err := NewVerifier(store, depth, batches).Verify(t.Context(), &schema.EmailFind, "b")
					if err != nil {
						t.Fatal(err)
					}
					var got []string
					told := make(map[string]bool)
					for _, d := range checked.Differences {
						got = append(got, d.Path+" "+d.Problem)
						if told[d.Path] {
							t.Errorf("depth %s: more than one difference of %s: %q", depth, d.Path, got)
						}
						told[d.Path] = true
					}
					text := strings.Join(got, "\n")
					sees = sees || depth == c.depth
					// Sizes alone say less of a file.
					if sees != (text != "") || depth == DepthFull && !strings.Contains(text, c.want) {
						t.Errorf("depth %s: differences %q, want %q from depth %q on", depth, text, c.want, c.depth)
					}
					if strings.Contains(text, "example.com") {
						t.Errorf("differences quote a value: %s", text)
					}
				}
			}
		})
	}
}

package verify_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/sinks"
)

func TestVerifyNamesEveryDifference(t *testing.T) {
	replace := func(t *testing.T, store sinks.Store, name, data string) {
		t.Helper()
		pipelinetest.RemoveObject(t, store, name)
		if data == "" {
			return
		}
		pipelinetest.PutObject(t, store, name, data)
	}
	const entry, rawPath = "_manifest/email_find/b.json", "_raw/email_find/b.json.zst"
	// edit changes the manifest's entry, as a person might.
	edit := func(old, replacement string) func(*testing.T, sinks.Store) {
		return func(t *testing.T, store sinks.Store) {
			text := pipelinetest.Objects(t, store)[entry]
			if !strings.Contains(text, old) {
				t.Fatalf("entry has no %s", old)
			}
			replace(t, store, entry, strings.Replace(text, old, replacement, 1))
		}
	}
	// forge writes another file and the digests that go with it.
	forge := func(path string, change func(string) string) func(*testing.T, sinks.Store) {
		return func(t *testing.T, store sinks.Store) {
			old := pipelinetest.Objects(t, store)[path]
			forged := change(old)
			if forged == old {
				t.Fatal("the forgery changes nothing")
			}
			replace(t, store, path, forged)
			text := pipelinetest.Objects(t, store)[entry]
			text = strings.Replace(text, pipelinetest.HexSum(old), pipelinetest.HexSum(forged), 1)
			before, after, _ := strings.Cut(text, strconv.Quote(path))
			text = before + strconv.Quote(path) + strings.Replace(after,
				fmt.Sprintf(`"bytes": %d,`, len(old)), fmt.Sprintf(`"bytes": %d,`, len(forged)), 1)
			e := pipelinetest.ReadEntry(t, store, "b")
			for _, f := range e.Published() {
				if f.Path == path {
					info, err := store.Stat(t.Context(), path)
					if err != nil {
						t.Fatal(err)
					}
					text = strings.Replace(text, f.CRC32C, manifest.EncodeCRC32C(info.CRC32C), 1)
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
		depth  verify.Depth                          // the least that sees it; empty when not even the full does
	}{
		{"nothing", nil, "", ""},
		{"missing file", func(t *testing.T, s sinks.Store) { replace(t, s, "email_find/b.csv", "") }, "email_find/b.csv is missing", verify.Size},
		{"other size", func(t *testing.T, s sinks.Store) { replace(t, s, "email_find/b.csv", "x") }, "email_find/b.csv has 1 bytes, but the manifest records", verify.Size},
		{"one byte", func(t *testing.T, s sinks.Store) {
			data := pipelinetest.Objects(t, s)["email_find/b.parquet"]
			replace(t, s, "email_find/b.parquet", data[:100]+string([]byte{data[100] ^ 1})+data[101:])
		}, "email_find/b.parquet has another sha256", verify.Checksum},
		{"rows", edit(`"rows": 2,`, `"rows": 3,`), "b.csv has 2 rows, but the manifest records 3", verify.Full},
		{"crc32c", func(t *testing.T, s sinks.Store) {
			edit(pipelinetest.ReadEntry(t, s, "b").Files["csv"].CRC32C, "AAAAAA==")(t, s)
		}, "email_find/b.csv has another crc32c", verify.Checksum},
		{"columns", forge("email_find/b.csv", func(s string) string { return strings.Replace(s, "index,", "Index,", 1) }), "email_find/b.csv has the columns batch_id,batch_custom,Index", verify.Full},
		{"a value", csv("x1@", "y1@"), "email_find/b.csv has other rows than the manifest records: the content_sha256", verify.Full},
		{"null for an empty string", csv(`,"",`, ",,"), "email_find/b.csv has other rows", verify.Full},
		{"content_sha256", edit(`"content_sha256": "`, `"content_sha256": "`+pipelinetest.HexSum("")+`", "error": "`), "email_find/b.parquet has other rows", verify.Full},
		{"no content_sha256", edit(`"content_sha256"`, `"error"`), "", ""},
		{"copy missing", func(t *testing.T, s sinks.Store) { replace(t, s, rawPath, "") }, rawPath + " is missing", verify.Size},
		{"copy of another answer", forge(rawPath, func(s string) string {
			body, err := manifest.DecompressRaw([]byte(s), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return pipelinetest.CopyOf(t, bytes.Replace(body, []byte("x1@"), []byte("y1@"), 1))
		}), rawPath + " has another response than the manifest records", verify.Full},
		{"unreadable", forge("email_find/b.ndjson", func(s string) string { return strings.Replace(s, "{", "[", 1) }), "email_find/b.ndjson cannot be read back", verify.Full},
		{"never exported", func(t *testing.T, s sinks.Store) { replace(t, s, entry, "") }, "was never exported here", verify.Size},
		{"entry cut", func(t *testing.T, s sinks.Store) { replace(t, s, entry, pipelinetest.Objects(t, s)[entry][:50]) }, "not valid JSON", verify.Size},
		{"failed", edit(`"state": "exported"`, `"state": "failed"`), "is failed, not exported", verify.Size},
		{"being replaced", edit(`"first_exported_at"`, `"replacing": {"csv": {"path": "email_find/b.csv", "rows": 1, "bytes": 1, "sha256": "`+pipelinetest.HexSum("")+`", "crc32c": "AAAAAA==", "compression": "none"}}, "first_exported_at"`), "files are being replaced", verify.Size},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
			source.Set("b", strings.Replace(pipelinetest.Finished("b", "x", 2), `"custom":"x"`, `"custom":""`, 1))
			cfg := pipelinetest.NewConfig(t, source, store, "parquet", "ndjson", "csv")
			cfg.KeepRaw = true
			pipelinetest.Export(t, cfg, "b", export.Exported)
			if c.damage != nil {
				c.damage(t, store)
			}
			sees := false
			for _, depth := range verify.Depths() {
				for _, batches := range []int{1, -1} {
					checked := pipelinetest.Verify(t, store, depth, batches, &schema.EmailFind, "b")
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
					if sees != (text != "") || depth == verify.Full && !strings.Contains(text, c.want) {
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

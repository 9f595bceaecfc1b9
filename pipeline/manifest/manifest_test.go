package manifest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// FuzzEntry: any bytes are an entry that can be written and read again without
// change, or are refused.
func FuzzEntry(f *testing.F) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 1))
	cfg := export.Config{Table: &schema.EmailFind, Source: source, Store: store}
	cfg.Layout, _ = manifest.ParseLayout(manifest.DefaultLayout)
	for _, format := range sinks.Formats() {
		enc, err := sinks.NewEncoding(format.Name, "")
		if err != nil {
			f.Fatal(err)
		}
		cfg.Encodings = append(cfg.Encodings, enc)
	}
	if _, err := export.Run(f.Context(), cfg, []string{"b"}, nil); err != nil {
		f.Fatal(err)
	}
	data, _, err := store.Get(f.Context(), "_manifest/email_find/b.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"manifest_version":1,"batch_id":"b","kind":"email-find","state":"failed","permanent":true,"batch":{"a":"\ud800<&>"},"updated_at":"2026-01-02T03:04:05Z","attempts":1,"error":"e","tool_version":""}`))
	f.Add([]byte(`{"manifest_version":1,"batch_id":"b","kind":"email-find","state":"pending","superseded":["x"],"updated_at":"2026-01-02T03:04:05Z","attempts":0,"tool_version":""}`))
	m := manifest.Manifest{Store: store, Table: &schema.EmailFind}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := m.Unmarshal("b", data)
		if err != nil {
			return
		}
		text, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.Unmarshal("b", text)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, text)
		}
		sameJSON := cmp.Transformer("JSON", func(raw json.RawMessage) any {
			var v any
			_ = json.Unmarshal(raw, &v) // nil on both sides when absent
			return v
		})
		if diff := cmp.Diff(e, again, sameJSON); diff != "" {
			t.Errorf("entry (-read +written and read):\n%s", diff)
		}
	})
}

func TestListedEntries(t *testing.T) {
	store := sinks.NewMemory()
	for _, name := range []string{
		"_manifest/email_find/b.json", "_manifest/email_find/a.json", "_manifest/email_find/.json", "_manifest/email_find/x.txt",
		"_manifest/email_find/a b.json", "_manifest/email_find/deeper/c.json", "_manifest/email_find2/d.json", "email_find/e.json",
	} {
		if _, err := store.Put(t.Context(), name, nil, sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for l, err := range (manifest.Manifest{Store: store, Table: &schema.EmailFind}).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.BatchID)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

// Paths are read, replaced and deleted: an entry that names one where none of
// its kind can be is refused.
func TestEntryPathsAreChecked(t *testing.T) {
	file := func(path string) string {
		compression := "none"
		if strings.HasSuffix(path, ".zst") {
			compression = "zstd"
		}
		return `{"path":"` + path + `","rows":0,"bytes":0,"sha256":"` + pipelinetest.HexSum("") + `","crc32c":"AAAAAA==","compression":"` + compression + `"}`
	}
	cases := []struct {
		member string
		ok     bool
	}{
		{`"files":{"csv":` + file("email_find/b.csv") + `}`, true},
		{`"files":{"csv":` + file("../b.csv") + `}`, false},
		{`"files":{"csv":` + file("_manifest/email_find/c.json") + `}`, false},
		{`"files":{"csv":` + file("a/_x/b.csv") + `}`, false},
		{`"files":{"exe":` + file("b.exe") + `}`, false},
		{`"files":{"raw":` + file("_raw/email_find/b.json.zst") + `}`, false},
		{`"files":{"csv":` + file("_raw/email_find/b.json.zst") + `}`, false},
		{`"raw":` + file("_raw/email_find/b.json.zst") + `,"source":{"sha256":"` + pipelinetest.HexSum("") + `","bytes":2}`, true},
		{`"raw":` + file("_raw/email_find/b.json.zst"), false},
		{`"raw":` + file("_raw/email_find/c.json.zst"), false},
		{`"raw":` + file("email_find/b.csv"), false},
		{`"replacing":{"raw":` + file("_raw/email_find/b.json.zst") + `}`, true},
		{`"replacing":{"raw":` + file("_manifest/email_find/b.json") + `}`, false},
		{`"replacing":{"csv":` + file("/etc/passwd") + `}`, false},
		{`"superseded":["email_find/b.csv","_raw/email_find/b.json.zst"]`, true},
		{`"files":{"csv":` + file("b/email_find/csv") + `}`, true},
		{`"files":{"csv":` + file("email_find/c.csv") + `}`, false},
		{`"files":{"csv":` + file("phone_find/b.csv") + `}`, false},
		{`"files":{"csv":` + file("email_find/b.txt") + `}`, false},
		{`"files":{"csv":` + file("email_find/packed-000001.csv") + `}`, false},
		{`"replacing":{"csv":` + file("email_find/c.csv") + `}`, false},
		{`"superseded":["email_find/c.csv"]`, false},
		{`"superseded":["phone_find/b.csv"]`, false},
		{`"superseded":["_raw/email_find/c.json.zst"]`, false},
		{`"superseded":["_manifest/email_find/b.json"]`, false},
	}
	for _, c := range cases {
		entry := `{"manifest_version":1,"batch_id":"b","kind":"email-find","state":"pending",` + c.member +
			`,"updated_at":"2026-01-02T03:04:05Z","attempts":1,"tool_version":""}`
		_, err := (manifest.Manifest{Table: &schema.EmailFind}).Unmarshal("b", []byte(entry))
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want one: %t", c.member, err, !c.ok)
		}
	}
}

// An entry is indented for people, but never to many times its size.
func TestEntryDoesNotBlowUp(t *testing.T) {
	for _, batch := range []string{
		`{"x":[` + strings.Repeat(strings.Repeat("[", 900)+strings.Repeat("]", 900)+",", 100) + `0]}`,
		`{"x":` + strings.Repeat("[", 18) + strings.Repeat("1,", 100_000) + "1" + strings.Repeat("]", 18) + `}`,
	} {
		e := manifest.Entry{Batch: json.RawMessage(batch)}
		if text, err := e.Marshal(); err != nil || len(text) > 2*len(e.Batch) {
			t.Errorf("%d bytes become %d, error %v", len(e.Batch), len(text), err)
		}
	}
	e := manifest.Entry{Batch: json.RawMessage(`{"x":{"y":1}}`)}
	if text, err := e.Marshal(); err != nil || !strings.Contains(string(text), "\n    \"x\": {\n") {
		t.Errorf("entry is not indented: %s, error %v", text, err)
	}
}

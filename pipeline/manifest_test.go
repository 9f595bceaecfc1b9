package pipeline

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// FuzzEntry: any bytes are an entry that can be written and read again without
// change, or are refused.
func FuzzEntry(f *testing.F) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", finished("b", "x", 1))
	cfg := Config{Table: &schema.EmailFind, Source: source, Store: store}
	cfg.Layout, _ = ParseLayout(DefaultLayout)
	for _, format := range sinks.Formats() {
		enc, err := sinks.NewEncoding(format.Name, "")
		if err != nil {
			f.Fatal(err)
		}
		cfg.Encodings = append(cfg.Encodings, enc)
	}
	if _, err := Run(f.Context(), cfg, []string{"b"}, nil); err != nil {
		f.Fatal(err)
	}
	data, _, err := store.Get(f.Context(), "_manifest/email_find/b.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"manifest_version":1,"batch_id":"b","kind":"email-find","state":"failed","permanent":true,"batch":{"a":"\ud800<&>"},"updated_at":"2026-01-02T03:04:05Z","attempts":1,"error":"e","tool_version":""}`))
	f.Add([]byte(`{"manifest_version":1,"batch_id":"b","kind":"email-find","state":"pending","superseded":["x"],"updated_at":"2026-01-02T03:04:05Z","attempts":0,"tool_version":""}`))
	m := Manifest{store, &schema.EmailFind}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := m.decode("b", data)
		if err != nil {
			return
		}
		text, err := e.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := m.decode("b", text)
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

func TestManifestIDs(t *testing.T) {
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
	for id, err := range (Manifest{store, &schema.EmailFind}).IDs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if diff := cmp.Diff([]string{"a", "b"}, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

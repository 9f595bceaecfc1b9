package manifest

import (
	"maps"
	"testing"
	"time"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// FuzzNote: any text as a note tells nothing, or what an entry could say, and then
// the note of that entry says the same.
func FuzzNote(f *testing.F) {
	m := Manifest{Store: sinks.NewMemory(), Table: &schema.EmailFind}
	rows, permanent := int64(3), true
	sum := SHA256([]byte("x"))
	file := File{Path: "email_find/b.parquet", Rows: 3, Bytes: 7, SHA256: sum, CRC32C: EncodeCRC32C(1), Compression: "zstd"}
	packed := file
	packed.Path, packed.PackedFrom, packed.FirstRow, packed.FileRows = PackPath(m.Table, 1), sum, 2, 9
	at := time.UnixMilli(1_700_000_000_000).UTC()
	for _, e := range []*Entry{
		{State: StateExported, Rows: &rows, Schema: &SchemaRef{m.Table.Name, 1, sum, nil}, Files: map[string]File{"parquet": file}},
		{State: StateExported, Rows: &rows, Schema: &SchemaRef{m.Table.Name, 1, sum, nil}, Files: map[string]File{"parquet": packed}},
		{State: StateExported, Rows: &rows, Schema: &SchemaRef{m.Table.Name, 1, sum, nil}, Files: map[string]File{"parquet": file}, FirstExportedAt: &at, Batch: []byte(`{"stats":{"valid":2,"credits_cost":{"final":1.25,"refunded":0.5}}}`)},
		{State: StateFailed, Permanent: &permanent, Error: "why"},
		{State: StateOngoing, Attempts: 4, RecordedAt: &at},
	} {
		e.ManifestVersion, e.BatchID, e.Kind, e.UpdatedAt = Version, "b", m.Table.Kind, at
		text := m.noteOf(e)
		if text == "" {
			f.Fatalf("%+v has no note", e)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, more := m.ofNote("b", text)
		if e == nil || more {
			return
		}
		if err := m.checkSummary(e); err != nil {
			t.Fatalf("%s tells of an entry that %v", text, err)
		}
		again := m.noteOf(e)
		if again == "" {
			return // too long for a note of this program
		}
		if got, _ := m.ofNote("b", again); got == nil {
			t.Errorf("%s tells something, and %s, the same, nothing", text, again)
		}
	})
}

// FuzzSegment: any bytes are a segment of the cache or none, and what it says is the same
// when it is written again.
func FuzzSegment(f *testing.F) {
	whole, err := encodeSegment([]string{"a", "b"}, map[string]line{"a": {"1", "{}"}, "b": {`"etag"`, `{"s":"pending"}`}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(cacheHeader))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := parseSegment(data)
		again, err := encodeSegment(inListingOrder(lines), lines)
		if err != nil {
			t.Fatal(err)
		}
		if got := parseSegment(again); len(lines) > 0 && !maps.Equal(lines, got) {
			t.Errorf("%v was written, and %v read", lines, got)
		}
	})
}

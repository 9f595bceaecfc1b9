package manifest

import (
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// A note that is of another version, of other bytes or of another object, or is
// none at all, tells nothing.
func TestUnknownNotesTellNothing(t *testing.T) {
	m := Manifest{Store: sinks.NewMemory(), Table: &schema.EmailFind}
	rows := int64(1)
	e := &Entry{
		ManifestVersion: Version, BatchID: "a", Kind: schema.EmailFind.Kind, State: StateExported, Rows: &rows, UpdatedAt: time.Unix(1, 0).UTC(),
		Schema: &SchemaRef{schema.EmailFind.Name, 1, SHA256([]byte("f")), nil},
		Files:  map[string]File{"csv": {Path: "email_find/a.csv", Rows: 1, Bytes: 7, SHA256: SHA256([]byte("x")), CRC32C: EncodeCRC32C(1), Compression: "none"}},
	}
	data := []byte("the entry")
	sum := crc32.Checksum(data, sinks.Castagnoli)
	text := m.noteOf(e, data)
	if got, _ := m.ofNote("a", text, sum); got == nil {
		t.Fatalf("the note %q itself tells nothing", text)
	}
	for what, c := range map[string]struct {
		id, note string
		sum      uint32
	}{
		"none":          {"a", "", sum},
		"other version": {"a", strings.Replace(text, `"v":1`, `"v":2`, 1), sum},
		"new field":     {"a", strings.Replace(text, `{`, `{"new":1,`, 1), sum},
		"cut":           {"a", text[:len(text)-1], sum},
		"somebody's":    {"a", "reviewed by finance", sum},
		"other bytes":   {"a", text, sum + 1},
		"other object":  {"b", text, sum},
		"bad digest":    {"a", strings.Replace(text, `"h":"`, `"h":"!`, 2), sum},
		"no files":      {"a", text[:strings.Index(text, `,"f"`)] + "}", sum},
	} {
		if got, _ := m.ofNote(c.id, c.note, c.sum); got != nil {
			t.Errorf("%s: %q tells %+v", what, c.note, got)
		}
	}
}

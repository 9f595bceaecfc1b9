package manifest

import (
	"strings"
	"testing"
	"time"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// A note that has what this program does not know, or cannot be of the batch, or is none at
// all, tells nothing.
func TestUnknownNotesTellNothing(t *testing.T) {
	m := Manifest{Store: sinks.NewMemory(), Table: &schema.EmailFind}
	rows := int64(1)
	e := &Entry{
		ManifestVersion: Version, BatchID: "a", Kind: schema.EmailFind.Kind, State: StateExported, Rows: &rows, UpdatedAt: time.Unix(1, 0).UTC(),
		Schema: &SchemaRef{schema.EmailFind.Name, 1, SHA256([]byte("f")), nil},
		Files:  map[string]File{"csv": {Path: "email_find/a.csv", Rows: 1, Bytes: 7, SHA256: SHA256([]byte("x")), CRC32C: EncodeCRC32C(1), Compression: "none"}},
	}
	text := m.noteOf(e)
	if got, _ := m.ofNote("a", text); got == nil {
		t.Fatalf("the note %q itself tells nothing", text)
	}
	for what, note := range map[string]string{
		"none":       "",
		"new field":  strings.Replace(text, `{`, `{"new":1,`, 1),
		"cut":        text[:len(text)-1],
		"somebody's": "reviewed by finance",
		"bad digest": strings.Replace(text, `"h":"`, `"h":"!`, 2),
		"no files":   text[:strings.Index(text, `,"f"`)] + "}",
	} {
		if got, _ := m.ofNote("a", note); got != nil {
			t.Errorf("%s: %q tells %+v", what, note, got)
		}
	}
}

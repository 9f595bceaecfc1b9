package manifest

import "testing"

// NoteOf returns what the cache has of an entry.
func NoteOf(m Manifest, e *Entry) string { return m.noteOf(e) }

// Segment returns the content of a segment of the cache that has one entry.
func Segment(t *testing.T, id, version, note string) string {
	t.Helper()
	data, err := encodeSegment([]string{id}, map[string]line{id: {version, note}})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

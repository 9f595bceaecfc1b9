package pipeline

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// anyEntry returns an entry such as a program might write, with the odd one
// among them.
func anyEntry(r *rand.Rand, id string) *Entry {
	maybe := func(percent int) bool { return r.IntN(100) < percent }
	rows := r.Int64N(5)
	e := &Entry{
		ManifestVersion: ManifestVersion, BatchID: id, Kind: schema.EmailFind.Kind,
		State:     []State{StatePending, StateOngoing, StateFailed, StateExported, StateExported, StateExported}[r.IntN(6)],
		UpdatedAt: time.UnixMilli(1_700_000_000_000 + r.Int64N(1e10)).UTC(), Attempts: r.IntN(4), ToolVersion: "test",
		Batch: []byte(`{"general":{}}`),
	}
	if maybe(5) {
		e.UpdatedAt = e.UpdatedAt.Add(time.Microsecond)
	}
	if e.State == StateFailed {
		permanent := maybe(50)
		e.Permanent = &permanent
	}
	if e.State == StateFailed || maybe(5) {
		e.Error = "some error"
	}
	if maybe(5) {
		e.Warnings = []string{"odd"}
	}
	if maybe(5) {
		e.Superseded = []string{"email_find/x.csv"}
	}
	if e.State != StateExported {
		return e
	}
	layouts := []Layout{{DefaultLayout}, {"{table}/{ext}/{batch_id}.{ext}"}, {"é/{table}/{batch_id}.{ext}"}, {strings.Repeat("long/", r.IntN(300)) + DefaultLayout}}
	file := func(format, compression string) File {
		f := File{
			Rows: rows, Bytes: r.Int64N(3), Compression: compression, Neutralised: format == "csv" && maybe(30),
			SHA256: hexSum(fmt.Sprint(r.Int())), CRC32C: encodeCRC32C(r.Uint32()),
		}
		if enc, err := f.encoding(format); err == nil {
			f.Path = layouts[min(r.IntN(12), 3)%4].Path(&schema.EmailFind, id, enc.Ext())
		}
		if maybe(70) {
			f.Path = layouts[0].Path(&schema.EmailFind, id, format)
		}
		if maybe(3) {
			f.Rows++
		}
		if maybe(3) {
			f.SHA256 = strings.ToUpper(f.SHA256)
		}
		return f
	}
	e.Rows, e.Source = &rows, &SourceRef{SHA256: hexSum("x"), Bytes: 1}
	e.Schema = &SchemaRef{Table: schema.EmailFind.Name, Version: 1, Fingerprint: schema.EmailFind.Fingerprint()}
	if maybe(10) {
		e.Schema.Version = 2
	}
	if maybe(10) {
		e.Schema.Fingerprint, e.Schema.Columns = hexSum("few"), []string{"batch_id", "email"}
	}
	e.Files = map[string]File{}
	for _, format := range sinks.Formats() {
		if len(e.Files) == 0 || maybe(50) {
			e.Files[format.Name] = file(format.Name, format.Compressions[r.IntN(len(format.Compressions))])
		}
	}
	if maybe(30) {
		raw := file(rawFormat, rawCompression)
		raw.Path = RawPath(&schema.EmailFind, id)
		e.Raw = &raw
	}
	if maybe(5) {
		e.Replacing = map[string]File{"csv": file("csv", "none")}
	}
	return e
}

// Whatever an entry says: from its note, where that tells enough, the batch is
// done under the same settings for which the entry itself says so, and what is
// shown of it is the same.
func TestNoteTellsWhatTheEntryTells(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	store := sinks.NewMemory()
	manifest := Manifest{store, &schema.EmailFind}
	var noted, unnoted, more, done, undone int
	for i := range 5000 {
		id := fmt.Sprintf("batch-%d", i)
		e := anyEntry(r, id)
		data, err := e.encode()
		if err != nil {
			t.Fatal(err)
		}
		text := manifest.noteOf(e, data)
		if text == "" {
			unnoted++
			continue
		}
		noted++
		got, rest := manifest.ofNote(id, sinks.Info{Note: text, CRC32C: crc32.Checksum(data, castagnoli)})
		if got == nil || got.State != e.State || !cmp.Equal(got.Permanent, e.Permanent) {
			t.Fatalf("note %s of %s tells %+v", text, data, got)
		}
		if rest {
			more++
			continue
		}
		want, _ := e.essence()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what the note tells (-entry +note):\n%s", diff)
		}
		if e.Error+got.Error != "" || len(e.Replacing)+len(e.Superseded)+len(e.Warnings)+len(e.Mismatches) > 0 {
			t.Errorf("a note that tells all of %s", data)
		}
		for _, f := range e.published() {
			if r.IntN(10) > 0 {
				_, _ = store.Put(t.Context(), f.Path, make([]byte, f.Bytes), sinks.IfAbsent())
			}
		}
		for _, formats := range [][]string{{"parquet"}, {"csv"}, {"csv", "ndjson=gzip"}, {"csv=gzip"}, {"parquet=snappy"}} {
			cfg := config(t, newAnswers(), store, formats...)
			cfg.KeepRaw = r.IntN(3) == 0
			cfg.Encodings[0].Neutralised = formats[0] == "csv" && r.IntN(3) == 0
			if r.IntN(4) == 0 {
				cfg.Columns = []string{"batch_id", "email"}
			}
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			x := newExporter(cfg, nil)
			fromEntry, err := x.undone(t.Context(), id, e)
			if err != nil {
				t.Fatal(err)
			}
			fromNote, err := x.undone(t.Context(), id, got)
			if err != nil {
				t.Fatal(err)
			}
			if fromEntry != fromNote {
				t.Errorf("%v: by the entry %q, by the note %q\n%s\n%s", formats, fromEntry, fromNote, data, text)
			}
			if fromEntry == "" {
				done++
			} else {
				undone++
			}
		}
	}
	for what, n := range map[string]int{"notes": noted, "without a note": unnoted, "more": more, "done": done, "not done": undone} {
		if n < 100 {
			t.Errorf("only %d: %s", n, what)
		}
	}
}

// A note that is of another version, of other bytes or of another object, or is
// none at all, tells nothing.
func TestUnknownNotesTellNothing(t *testing.T) {
	manifest := Manifest{sinks.NewMemory(), &schema.EmailFind}
	rows := int64(1)
	e := &Entry{
		ManifestVersion: ManifestVersion, BatchID: "a", Kind: schema.EmailFind.Kind, State: StateExported, Rows: &rows,
		Schema: &SchemaRef{schema.EmailFind.Name, 1, "f", nil},
		Files:  map[string]File{"csv": {Path: "email_find/a.csv", Rows: 1, Bytes: 7, SHA256: hexSum("x"), Compression: "none"}},
	}
	data := []byte("the entry")
	sum := crc32.Checksum(data, castagnoli)
	text := manifest.noteOf(e, data)
	if got, _ := manifest.ofNote("a", sinks.Info{Note: text, CRC32C: sum}); got == nil {
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
		if got, _ := manifest.ofNote(c.id, sinks.Info{Note: c.note, CRC32C: c.sum}); got != nil {
			t.Errorf("%s: %q tells %+v", what, c.note, got)
		}
	}
}

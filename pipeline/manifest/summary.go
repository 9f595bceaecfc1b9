package manifest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

// note is a short form of a summary: enough to tell that a batch is done, and to report
// it. The cache has the notes of many entries (cache.go). The entry is the truth.
// docs/manifest.md says what a note has.
type note struct {
	State     State `json:"s"`
	Permanent *bool `json:"p,omitempty"`
	Dismissed bool  `json:"d,omitempty"`
	// More says that the entry has what a note never has (an error, refusals, warnings,
	// mismatches, files that are being replaced or deleted). The fields that
	// follow are left out then.
	More        bool                `json:"m,omitempty"`
	Updated     int64               `json:"u,omitempty"` // Unix time in milliseconds
	Attempts    int                 `json:"a,omitempty"`
	Rows        *int64              `json:"r,omitempty"`
	Table       int                 `json:"t,omitempty"` // version of the table
	Fingerprint string              `json:"h,omitempty"`
	Files       map[string]noteFile `json:"f,omitempty"` // by format, the copy of the answer as "raw"
	Recorded    int64               `json:"c,omitempty"` // Unix time in milliseconds
	Exported    int64               `json:"e,omitempty"` // Unix time in milliseconds of the first export
	Totals      *Totals             `json:"o,omitempty"`
}

// noteFile is a File whose rows are the entry's.
type noteFile struct {
	Path        string `json:"p,omitempty"` // empty for the one of the default layout
	Bytes       int64  `json:"b"`
	SHA256      string `json:"h"` // base64 without padding
	CRC32C      string `json:"c"`
	Compression string `json:"z"`
	CSVSafe     bool   `json:"n,omitempty"`
	PackedFrom  string `json:"k,omitempty"` // base64 without padding
	FirstRow    int64  `json:"i,omitempty"`
	FileRows    int64  `json:"w,omitempty"`
}

// noteLayout gives the paths that a note leaves out. It belongs to the version
// of the cache, and stays when the default of the program changes.
var noteLayout = Layout{"{table}/{batch_id}.{ext}"}

// notePath returns the path of a file that the note says nothing of.
func (m Manifest) notePath(id, format string, f File) string {
	if format == RawFormat {
		return RawPath(m.Table, id)
	}
	enc, err := f.Encoding(format)
	if err != nil {
		return ""
	}
	return noteLayout.Path(m.Table, id, enc.Ext())
}

// summary returns the entry as its note gives it, and whether there is more.
func (m Manifest) summary(e *Entry) (_ *Entry, more bool) {
	out := &Entry{ManifestVersion: e.ManifestVersion, BatchID: e.BatchID, Kind: e.Kind, State: e.State, Permanent: e.Permanent, Dismissed: e.Dismissed}
	if e.Error != "" || e.Refusals != nil || len(e.Mismatches)+len(e.Warnings)+len(e.Replacing)+len(e.Superseded) > 0 {
		return out, true
	}
	out.UpdatedAt, out.Attempts, out.Rows, out.Files, out.Raw = e.UpdatedAt, e.Attempts, e.Rows, e.Files, e.Raw
	out.RecordedAt, out.FirstExportedAt, out.Totals = e.RecordedAt, e.FirstExportedAt, m.Totals(e)
	if e.Schema != nil {
		out.Schema = &SchemaRef{Table: e.Schema.Table, Version: e.Schema.Version, Fingerprint: e.Schema.Fingerprint}
	}
	return out, false
}

// maxNote bounds a note in bytes.
const maxNote = 2 << 10

// noteOf returns the note of an entry. It is empty when a note of the allowed length
// cannot give the summary exactly.
func (m Manifest) noteOf(e *Entry) string {
	want, more := m.summary(e)
	n := note{State: e.State, Permanent: e.Permanent, Dismissed: e.Dismissed, More: more}
	if !more {
		n.Updated, n.Attempts, n.Rows, n.Totals = e.UpdatedAt.UnixMilli(), e.Attempts, e.Rows, want.Totals
		n.Recorded, n.Exported = milli(want.RecordedAt), milli(want.FirstExportedAt)
		if want.Schema != nil {
			n.Table, n.Fingerprint = want.Schema.Version, want.Schema.Fingerprint
		}
		for format, f := range e.Published() {
			if n.Files == nil {
				n.Files = make(map[string]noteFile)
			}
			nf := noteFile{
				Path: f.Path, Bytes: f.Bytes, SHA256: hexToBase64(f.SHA256), CRC32C: f.CRC32C,
				Compression: f.Compression, CSVSafe: f.CSVSafe,
				PackedFrom: hexToBase64(f.PackedFrom), FirstRow: f.FirstRow, FileRows: f.FileRows,
			}
			if f.Path == m.notePath(e.BatchID, format, f) {
				nf.Path = ""
			}
			n.Files[format] = nf
		}
	}
	text, err := json.Marshal(n) // keys in order
	if err != nil || len(text) > maxNote {
		return ""
	}
	got, again := m.ofNote(e.BatchID, string(text))
	if got == nil || again != more || !got.UpdatedAt.Equal(want.UpdatedAt) ||
		!sameTime(got.FirstExportedAt, want.FirstExportedAt) || !sameTime(got.RecordedAt, want.RecordedAt) {
		return ""
	}
	// Perhaps in another zone.
	got.UpdatedAt, got.FirstExportedAt, got.RecordedAt = want.UpdatedAt, want.FirstExportedAt, want.RecordedAt
	if !reflect.DeepEqual(got, want) {
		return ""
	}
	return string(text)
}

// milli returns a time as notes have it, 0 for none.
func milli(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMilli()
}

func ofMilli(n int64) *time.Time {
	if n == 0 {
		return nil
	}
	t := time.UnixMilli(n).UTC()
	return &t
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// hexToBase64 returns a digest as notes have it. An invalid digest does not survive the
// round trip, and noteOf then makes no note.
func hexToBase64(digest string) string {
	sum, _ := hex.DecodeString(digest)
	return base64.RawStdEncoding.EncodeToString(sum)
}

func base64ToHex(digest string) (string, bool) {
	sum, err := base64.RawStdEncoding.DecodeString(digest)
	return hex.EncodeToString(sum), err == nil
}

// ofNote returns what a note tells of the entry: its summary, or if there is more
// nothing but the state. It is nil when there is no note, or one that cannot be.
func (m Manifest) ofNote(id, text string) (e *Entry, more bool) {
	if text == "" {
		return nil, false
	}
	var n note
	if err := jsonv2.Unmarshal([]byte(text), &n, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, false
	}
	e = &Entry{ManifestVersion: Version, BatchID: id, Kind: m.Table.Kind, State: n.State, Permanent: n.Permanent, Dismissed: n.Dismissed}
	if !slices.Contains(states, n.State) || e.checkFailure() != nil {
		return nil, false
	}
	if n.More {
		return e, true
	}
	e.UpdatedAt, e.Attempts, e.Rows, e.Totals = time.UnixMilli(n.Updated).UTC(), n.Attempts, n.Rows, n.Totals
	e.RecordedAt, e.FirstExportedAt = ofMilli(n.Recorded), ofMilli(n.Exported)
	if !n.Totals.valid() {
		return nil, false
	}
	if n.Fingerprint != "" {
		e.Schema = &SchemaRef{Table: m.Table.Name, Version: n.Table, Fingerprint: n.Fingerprint}
	}
	for format, nf := range n.Files {
		sum, ok := base64ToHex(nf.SHA256)
		from, fromOK := base64ToHex(nf.PackedFrom)
		if !ok || !fromOK || n.Rows == nil {
			return nil, false
		}
		f := File{
			Path: nf.Path, Rows: *n.Rows, Bytes: nf.Bytes, SHA256: sum, CRC32C: nf.CRC32C,
			Compression: nf.Compression, CSVSafe: nf.CSVSafe,
			PackedFrom: from, FirstRow: nf.FirstRow, FileRows: nf.FileRows,
		}
		if f.Path == "" {
			f.Path = m.notePath(id, format, f)
		}
		if format == RawFormat {
			e.Raw = &f
			continue
		}
		if e.Files == nil {
			e.Files = make(map[string]File)
		}
		e.Files[format] = f
	}
	if m.checkSummary(e) != nil {
		return nil, false // then the entry says what is wrong with it
	}
	return e, false
}

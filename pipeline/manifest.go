package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// ManifestVersion is the version of the manifest entries that this program
// writes and reads. An entry of another version is refused, never rewritten.
const ManifestVersion = 1

// State is how far a batch has come.
type State string

const (
	StatePending  State = "pending"  // asked for, not exported yet
	StateOngoing  State = "ongoing"  // the vendor is still working on it
	StateExported State = "exported" // the files are there
	StateFailed   State = "failed"   // the last attempt failed
)

// Entry is the manifest's entry of one batch: the ledger that makes a run cheap
// to repeat, the list that a loader reads, and the audit trail. It is written
// after the files it names. docs/manifest.schema.json is its JSON Schema.
type Entry struct {
	ManifestVersion int    `json:"manifest_version"`
	BatchID         string `json:"batch_id"`
	Kind            string `json:"kind"`
	State           State  `json:"state"`
	// Permanent says, of a failed batch, that asking again is pointless.
	Permanent *bool `json:"permanent,omitempty"`
	// Batch is the answer without its results, in the vendor's words.
	Batch json.RawMessage `json:"batch,omitempty"`
	// Rows is the number of rows in each data file.
	Rows   *int64     `json:"rows,omitempty"`
	Schema *SchemaRef `json:"schema,omitempty"`
	Source *SourceRef `json:"source,omitempty"`
	// ContentSHA256 is the digest of the rows in each data file, the same for
	// every format: sinks.ContentSHA256. Entries of early versions have none.
	ContentSHA256 string `json:"content_sha256,omitempty"`
	// Files are the published files, by format.
	Files map[string]File `json:"files,omitempty"`
	// Raw is the copy of the answer itself, where one is kept.
	Raw *File `json:"raw,omitempty"`
	// Mismatches are control totals that the rows do not add up to and that
	// the batch was exported in spite of.
	Mismatches []Mismatch `json:"mismatches,omitempty"`
	// Warnings are oddities of the answer that was exported.
	Warnings []string `json:"warnings,omitempty"`
	// Replacing are files, by format, the copy of the answer as "raw", that are
	// about to be put under paths where other bytes are, or were expected. It
	// is written before they are, so that what a crash leaves behind can be
	// told from damage.
	Replacing map[string]File `json:"replacing,omitempty"`
	// Superseded are paths that no longer belong to the batch and are about
	// to be deleted.
	Superseded      []string   `json:"superseded,omitempty"`
	FirstExportedAt *time.Time `json:"first_exported_at,omitempty"`
	UpdatedAt       time.Time  `json:"updated_at"`
	// Attempts counts the runs that asked the API for the batch.
	Attempts int `json:"attempts"`
	// Error is why the last attempt failed, empty when it did not.
	Error       string `json:"error,omitempty"`
	ToolVersion string `json:"tool_version"`
}

// SchemaRef names the table declaration that files were written under.
type SchemaRef struct {
	Table       string `json:"table"`
	Version     int    `json:"version"`
	Fingerprint string `json:"fingerprint"` // schema.Table.Fingerprint
	// Columns are the names of the columns, if they are not all of the table's.
	Columns []string `json:"columns,omitempty"`
}

// SourceRef identifies the answer that files were made from.
type SourceRef struct {
	SHA256 string `json:"sha256"` // lower-case hex
	Bytes  int64  `json:"bytes"`
}

// File describes one published file.
type File struct {
	Path        string `json:"path"` // relative to the root
	Rows        int64  `json:"rows"` // of the batch
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"` // lower-case hex
	CRC32C      string `json:"crc32c"` // base64 of the big-endian checksum, as Cloud Storage has it
	Compression string `json:"compression"`
	// Neutralised is sinks.Encoding.Neutralised.
	Neutralised bool `json:"csv_safe,omitempty"`
	// PackedFrom is the sha256 of the file that the rows were packed from, of a
	// file that holds several batches (Compact); empty for a batch's own file.
	PackedFrom string `json:"packed_from,omitempty"`
	// FirstRow is the row of a packed file, counted from 0, with which those of
	// the batch begin, and FileRows how many rows it has in all.
	FirstRow int64 `json:"first_row,omitempty"`
	FileRows int64 `json:"file_rows,omitempty"`
}

// Shared reports whether the file may hold other batches as well.
func (f File) Shared() bool { return f.PackedFrom != "" }

// encoding returns how the file is encoded, of that format.
func (f File) encoding(format string) (sinks.Encoding, error) {
	enc, err := sinks.NewEncoding(format, f.Compression)
	enc.Neutralised = f.Neutralised
	return enc, err
}

// published returns the files that the entry names, the copy of the answer
// among them.
func (e *Entry) published() map[string]File {
	if e == nil {
		return nil
	}
	all := maps.Clone(e.Files)
	if e.Raw != nil {
		if all == nil {
			all = make(map[string]File)
		}
		all[rawFormat] = *e.Raw
	}
	return all
}

// Manifest reads and writes the entries of one table in a store.
type Manifest struct {
	Store sinks.Store
	Table *schema.Table
}

func (m Manifest) prefix() string        { return "_manifest/" + m.Table.Name + "/" }
func (m Manifest) name(id string) string { return m.prefix() + id + ".json" }

func (m Manifest) rawName(id string) string { return RawPath(m.Table, id) }

// EntryError says that an entry is there but cannot be used. Nothing of the
// batch is touched then: what the entry names might be lost.
type EntryError struct {
	Name string // of the entry's object
	Err  error
}

func (e *EntryError) Error() string { return fmt.Sprintf("manifest entry %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *EntryError) Unwrap() error { return e.Err }

// Read returns the entry of a batch and the condition under which it may be
// replaced; a nil entry when there is none. An entry that cannot be used is an
// *EntryError.
func (m Manifest) Read(ctx context.Context, id string) (*Entry, sinks.Condition, error) {
	data, info, err := m.Store.Get(ctx, m.name(id))
	if errors.Is(err, sinks.ErrNotExist) {
		return nil, sinks.IfAbsent(), nil
	}
	if err != nil {
		return nil, sinks.Condition{}, fmt.Errorf("read manifest entry %s: %w", m.name(id), err)
	}
	e, err := m.decode(id, data)
	if err != nil {
		return nil, sinks.Condition{}, &EntryError{Name: m.name(id), Err: err}
	}
	return e, sinks.IfVersion(info.Version), nil
}

// IDs yields the id of every batch that has an entry, in order. Objects below
// the manifest's folder that are no entries are passed over.
func (m Manifest) IDs(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for info, err := range m.Store.List(ctx, m.prefix()) {
			if err != nil {
				yield("", fmt.Errorf("list manifest: %w", err))
				return
			}
			if id, ok := m.idOf(info.Name); ok && !yield(id, nil) {
				return
			}
		}
	}
}

// idOf returns the batch whose entry has that name, if it is one of an entry.
func (m Manifest) idOf(name string) (id string, ok bool) {
	id, ok = strings.CutSuffix(strings.TrimPrefix(name, m.prefix()), ".json")
	return id, ok && ValidBatchID(id)
}

// write replaces the entry under cond and returns the condition for the next
// write. A lost race is a *sinks.ConflictError.
func (m Manifest) write(ctx context.Context, e *Entry, cond sinks.Condition) (sinks.Condition, error) {
	data, err := e.encode()
	if err != nil {
		return sinks.Condition{}, err
	}
	info, err := putNoted(ctx, m.Store, m.name(e.BatchID), data, m.noteOf(e, data), cond)
	if err != nil {
		return sinks.Condition{}, fmt.Errorf("write manifest entry: %w", err)
	}
	return sinks.IfVersion(info.Version), nil
}

// What the vendor says of a batch is indented in its entry up to this many bytes
// and levels: the white space can be many times the size of the rest.
const (
	maxIndented      = 64 << 10
	maxIndentedDepth = 20
)

// encode returns the entry as JSON that ends in a newline, indented for people.
func (e *Entry) encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if len(e.Batch) <= maxIndented && scanNesting(e.Batch).depth <= maxIndentedDepth {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("encode manifest entry: %w", err)
	}
	return buf.Bytes(), nil
}

// decode reads an entry and checks what the program will rely on.
func (m Manifest) decode(id string, data []byte) (*Entry, error) {
	e := new(Entry)
	if err := jsonv2.Unmarshal(data, e, decodeOptions); err != nil {
		return nil, whyUndecodable(data)
	}
	switch {
	case e.ManifestVersion != ManifestVersion:
		return nil, unknownVersion(e.ManifestVersion)
	case e.BatchID != id:
		return nil, errors.New("is of another batch than its name says")
	case e.Kind != m.Table.Kind:
		return nil, fmt.Errorf("is of another kind than %s", m.Table.Kind)
	}
	switch e.State {
	case StatePending, StateOngoing, StateFailed:
	case StateExported:
		if e.Schema == nil || e.Source == nil || e.Rows == nil || len(e.Files) == 0 {
			return nil, errors.New("is exported, but lacks schema, source, rows or files")
		}
	default:
		return nil, fmt.Errorf("has an unknown state")
	}
	return e, e.checkPaths(m.rawName(id))
}

// decodeOptions are those under which an entry is read: no unknown fields, and
// no opinion on the vendor's words, which are as they came.
var decodeOptions = jsonv2.JoinOptions(jsonv2.RejectUnknownMembers(true),
	jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func unknownVersion(version int) error {
	return fmt.Errorf("has manifest_version %d, this program knows %d", version, ManifestVersion)
}

// whyUndecodable says what is wrong with an entry that cannot be decoded.
func whyUndecodable(data []byte) error {
	var version struct {
		ManifestVersion int `json:"manifest_version"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&version); err != nil {
		return errors.New("is not valid JSON: it may have been cut off")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("goes on after its end")
	}
	if version.ManifestVersion != ManifestVersion {
		return unknownVersion(version.ManifestVersion)
	}
	return errors.New("has fields that this program does not know, or of another type")
}

// checkPaths refuses paths that a program must not follow: they are read,
// replaced and deleted. raw is where a copy of the answer may be.
func (e *Entry) checkPaths(raw string) error {
	if _, odd := e.Files[rawFormat]; odd {
		return errors.New("names a file of an unknown format")
	}
	paths := slices.DeleteFunc(slices.Clone(e.Superseded), func(path string) bool { return path == raw })
	for _, files := range []map[string]File{e.published(), e.Replacing} {
		for format, f := range files {
			_, known := sinks.FormatByName(format)
			switch {
			case format == rawFormat && f.Path != raw:
				return errors.New("names a copy of the answer where none can be")
			case format != rawFormat && !known:
				return errors.New("names a file of an unknown format")
			case known:
				paths = append(paths, f.Path)
			}
		}
	}
	for _, p := range paths {
		if sinks.CheckName(p) != nil || strings.HasPrefix(p, "_") || strings.Contains(p, "/_") {
			return errors.New("names a file where none of its kind can be")
		}
	}
	return nil
}

package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"enrow-export/pipeline/answer"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Version is the version of the entries that this program writes and reads. An
// entry of another version is refused, never rewritten.
const Version = 1

// State is how far a batch has come.
type State string

const (
	StatePending  State = "pending"  // asked for, not exported yet
	StateOngoing  State = "ongoing"  // Enrow is still working on it
	StateExported State = "exported" // the files are there
	StateFailed   State = "failed"   // the last attempt failed
)

var states = []State{StatePending, StateOngoing, StateExported, StateFailed}

// Entry is what the manifest says of one batch. docs/manifest.schema.json is its
// JSON Schema, docs/manifest.md explains each field.
type Entry struct {
	ManifestVersion int    `json:"manifest_version"`
	BatchID         string `json:"batch_id"`
	Kind            string `json:"kind"`
	State           State  `json:"state"`
	// Permanent says, of a failed batch, whether asking again is pointless. Of an exported
	// one it is true or nil.
	Permanent *bool `json:"permanent,omitempty"`
	// Dismissed says, of a permanently failed batch, that it needs no attention any more.
	Dismissed bool `json:"dismissed,omitempty"`
	// Refusals are there while Enrow says of a batch that it does not know it.
	Refusals *Refusals `json:"refusals,omitempty"`
	// Batch is the answer without its results, word for word.
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
	// Mismatches are control totals that the rows do not add up to. The batch was
	// exported in spite of them.
	Mismatches []answer.Mismatch `json:"mismatches,omitempty"`
	// Warnings are oddities of the answer that was exported.
	Warnings []string `json:"warnings,omitempty"`
	// Replacing is a claim: the files, by format, that a run is about to put where
	// other bytes are, or were expected. A copy of the answer has the key RawFormat.
	// The claim is written before the files, so that a crash can be told from damage.
	Replacing map[string]File `json:"replacing,omitempty"`
	// Superseded are paths that no longer belong to the batch and are about
	// to be deleted.
	Superseded []string `json:"superseded,omitempty"`
	// Generations are the first generations in which paths may still be put, in a store
	// whose versions are not unique, by the path of generation 0. A path that is not in it
	// may be put in any (generation.go).
	Generations map[string]int `json:"generations,omitempty"`
	// RecordedAt is when the batch was recorded, or after it was dismissed, recorded again.
	// Entries of early versions get the time of their last writing.
	RecordedAt      *time.Time `json:"recorded_at,omitempty"`
	FirstExportedAt *time.Time `json:"first_exported_at,omitempty"`
	UpdatedAt       time.Time  `json:"updated_at"`
	// Attempts counts the runs that asked the API for the batch.
	Attempts int `json:"attempts"`
	// Error is why the last attempt failed, empty when it did not.
	Error       string `json:"error,omitempty"`
	ToolVersion string `json:"tool_version"`
	// Totals is set where Batch is left out (Summaries). Manifest.Totals reads both.
	Totals *Totals `json:"-"`
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
	// CSVSafe is sinks.Encoding.CSVSafe.
	CSVSafe bool `json:"csv_safe,omitempty"`
	// PackedFrom is the sha256 of the file that the rows were packed from. It is
	// empty unless the file is a pack, which holds several batches.
	PackedFrom string `json:"packed_from,omitempty"`
	// FirstRow is the first row of the batch in a pack, counted from 0, and FileRows
	// the number of rows of all its batches.
	FirstRow int64 `json:"first_row,omitempty"`
	FileRows int64 `json:"file_rows,omitempty"`
}

// Shared reports whether the file may hold other batches as well.
func (f File) Shared() bool { return f.PackedFrom != "" }

// Encoding returns how the file, which is of that format, is encoded.
func (f File) Encoding(format string) (sinks.Encoding, error) {
	enc, err := sinks.NewEncoding(format, f.Compression)
	enc.CSVSafe = f.CSVSafe
	return enc, err
}

// Published returns the files that the entry names, by format, the copy of the
// answer as RawFormat among them. A nil entry names none.
func (e *Entry) Published() map[string]File {
	if e == nil {
		return nil
	}
	all := maps.Clone(e.Files)
	if e.Raw != nil {
		if all == nil {
			all = make(map[string]File)
		}
		all[RawFormat] = *e.Raw
	}
	return all
}

// Since returns since when a batch that is not exported waits, as far as the entry tells.
func (e *Entry) Since() time.Time {
	if e.RecordedAt != nil {
		return *e.RecordedAt
	}
	return e.UpdatedAt
}

// Named returns the paths of the files that the entry names, also those that are
// about to be put. A nil entry names none.
func (e *Entry) Named() []string {
	if e == nil {
		return nil
	}
	var paths []string
	for _, files := range []map[string]File{e.Published(), e.Replacing} {
		for _, f := range files {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// ToDelete returns the superseded paths without those that are in use again.
func (e *Entry) ToDelete() []string {
	if e == nil {
		return nil
	}
	named := e.Named()
	return slices.DeleteFunc(slices.Clone(e.Superseded), func(path string) bool { return slices.Contains(named, path) })
}

// AddBytes adds to sums the bytes of the files in the formats given, and as
// RawFormat the bytes of the copy of the answer if there is one.
func (e *Entry) AddBytes(encodings []sinks.Encoding, sums map[string]int64) {
	for _, enc := range encodings {
		sums[enc.Format.Name] += e.Files[enc.Format.Name].Bytes
	}
	if e.Raw != nil {
		sums[RawFormat] += e.Raw.Bytes
	}
}

// ColumnNames returns the columns that the files have, nil when this program does not
// know that version of the table.
func (r *SchemaRef) ColumnNames(table *schema.Table) []string {
	switch {
	case r.Columns != nil:
		return r.Columns
	case r.Fingerprint == table.Fingerprint():
		return table.ColumnNames()
	}
	return nil
}

// ErrOtherVersion says that files have columns that this program does not know.
var ErrOtherVersion = errors.New("has files of another version of the table")

// Select returns the table with the columns that the files have, or an
// ErrOtherVersion.
func (r *SchemaRef) Select(table *schema.Table) (*schema.Table, error) {
	selected, err := table.Select(r.Columns, nil)
	if err != nil || selected.Fingerprint() != r.Fingerprint {
		return nil, fmt.Errorf("%w: it was written under version %d of table %s, and this program has version %d; export --force writes it again",
			ErrOtherVersion, r.Version, r.Table, table.Version)
	}
	return selected, nil
}

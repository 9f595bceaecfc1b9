// Package verify compares the files of batches with their manifest entries.
//
// It reads files back with code that shares none with the writers (sinks.Encoding's
// Inspect, sinks.PackInspector), and only after their digests were right: some damage
// makes a reader return wrong values.
package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Checked is what a comparison of one batch's files with its entry found.
type Checked struct {
	BatchID string
	// Entry is nil when the manifest has none, or none that can be read.
	Entry *manifest.Entry
	// Differences are empty when all is as the manifest says.
	Differences []Difference
}

// Difference is one thing that is not as the manifest says.
type Difference struct {
	Path    string // the file, or the entry itself
	Problem string
}

// Depth is how closely a Verifier looks.
type Depth string

const (
	// Size looks whether each file is there and has its size.
	Size Depth = "size"
	// Checksum also reads each file and compares its digests.
	Checksum Depth = "checksum"
	// Full also reads the rows of each file, by readers that share no code with the
	// writers, and compares their number, their columns and their digest; and the
	// content of the copy of the answer.
	Full Depth = "full"
)

// Depths returns all depths, the cheapest first.
func Depths() []Depth { return []Depth{Size, Checksum, Full} }

// A Verifier compares the files of batches with the manifest.
type Verifier struct {
	store sinks.Store
	depth Depth
	sizes *manifest.Sizes
	// pack is the pack that was read last: batches that follow one another are often
	// in the same.
	pack *packedFile
}

// New returns a Verifier of what store holds. batches is how many batches it will be
// asked for, negative for all of them: it tells whether a listing pays. The caller calls
// Close.
func New(store sinks.Store, depth Depth, batches int) *Verifier {
	return &Verifier{store: store, depth: depth, sizes: manifest.NewSizes(store, "", batches)}
}

// Verify compares the files of one batch with its entry. Size needs a summary of the
// entry, the other depths a whole one. An error means that the files could not
// be looked at.
func (v *Verifier) Verify(ctx context.Context, k manifest.Known) (Checked, error) {
	c, entry, table := Checked{BatchID: k.BatchID}, k.Entry, k.Table
	m := manifest.Manifest{Store: v.store, Table: table}
	differs := func(path, problem string) {
		c.Differences = append(c.Differences, Difference{Path: path, Problem: problem})
	}
	var unusable *manifest.EntryError
	switch {
	case errors.As(k.Err, &unusable):
		differs(unusable.Name, unusable.Err.Error())
		return c, nil
	case entry == nil:
		differs(m.Name(k.BatchID), "does not exist: the batch was never exported here")
		return c, nil
	}
	c.Entry = entry
	if entry.State != manifest.StateExported {
		differs(m.Name(k.BatchID), fmt.Sprintf("records that the batch is %s, not exported", entry.State))
		return c, nil
	}
	if len(entry.Replacing) > 0 {
		differs(m.Name(k.BatchID), "records that files are being replaced: an export is running, or was interrupted and must run again")
	}
	published := entry.Published()
	for _, format := range slices.Sorted(maps.Keys(published)) {
		f := published[format]
		problems, err := v.compare(ctx, table, entry, format, f)
		if err != nil {
			return c, err
		}
		for _, problem := range problems {
			differs(f.Path, problem)
		}
	}
	return c, nil
}

// compare returns what is wrong with one file.
func (v *Verifier) compare(ctx context.Context, table *schema.Table, e *manifest.Entry, format string, f manifest.File) ([]string, error) {
	if f.Shared() {
		return v.comparePacked(ctx, table, e, f)
	}
	if v.depth == Size {
		fault, err := v.sizes.Fault(ctx, f)
		if fault == "" || err != nil {
			return nil, err
		}
		return []string{fault}, nil
	}
	data, there, err := v.read(ctx, f)
	if !there {
		return []string{"is missing"}, err
	}
	problems, damaged := f.Compare(data)
	switch {
	case damaged || v.depth != Full:
	case format == manifest.RawFormat:
		problems = append(problems, compareRaw(e, data)...)
	default:
		problems = append(problems, compareRows(table, e, format, f, data)...)
	}
	return problems, nil
}

// read returns the bytes of a file, and whether it is there.
func (v *Verifier) read(ctx context.Context, f manifest.File) (data []byte, there bool, err error) {
	data, _, err = v.store.Get(ctx, f.Path)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("read %s: %w", f.Path, err)
	}
	return data, true, nil
}

// compareRows reads the rows of a file.
func compareRows(table *schema.Table, e *manifest.Entry, format string, f manifest.File, data []byte) (problems []string) {
	enc, err := f.Encoding(format)
	if err != nil {
		return []string{err.Error()}
	}
	contents, err := enc.Inspect(data)
	if err != nil {
		return []string{"cannot be read back: " + err.Error()}
	}
	if contents.Rows != f.Rows || contents.Rows != *e.Rows {
		problems = append(problems, fmt.Sprintf("has %d rows, but the manifest records %d", contents.Rows, *e.Rows))
	}
	if e.ContentSHA256 != "" && contents.SHA256 != e.ContentSHA256 {
		problems = append(problems, "has other rows than the manifest records: the content_sha256 differs")
	}
	if want := e.Schema.ColumnNames(table); want != nil && contents.Columns != nil && !slices.Equal(contents.Columns, want) {
		problems = append(problems, fmt.Sprintf("has the columns %s, but the manifest records %s",
			strings.Join(contents.Columns, ","), strings.Join(want, ",")))
	}
	return problems
}

// compareRaw reads a copy of the answer.
func compareRaw(e *manifest.Entry, data []byte) []string {
	body, err := manifest.DecompressRaw(data, e.Source.Bytes)
	switch {
	case errors.Is(err, manifest.ErrAnswerTooLong), err == nil && int64(len(body)) != e.Source.Bytes:
		return []string{fmt.Sprintf("has a response of another size than the manifest records: %d bytes", e.Source.Bytes)}
	case err != nil:
		return []string{"cannot be read back: " + err.Error()}
	case manifest.SHA256(body) != e.Source.SHA256:
		return []string{"has another response than the manifest records"}
	}
	return nil
}

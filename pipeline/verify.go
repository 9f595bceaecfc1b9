package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"

	"enrow-export/sinks"
)

// Checked is what a comparison of one batch's files with its entry found.
type Checked struct {
	BatchID string
	// Entry is nil when the manifest has none, or none that can be read.
	Entry *Entry
	// Differences are empty when all is as the manifest says.
	Differences []Difference
}

// Difference is one thing that is not as the manifest says.
type Difference struct {
	Path    string // the file, or the entry itself
	Problem string
}

// Verify reads every file of the batch back and compares it with the manifest:
// size, digests, row count and columns, by readers that share no code with the
// writers. The error is one that made it impossible to look.
func (m Manifest) Verify(ctx context.Context, id string) (Checked, error) {
	c := Checked{BatchID: id}
	differs := func(path, problem string) {
		c.Differences = append(c.Differences, Difference{Path: path, Problem: problem})
	}
	entry, _, err := m.Read(ctx, id)
	var unusable *EntryError
	switch {
	case errors.As(err, &unusable):
		differs(unusable.Name, unusable.Err.Error())
		return c, nil
	case err != nil:
		return c, err
	case entry == nil:
		differs(m.name(id), "is not there: the batch was never exported here")
		return c, nil
	}
	c.Entry = entry
	if entry.State != StateExported {
		differs(m.name(id), fmt.Sprintf("says that the batch is %s, not exported", entry.State))
		return c, nil
	}
	if len(entry.Replacing) > 0 {
		differs(m.name(id), "says that files are being replaced: an export is under way, or was interrupted and is to be run again")
	}
	for _, format := range slices.Sorted(maps.Keys(entry.Files)) {
		f := entry.Files[format]
		data, _, err := m.Store.Get(ctx, f.Path)
		switch {
		case errors.Is(err, sinks.ErrNotExist):
			differs(f.Path, "is missing")
			continue
		case err != nil:
			return c, fmt.Errorf("read %s: %w", f.Path, err)
		}
		for _, problem := range m.compare(entry, format, data) {
			differs(f.Path, problem)
		}
	}
	return c, nil
}

// compare returns what is wrong with one file. Its content is only read when
// the digests are right: some damage makes readers return wrong values.
func (m Manifest) compare(e *Entry, format string, data []byte) []string {
	f := e.Files[format]
	if int64(len(data)) != f.Bytes {
		return []string{fmt.Sprintf("has %d bytes, the manifest says %d", len(data), f.Bytes)}
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
		return []string{"has another sha256 than the manifest says"}
	}
	var problems []string
	if encodeCRC32C(crc32.Checksum(data, castagnoli)) != f.CRC32C {
		problems = append(problems, "has another crc32c than the manifest says")
	}
	enc, err := sinks.NewEncoding(format, f.Compression)
	if err != nil {
		return append(problems, err.Error())
	}
	contents, err := enc.Inspect(data)
	if err != nil {
		return append(problems, "cannot be read back: "+err.Error())
	}
	if contents.Rows != f.Rows || contents.Rows != *e.Rows {
		problems = append(problems, fmt.Sprintf("has %d rows, the manifest says %d", contents.Rows, *e.Rows))
	}
	if e.Schema.Fingerprint != m.Table.Fingerprint() {
		return problems // of another version: which columns it should have is not known here
	}
	if want := m.Table.ColumnNames(); contents.Columns != nil && !slices.Equal(contents.Columns, want) {
		problems = append(problems, fmt.Sprintf("has the columns %s, the table has %s",
			strings.Join(contents.Columns, ","), strings.Join(want, ",")))
	}
	return problems
}

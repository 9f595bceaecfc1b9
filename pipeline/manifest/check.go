package manifest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// An entry comes from the destination, where anybody may have written it. Its paths are
// read and deleted, its numbers added up, its words go into scripts. So each field that is
// used has to be one that this program writes. docs/manifest.schema.json says the same.

// Numbers of an entry are small enough to be added up.
const (
	mostRows     = 1 << 40
	mostBytes    = 1 << 50
	mostAttempts = 1 << 31
	mostVersion  = 1 << 20
)

var (
	columnName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,127}$`)
	hexDigest  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Check returns why an entry cannot be used, in words that follow the name of the entry,
// nil when it can.
func (m Manifest) Check(e *Entry) error {
	switch {
	case e.Source == nil && e.State == StateExported:
		return errIncomplete
	case e.Source == nil && e.Raw != nil:
		return errors.New("has a raw copy, but no digest of the response")
	}
	return m.checkSummary(e)
}

var errIncomplete = errors.New("is exported, but lacks schema, source, rows or files")

// checkSummary is Check of what a summary has.
func (m Manifest) checkSummary(e *Entry) error {
	switch {
	case e.ManifestVersion != Version:
		return unknownVersion(e.ManifestVersion)
	case e.Kind != m.Table.Kind:
		return fmt.Errorf("has another kind than %s", m.Table.Kind)
	case !schema.ValidBatchID(e.BatchID):
		return errors.New("has an invalid batch id")
	case e.Attempts < 0 || e.Attempts > mostAttempts:
		return invalid("attempts")
	}
	switch {
	case !slices.Contains(states, e.State):
		return errors.New("has an unknown state")
	case e.State == StateExported && (e.Schema == nil || e.Rows == nil || len(e.Files) == 0):
		return errIncomplete
	}
	return cmp.Or(e.checkFailure(), m.checkTable(e), checkTimes(e), m.checkFiles(e))
}

// invalid is the error of a field whose value this program never writes. The value is not
// told: it may be anything.
func invalid(field string) error {
	return fmt.Errorf("has a value of %s that this program never writes", field)
}

// checkTable checks what an entry says of its rows.
func (m Manifest) checkTable(e *Entry) error {
	if e.Rows != nil && !isCount(*e.Rows, mostRows) {
		return invalid("rows")
	}
	if e.Source != nil && (!hexDigest.MatchString(e.Source.SHA256) || !isCount(e.Source.Bytes, mostBytes)) {
		return invalid("source")
	}
	if e.ContentSHA256 != "" && !hexDigest.MatchString(e.ContentSHA256) {
		return invalid("content_sha256")
	}
	if s := e.Schema; s != nil {
		unknown := func(column string) bool { return !columnName.MatchString(column) }
		if s.Table != m.Table.Name || s.Version < 1 || s.Version > mostVersion || !hexDigest.MatchString(s.Fingerprint) || slices.ContainsFunc(s.Columns, unknown) {
			return invalid("schema")
		}
	}
	for _, mismatch := range e.Mismatches {
		if !isCount(mismatch.Counted, mostRows) {
			return invalid("mismatches")
		}
	}
	return nil
}

func isCount(n, most int64) bool { return 0 <= n && n <= most }

// checkTimes refuses times that cannot be written or compared.
func checkTimes(e *Entry) error {
	usable := func(t time.Time) bool { return t.UTC().Year() >= 1970 && t.UTC().Year() <= 9999 }
	switch {
	case !usable(e.UpdatedAt):
		return invalid("updated_at")
	case e.RecordedAt != nil && !usable(*e.RecordedAt):
		return invalid("recorded_at")
	case e.FirstExportedAt != nil && !usable(*e.FirstExportedAt):
		return invalid("first_exported_at")
	case e.Refusals != nil && (!usable(e.Refusals.FirstAt) || !e.Refusals.LastAt.IsZero() && !usable(e.Refusals.LastAt) || e.Refusals.Runs > mostAttempts):
		return invalid("refusals")
	}
	return nil
}

// checkFiles checks the files that an entry names, and the paths to be deleted.
func (m Manifest) checkFiles(e *Entry) error {
	raw := RawPath(m.Table, e.BatchID)
	if _, odd := e.Files[RawFormat]; odd {
		return errors.New("names a file of an unknown format")
	}
	for _, files := range []map[string]File{e.Published(), e.Replacing} {
		for format, f := range files {
			if format == RawFormat && !f.IsAt(raw) {
				return errors.New("names a raw copy at a path where it cannot be")
			}
			if err := m.checkFile(e.BatchID, format, f); err != nil {
				return err
			}
		}
	}
	for base, generation := range e.Generations {
		if base != raw && !m.isDataPath(e.BatchID, base) || !isCount(int64(generation), mostGenerations) {
			return invalid("generations")
		}
	}
	for _, path := range e.Superseded {
		if basePath(path) != raw && !m.isDataPath(e.BatchID, path) {
			return errors.New("names a file at a path where it cannot be")
		}
	}
	return nil
}

// checkFile checks the description of a file of a batch.
func (m Manifest) checkFile(id, format string, f File) error {
	isRaw := format == RawFormat
	known, ok := sinks.FormatByName(format)
	switch {
	case !ok && !isRaw:
		return errors.New("names a file of an unknown format")
	case isRaw && f.Compression != "zstd", !isRaw && !slices.Contains(known.Compressions, f.Compression):
		return invalid("compression")
	case !isRaw && !f.Shared() && (!m.isDataPath(id, f.Path) || !strings.Contains(f.Path, sinks.Encoding{Format: known, Compression: f.Compression}.Ext())):
		return errors.New("names a file at a path where it cannot be")
	case !hexDigest.MatchString(f.SHA256):
		return invalid("sha256")
	case !isCRC32C(f.CRC32C):
		return invalid("crc32c")
	case !isCount(f.Bytes, mostBytes):
		return invalid("bytes")
	case !isCount(f.Rows, mostRows):
		return invalid("rows")
	case f.CSVSafe && format != "csv":
		return invalid("csv_safe")
	case f.Shared():
		return m.checkPacked(format, f)
	case f.FirstRow != 0 || f.FileRows != 0:
		return errors.New("names rows of a file that is not packed")
	}
	return nil
}

func (m Manifest) checkPacked(format string, f File) error {
	_, isPack := PackNumber(m.Table, f.Path)
	switch {
	case format != PackFormat:
		return errors.New("names a packed file of another format than " + PackFormat)
	case !isPack:
		return errors.New("names a packed file at a path where it cannot be")
	case !hexDigest.MatchString(f.PackedFrom):
		return invalid("packed_from")
	case !isCount(f.FileRows, mostRows), f.FirstRow < 0, f.FirstRow > f.FileRows-f.Rows:
		return errors.New("names rows that its packed file does not have")
	}
	return nil
}

func isCRC32C(text string) bool {
	sum, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == 4
}

// isDataPath reports whether a layout can give the path to a data file of the batch. Every
// layout has the table and the id in it, so it is no path of a batch with quite another id.
func (m Manifest) isDataPath(id, path string) bool {
	hidden := func(segment string) bool { return segment[0] == '_' || segment[0] == '.' }
	return sinks.CheckName(path) == nil && schema.Printable(path) && !slices.ContainsFunc(strings.Split(path, "/"), hidden) &&
		strings.Contains(path, m.Table.Name) && strings.Contains(path, id)
}

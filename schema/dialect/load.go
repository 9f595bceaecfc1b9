package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"enrow-export/schema"
)

// Load is what one table is to be loaded with.
type Load struct {
	// Table is declared with all its columns, whatever the files have.
	Table *schema.Table
	// Namespace is the dataset or schema of the table in the warehouse, with
	// dots between its parts; empty for the session's own.
	Namespace string
	// Create says that the load begins with the statement that creates the table
	// unless it is there.
	Create bool
	// Batches are those to load, in the order of their ids: the table has exactly
	// their rows of these batches afterwards.
	Batches []Batch
	// Files hold their rows, in order; each batch is in one of them.
	Files []File
	// Root is the location that the files' paths are relative to: a URL, or an
	// absolute path on the machine on which the script is run.
	Root string
	// S3 is the store of an s3:// URL.
	S3 S3
	// Integration is the name of the warehouse's own object that lets it read the
	// location: Snowflake's storage integration, for Redshift the ARN of a role.
	// Empty for the default.
	Integration string
}

// Batch is a batch to load.
type Batch struct {
	ID   string
	Rows int64
}

// File is a file to load.
type File struct {
	// Path is relative to the root.
	Path string
	// Format and Compression are those of sinks.Encoding.
	Format, Compression string
	// Columns are the names of the file's columns, in its order.
	Columns []string
	// Bytes is the file's length.
	Bytes int64
	// Partial says that it holds batches, too, that are not to be loaded.
	Partial bool
}

// Script is what loads one table.
type Script struct {
	// SQL is one or more statements, each with its end, for the tool in RunBy.
	SQL string
	// Sidecars are files that have to be beside the data for that.
	Sidecars []Sidecar
}

// Sidecar is a file that a script refers to.
type Sidecar struct {
	// Name is relative to the root of the files.
	Name string
	Data []byte
}

// Load returns the script that loads one table: it can be run any number of times,
// and changes nothing when the same rows are there already. The error is one of
// CheckFormat or CheckLocation, or says what of l makes no sense.
func (d *Dialect) Load(l Load) (Script, error) {
	if len(l.Batches) == 0 || len(l.Files) == 0 {
		return Script{}, errors.New("there is nothing to load")
	}
	if err := d.CheckS3(l.Root, l.S3); err != nil {
		return Script{}, err
	}
	if strings.ContainsFunc(l.Namespace+l.Integration+l.S3.Endpoint+l.S3.Region, unicode.IsControl) {
		return Script{}, errors.New("a name has a control character")
	}
	names := l.Table.ColumnNames()
	for _, f := range l.Files {
		if err := d.CheckFormat(f.Format, f.Compression); err != nil {
			return Script{}, err
		}
		if err := d.CheckLocation(l.Root + "/" + f.Path); err != nil {
			return Script{}, fmt.Errorf("%s: %w", f.Path, err)
		}
		for _, c := range f.Columns {
			if !slices.Contains(names, c) {
				return Script{}, fmt.Errorf("%s has a column %s that table %s does not have", f.Path, c, l.Table.Name)
			}
		}
	}
	s := &load{
		Load: l, d: d, target: d.qualified(l.Namespace, l.Table.Name),
		stage: "enrow_export_staged_" + l.Table.Name, lock: d.qualified(l.Namespace, lockTable),
	}
	s.staged = d.quote(s.stage)
	var rows int64
	for _, b := range l.Batches {
		rows += b.Rows
	}
	s.rows = rows
	s.sayf("-- %s: %d batches, %d rows, %d files", l.Table.Name, len(l.Batches), rows, len(l.Files))
	s.sayf("-- This script replaces whole batches, so it can be run again. Rows are identified by batch_id")
	s.sayf("-- and index. No constraint enforces this, because an index may be missing or repeated.")
	sidecars, err := d.load(d, s)
	return Script{SQL: s.String(), Sidecars: sidecars}, err
}

// load is a script that is being written.
type load struct {
	Load
	strings.Builder

	d      *Dialect
	target string // the table's quoted name
	stage  string // the name of the staging table
	staged string // the same, quoted
	lock   string // the quoted name of the table that is written first
	rows   int64  // of all batches
}

// sayf writes a line.
func (l *load) sayf(format string, args ...any) {
	fmt.Fprintf(l, format+"\n", args...)
}

// create writes the statements that create the table, if they are wanted.
func (l *load) create() {
	if l.Create {
		l.WriteString(l.d.CreateTable(l.Table, l.Namespace))
		l.WriteString(l.d.CreateLock(l.Namespace))
	}
}

// location returns where the warehouse finds a file.
func (l *load) location(f File) string {
	return strings.TrimSuffix(l.Root, "/") + "/" + f.Path
}

// columns returns quoted names, separated by commas.
func (l *load) columns(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = l.d.quote(name)
	}
	return strings.Join(quoted, ", ")
}

// allColumns returns the quoted names of all columns.
func (l *load) allColumns() string { return l.columns(l.Table.ColumnNames()) }

// column returns the declaration of a column.
func (l *load) column(name string) schema.Column {
	at := slices.IndexFunc(l.Table.Columns, func(c schema.Column) bool { return c.Name == name })
	return l.Table.Columns[at]
}

// definitions returns columns with their types, separated by commas.
func (l *load) definitions(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = l.d.quote(name) + " " + l.d.types[l.column(name).Type]
	}
	return strings.Join(all, ", ")
}

// mostListed is how many files or batches one statement names at most: several
// warehouses have limits.
const mostListed = 1000

// group is files that one statement can read.
type group struct {
	format, compression string
	columns             []string
	files               []File
}

// groups returns the files in groups of the same format, compression and columns,
// of some files at most.
func (l *load) groups(most int) []group {
	var groups []group
	for _, f := range l.Files {
		at := slices.IndexFunc(groups, func(g group) bool {
			return g.format == f.Format && g.compression == f.Compression && slices.Equal(g.columns, f.Columns) && len(g.files) < most
		})
		if at < 0 {
			at = len(groups)
			groups = append(groups, group{format: f.Format, compression: f.Compression, columns: f.Columns})
		}
		groups[at].files = append(groups[at].files, f)
	}
	return groups
}

// list returns literals, one a line, separated by commas.
func (l *load) list(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = "  " + l.d.literal(text)
	}
	return strings.Join(all, ",\n")
}

// urls returns the locations of files as a list of literals.
func (l *load) urls(files []File) string {
	urls := make([]string, len(files))
	for i, f := range files {
		urls[i] = l.location(f)
	}
	return l.list(urls)
}

// partial reports whether some file holds batches that are not to be loaded.
func (l *load) partial() bool {
	return slices.ContainsFunc(l.Files, func(f File) bool { return f.Partial })
}

// ids returns the ids of the batches that are wanted.
func (l *load) ids(wanted func(Batch) bool) []string {
	var ids []string
	for _, b := range l.Batches {
		if wanted(b) {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// dropOthers deletes the staged rows of batches that are not to be loaded.
func (l *load) dropOthers() {
	if l.partial() {
		l.sayf("DELETE FROM %s WHERE %s NOT IN (\n%s\n);", l.staged, l.d.quote("batch_id"), l.list(l.ids(func(Batch) bool { return true })))
	}
}

// replace deletes what the table has of the batches, and inserts what is staged.
func (l *load) replace() {
	id := l.d.quote("batch_id")
	l.sayf("DELETE FROM %s WHERE %s IN (SELECT %s FROM %s);", l.target, id, id, l.staged)
	for empty := range slices.Chunk(l.ids(func(b Batch) bool { return b.Rows == 0 }), mostListed) {
		l.sayf("DELETE FROM %s WHERE %s IN (\n%s\n);", l.target, id, l.list(empty))
	}
	l.sayf("INSERT INTO %s (%s)\nSELECT %s FROM %s;", l.target, l.allColumns(), l.allColumns(), l.staged)
}

// miscounted says what is wrong when the staged rows are not as many as they are to
// be.
func (l *load) miscounted() string {
	return fmt.Sprintf("%s: the files do not have the %d rows that the manifest records", l.Table.Name, l.rows)
}

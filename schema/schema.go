// Package schema holds the tables as data: every column's name, type, meaning
// and place in the API's answer, declared once. The Arrow schema, the file
// formats, the printed documentation and the flattening of JSON results
// (Builder) are all derived from these declarations, so that a column is added
// or changed in one place.
//
// The flattening rule: a column is named by the path of keys that leads to its
// value, each key in snake_case, joined by "_" (info.companyInfo.name becomes
// info_company_info_name). What no column declares, or what does not fit the
// type of its column, is not dropped: it is kept in the row's "extra" column,
// a JSON object of the leftovers in their original nesting.
//
// The package imports no sibling: everything else may import it.
package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Type is what a column holds and which JSON values fit it. Null and an absent
// key are null in every type.
type Type uint8

const (
	// String takes a JSON string that is valid Unicode, as it is.
	String Type = iota
	// Int64 takes a JSON integer, and a JSON string that spells one
	// canonically, if it fits 64 bits. "-0" and 1.0 do not fit: neither
	// could be told from 0 and 1 afterwards.
	Int64
	// Text takes a JSON string as it is and any other value as its JSON text:
	// keys in source order, numbers verbatim, white space between tokens removed.
	Text
	// Decimal takes a JSON number as its text. No column of a result has this type.
	Decimal
)

// String returns the type's name as documentation and fingerprints have it.
// Text and Decimal are string columns to every reader, so they are "string" too.
func (t Type) String() string {
	if t == Int64 {
		return "int64"
	}
	return "string"
}

// Arrow returns the Arrow data type of a column of this type.
func (t Type) Arrow() arrow.DataType {
	if t == Int64 {
		return arrow.PrimitiveTypes.Int64
	}
	return arrow.BinaryTypes.String
}

// Origin tells which part of an answer fills a column.
type Origin uint8

const (
	// FromResult columns come from one element of "results".
	FromResult Origin = iota
	// FromBatch columns come from the envelope and are equal in every row.
	FromBatch
	// FromLeftovers is the origin of the "extra" column.
	FromLeftovers
	// FromManifest columns come from the manifest's entry of a batch.
	FromManifest
)

// Column declares one column of a table.
type Column struct {
	Name   string
	Type   Type
	Origin Origin
	// Paths are the dotted key paths that fill the column: of a result, of the
	// whole answer when Origin is FromBatch, of the entry when it is FromManifest. More than one path means
	// that the API has several spellings; the first that a result gives wins.
	Paths []string
	// Doc says what the value means, in one line.
	Doc string
	// Null says when the column is null, to follow "null when".
	Null string
	// Example is a value as the NDJSON file has it.
	Example string
	// Repeats says that few distinct values recur, so that a dictionary pays.
	Repeats bool
	// Required marks a column that is never null. It stays nullable in the
	// files: a warehouse refuses to append a REQUIRED column to a NULLABLE one.
	Required bool
}

// Table declares one table: what one kind of batch becomes.
type Table struct {
	// Name is the table's name in paths and SQL: email_find.
	Name string
	// Kind is the name on the command line and in the manifest: email-find. It is
	// empty for Batches.
	Kind string
	// Endpoint is the path of the API's bulk results endpoint of this kind.
	Endpoint string
	// Event is the event of a webhook's notice that a batch of this kind is finished.
	Event string
	// Version rises when a column is added, removed or changes its type.
	Version int
	// Doc says what one row is.
	Doc string
	// Found is the qualification of a result that found what was searched for.
	// It is also the key of the answer's stats that counts those results.
	Found   string
	Columns []Column
}

// Metadata keys of the Arrow schema that Table.Arrow returns; the Parquet sink
// writes them into the file's key-value metadata.
const (
	MetaTable   = "enrow_export.table"
	MetaVersion = "enrow_export.table_version"
	MetaBatchID = "enrow_export.batch_id"
	// MetaBatches is, of a packed file, the SHA-256 of the ids of its batches, one a line.
	MetaBatches = "enrow_export.batches"
)

// Arrow returns the table's Arrow schema for one batch: the columns in the
// declared order, all nullable, with table, version and batch id as metadata.
func (t *Table) Arrow(batchID string) *arrow.Schema {
	return t.arrow([]string{MetaTable, MetaVersion, MetaBatchID}, []string{t.Name, strconv.Itoa(t.Version), batchID})
}

// ArrowOfMany is Arrow for rows of several batches: no id is among the metadata.
func (t *Table) ArrowOfMany() *arrow.Schema {
	return t.arrow([]string{MetaTable, MetaVersion}, []string{t.Name, strconv.Itoa(t.Version)})
}

func (t *Table) arrow(keys, values []string) *arrow.Schema {
	fields := make([]arrow.Field, len(t.Columns))
	for i, c := range t.Columns {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true}
	}
	meta := arrow.NewMetadata(keys, values)
	return arrow.NewSchema(fields, &meta)
}

// ColumnNames returns the names of the columns in the declared order.
func (t *Table) ColumnNames() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Project returns the rows of rec with the columns of the table alone, as the rows
// of one batch. rec has at least those columns. The caller releases the record.
func (t *Table) Project(rec arrow.Record, batchID string) arrow.Record {
	columns := make([]arrow.Array, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = ColumnOf(rec, c.Name)
	}
	return array.NewRecord(t.Arrow(batchID), columns, rec.NumRows())
}

// Empty returns a record of the table without rows. The caller releases it.
func (t *Table) Empty(mem memory.Allocator) arrow.Record {
	b := array.NewRecordBuilder(mem, t.ArrowOfMany())
	defer b.Release()
	return b.NewRecord()
}

// ColumnOf returns the column of rec that has that name, nil when rec has none. It
// stays the record's.
func ColumnOf(rec arrow.Record, name string) arrow.Array {
	for _, i := range rec.Schema().FieldIndices(name) {
		return rec.Column(i)
	}
	return nil
}

// Column returns the declaration of a column of the table. It panics when there is
// none of that name.
func (t *Table) Column(name string) Column {
	return t.Columns[slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })]
}

// TableByKind returns the table of a kind.
func TableByKind(kind string) (*Table, bool) {
	for _, t := range Tables() {
		if t.Kind == kind {
			return t, true
		}
	}
	return nil, false
}

// TableByName returns the table of that name, nil when there is none.
func TableByName(name string) *Table {
	for _, t := range Tables() {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Select returns the table with some of its columns alone, in the declared
// order: those in include, or all when that is empty, without those in exclude.
// Required columns cannot be left out: they need not be in include, and must not
// be in exclude. The error names a column that is not one of the table's.
func (t *Table) Select(include, exclude []string) (*Table, error) {
	names := t.ColumnNames()
	for _, name := range slices.Concat(include, exclude) {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("table %s has no column %q: it has %s", t.Name, name, strings.Join(names, ", "))
		}
	}
	selected := *t
	selected.Columns = nil
	for _, c := range t.Columns {
		excluded := slices.Contains(exclude, c.Name)
		if excluded && c.Required {
			return nil, fmt.Errorf("column %s cannot be left out", c.Name)
		}
		if !excluded && (c.Required || len(include) == 0 || slices.Contains(include, c.Name)) {
			selected.Columns = append(selected.Columns, c)
		}
	}
	return &selected, nil
}

// Fingerprint identifies what the files of this table look like: the lower-case
// hex SHA-256 of its name, version and the names and types of its columns.
// Wording does not count.
func (t *Table) Fingerprint() string {
	var b strings.Builder
	b.WriteString(t.Name + "\n" + strconv.Itoa(t.Version) + "\n")
	for _, c := range t.Columns {
		b.WriteString(c.Name + " " + c.Type.String() + "\n")
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// ResultsPath is what stands before the path in a result to make it one in the
// whole answer.
const ResultsPath = "results[]."

// AnswerPaths returns where the column's value stands in an answer, for people
// to read: one path for each spelling.
func (c Column) AnswerPaths() []string {
	switch c.Origin {
	case FromLeftovers:
		return []string{"results[] (everything without a column)"}
	case FromBatch, FromManifest:
		return c.Paths
	}
	paths := make([]string, len(c.Paths))
	for i, p := range c.Paths {
		paths[i] = ResultsPath + p
	}
	return paths
}

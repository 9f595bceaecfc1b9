package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline/answer"
	"enrow-export/schema"
)

// BatchTable collects entries as rows of schema.Batches. The paths of each column
// select its value.
type BatchTable struct {
	rows  *array.RecordBuilder
	paths map[string]bool // of the columns, and of the objects that lead there
}

// NewBatchTable returns an empty one. The caller calls Release in the end.
func NewBatchTable(mem memory.Allocator) *BatchTable {
	b := &BatchTable{array.NewRecordBuilder(mem, schema.Batches.ArrowOfMany()), make(map[string]bool)}
	for _, c := range schema.Batches.Columns {
		for _, path := range c.Paths {
			for i, char := range path {
				if char == '.' {
					b.paths[path[:i]] = true
				}
			}
			b.paths[path] = true
		}
	}
	return b
}

// Release lets go of the rows.
func (b *BatchTable) Release() { b.rows.Release() }

// Record returns the rows, which the caller releases, and begins anew.
func (b *BatchTable) Record() arrow.Record { return b.rows.NewRecord() }

// Add adds the row of a batch.
func (b *BatchTable) Add(e *Entry) error {
	own, err := json.Marshal(asRow(e))
	if err != nil {
		return fmt.Errorf("encode manifest entry of %s: %w", e.BatchID, err)
	}
	values := make(map[string]jsontext.Value)
	b.collect(values, "", own)
	if e.Batch != nil {
		envelope := jsontext.Value(bytes.ToValidUTF8(e.Batch, []byte("\uFFFD")))
		if envelope.Compact(jsontext.AllowDuplicateNames(true)) == nil {
			values["batch"] = envelope
		}
		b.collect(values, "batch.", envelope)
	}
	for i, c := range schema.Batches.Columns {
		appendFirst(b.rows.Field(i), c, values)
	}
	return nil
}

// asRow returns an entry with the values that a row has: times in UTC, the numbers
// of mismatches and warnings, and no answer, which need not be valid JSON.
func asRow(e *Entry) any {
	row := struct {
		Entry
		Mismatches int `json:"mismatches"`
		Warnings   int `json:"warnings"`
	}{*e, len(e.Mismatches), len(e.Warnings)}
	row.Batch = nil
	row.UpdatedAt = e.UpdatedAt.UTC()
	if e.FirstExportedAt != nil {
		at := e.FirstExportedAt.UTC()
		row.FirstExportedAt = &at
	}
	return row
}

// collect adds the values below an object that some column has a path to, or through.
// Of two keys that are the same the first counts.
func (b *BatchTable) collect(values map[string]jsontext.Value, prefix string, object jsontext.Value) {
	for key, value := range schema.Members(object) {
		path := prefix + string(key)
		_, twice := values[path]
		if !b.paths[path] || twice || bytes.IndexByte(key, '.') >= 0 {
			continue
		}
		values[path] = value.Clone()
		if value.Kind() == '{' {
			b.collect(values, path+".", values[path])
		}
	}
}

// appendFirst appends the first value of a column's paths that fits its type, else
// null.
func appendFirst(to array.Builder, c schema.Column, values map[string]jsontext.Value) {
	for _, path := range c.Paths {
		value := values[path]
		switch c.Type {
		case schema.Int64:
			if n, ok := answer.Count(value); ok {
				to.(*array.Int64Builder).Append(n)
				return
			}
		default:
			if text, ok := c.Type.Text(value); ok {
				to.(*array.StringBuilder).Append(text)
				return
			}
		}
	}
	to.AppendNull()
}

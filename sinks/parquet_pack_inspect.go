package sinks

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/xitongsys/parquet-go/reader"

	"enrow-export/schema"
)

// A PackInspector reads a file that a Packer has written, one row group at a time,
// with the library of Inspect, which shares no code with the one that wrote it.
// Arrow records only carry the values. What Inspect says of damage holds here too.
type PackInspector struct {
	data   []byte
	groups []int64 // rows of each row group
}

// NewPackInspector returns an inspector of data, which it keeps.
func NewPackInspector(data []byte, enc Encoding) (_ *PackInspector, err error) {
	defer recoverReader(&err)
	r, err := openInspected(data, enc)
	if err != nil {
		return nil, err
	}
	defer r.ReadStop()
	p := &PackInspector{data: data}
	for _, group := range r.Footer.RowGroups {
		p.groups = append(p.groups, group.NumRows)
	}
	return p, nil
}

// Rows returns the number of rows of all row groups.
func (p *PackInspector) Rows() (rows int64) {
	for _, n := range p.groups {
		rows += n
	}
	return rows
}

// RowGroups returns the number of row groups.
func (p *PackInspector) RowGroups() int { return len(p.groups) }

// GroupRows returns the number of rows of a row group, which are counted from 0.
func (p *PackInspector) GroupRows(group int) int64 { return p.groups[group] }

// ReadGroup returns the rows of a row group, which are counted from 0. The columns of
// the file have to be those of the table. The caller releases the record.
func (p *PackInspector) ReadGroup(group int, table *schema.Table) (_ arrow.Record, err error) {
	defer recoverReader(&err)
	r, err := reader.NewParquetColumnReader(newMemoryFile(p.data), 1) // checked already
	if err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	defer r.ReadStop()
	rows := p.groups[group]
	r.Footer.RowGroups, r.Footer.NumRows = r.Footer.RowGroups[group:group+1], rows
	var names []string
	for _, info := range r.SchemaHandler.Infos[1:] {
		names = append(names, info.ExName)
	}
	if !slices.Equal(names, table.ColumnNames()) {
		return nil, fmt.Errorf("file does not have the columns of table %s", table.Name)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, table.ArrowOfMany())
	defer b.Release()
	for i, field := range b.Fields() {
		values, err := readColumn(r, i, rows)
		if err != nil {
			return nil, err
		}
		field.Reserve(len(values))
		for _, value := range values {
			if !appendValue(field, value) {
				return nil, fmt.Errorf("column %d is not of the type of %s", i+1, names[i])
			}
		}
	}
	return b.NewRecord(), nil
}

// appendValue appends a value as the library returns it, and reports whether the
// column takes it.
func appendValue(to array.Builder, value any) bool {
	switch value := value.(type) {
	case nil:
		to.AppendNull()
		return true
	case int64:
		ints, ok := to.(*array.Int64Builder)
		if ok {
			ints.Append(value)
		}
		return ok
	case string:
		texts, ok := to.(*array.StringBuilder)
		if ok {
			texts.Append(value)
		}
		return ok
	}
	return false
}

package sinks

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/xitongsys/parquet-go/layout"
	xparquet "github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/source"

	"enrow-export/schema"
)

// ParquetReader reads a Parquet file of this program, one row group at a time.
// The bytes must be those that were written, by their digest: of others it may
// make anything.
type ParquetReader struct {
	data []byte
	file *file.Reader
	mem  memory.Allocator
}

// NewParquetReader returns a reader of data, which it keeps.
func NewParquetReader(data []byte, mem memory.Allocator) (_ *ParquetReader, err error) {
	defer recoverReader(&err)
	footer, err := readFooter(data)
	if err == nil {
		err = checkSchema(footer)
	}
	if err != nil {
		return nil, err
	}
	f, err := file.NewParquetReader(newMemoryFile(data), file.WithReadProps(parquet.NewReaderProperties(mem)))
	if err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	return &ParquetReader{data: data, file: f, mem: mem}, nil
}

// RowGroups returns the number of row groups.
func (r *ParquetReader) RowGroups() int { return r.file.NumRowGroups() }

// Rows returns the number of rows, as the footer says it.
func (r *ParquetReader) Rows() int64 { return r.file.NumRows() }

// ReadAll returns all rows, with the columns of the table, which has to be that
// of the file. The caller releases the record.
func (r *ParquetReader) ReadAll(table *schema.Table) (_ arrow.Record, err error) {
	defer recoverReader(&err)
	switch r.RowGroups() {
	case 0:
		if err := r.check(table); err != nil {
			return nil, err
		}
		return table.Empty(r.mem), nil
	case 1:
		return r.ReadGroup(0, table)
	}
	return nil, fmt.Errorf("file has %d row groups", r.RowGroups())
}

// check reports an error unless the file has the columns of the table.
func (r *ParquetReader) check(table *schema.Table) error {
	columns := r.file.MetaData().Schema
	if columns.NumColumns() != len(table.Columns) {
		return fmt.Errorf("file has %d columns, table %s has %d", columns.NumColumns(), table.Name, len(table.Columns))
	}
	for i, c := range table.Columns {
		want := parquet.Types.ByteArray
		if c.Type == schema.Int64 {
			want = parquet.Types.Int64
		}
		if got := columns.Column(i); got.Name() != c.Name || got.PhysicalType() != want {
			return fmt.Errorf("column %d of the file is not %s of table %s", i+1, c.Name, table.Name)
		}
	}
	return nil
}

// ReadGroup returns the rows of a row group, which are counted from 0, with the
// columns of the table. The caller releases the record.
func (r *ParquetReader) ReadGroup(group int, table *schema.Table) (_ arrow.Record, err error) {
	defer recoverReader(&err)
	if err := r.check(table); err != nil {
		return nil, err
	}
	rows := r.file.RowGroup(group)
	columns := make([]arrow.Array, 0, len(table.Columns))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, c := range table.Columns {
		column, err := r.readColumn(rows, i)
		if err != nil {
			return nil, fmt.Errorf("read column %s: %w", c.Name, err)
		}
		columns = append(columns, column)
	}
	return array.NewRecord(table.ArrowOfMany(), columns, rows.NumRows()), nil
}

func (r *ParquetReader) readColumn(rows *file.RowGroupReader, i int) (arrow.Array, error) {
	meta, err := rows.MetaData().ColumnChunk(i)
	if err != nil {
		return nil, err
	}
	pages, err := r.pageRows(meta)
	if err != nil {
		return nil, err
	}
	chunk, err := rows.Column(i)
	if err != nil {
		return nil, err
	}
	var column arrow.Array
	if c, ok := chunk.(*file.Int64ColumnChunkReader); ok {
		column, err = readPages(pages, array.NewInt64Builder(r.mem), c.ReadBatch)
	} else if c, ok := chunk.(*file.ByteArrayColumnChunkReader); ok {
		column, err = readPages(pages, textBuilder{array.NewStringBuilder(r.mem)}, c.ReadBatch)
	} else {
		return nil, errors.New("is of an unknown type")
	}
	if err == nil && int64(column.Len()) != rows.NumRows() {
		err = fmt.Errorf("has %d values, its row group %d rows", column.Len(), rows.NumRows())
	}
	if err == nil && chunk.Err() != nil {
		err = chunk.Err()
	}
	if err != nil {
		if column != nil {
			column.Release()
		}
		return nil, err
	}
	return column, nil
}

// builder is an array builder for values as the file's reader gives them.
type builder[T any] interface {
	Append(T)
	AppendNull()
	NewArray() arrow.Array
	Release()
}

type textBuilder struct{ *array.StringBuilder }

// Append appends a copy of the text.
func (b textBuilder) Append(text parquet.ByteArray) { b.BinaryBuilder.Append(text) }

// readPages reads a column page by page: a value that is read is only good until
// the next page is.
func readPages[T any](pages []int, b builder[T], read func(int64, []T, []int16, []int16) (int64, int, error)) (arrow.Array, error) {
	defer b.Release()
	var values []T
	var levels []int16
	for _, rows := range pages {
		if len(values) < rows {
			values, levels = make([]T, rows), make([]int16, rows)
		}
		n, _, err := read(int64(rows), values, levels, nil)
		if err != nil {
			return nil, err
		}
		next := 0
		for _, level := range levels[:n] {
			if level == 0 {
				b.AppendNull()
				continue
			}
			b.Append(values[next])
			next++
		}
	}
	return b.NewArray(), nil
}

// pageRows returns the number of rows of each data page of a column.
func (r *ParquetReader) pageRows(meta *metadata.ColumnChunkMetaData) ([]int, error) {
	start, size := meta.DataPageOffset(), meta.TotalCompressedSize()
	if meta.HasDictionaryPage() {
		start = meta.DictionaryPageOffset()
	}
	if start < 0 || size < 0 || start+size > int64(len(r.data)) {
		return nil, errors.New("lies outside of the file")
	}
	pages := source.ConvertToThriftReader(newMemoryFile(r.data[start:start+size]), 0, size)
	var rows []int
	for values := int64(0); values < meta.NumValues(); {
		header, err := layout.ReadPageHeader(pages)
		if err != nil {
			return nil, fmt.Errorf("read page header: %w", err)
		}
		if header.Type == xparquet.PageType_DATA_PAGE && header.DataPageHeader != nil {
			n := header.DataPageHeader.NumValues
			rows = append(rows, int(n))
			values += int64(n)
		}
		if err := skip(pages, header); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

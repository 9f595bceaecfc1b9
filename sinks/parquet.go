package sinks

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	parquetschema "github.com/apache/arrow/go/v17/parquet/schema"

	"enrow-export/schema"
)

// parquetFormat is Parquet as every reader and warehouse takes it: one row group,
// data pages of version 1, plain values, and dictionaries in the columns that
// the table says repeat. Its pages are compressed one by one, so the compression
// does not show in the file's name.
var parquetFormat = &Format{
	Name:         "parquet",
	ContentType:  "application/vnd.apache.parquet",
	Compressions: []string{"zstd", "snappy", "gzip", "none"},
	suffix:       func(string) string { return "" },
	encode:       encodeParquet,
	inspect:      inspectParquet,
}

var pageCodecs = map[string]compress.Compression{
	"zstd":   compress.Codecs.Zstd,
	"snappy": compress.Codecs.Snappy,
	"gzip":   compress.Codecs.Gzip,
	"none":   compress.Codecs.Uncompressed,
}

const (
	parquetMagic = "PAR1"

	// pageSize is where a data page ends: in bytes of values, not compressed.
	pageSize = 1 << 20
	// pageBatchRows is how many rows the column writers are given at a time;
	// between two batches they look whether the page is full.
	pageBatchRows = 1024
)

// encodeParquet writes rec with the library's column writers; its layer above
// them for Arrow records would bring an RPC stack with it.
func encodeParquet(w *latch, enc Encoding, table *schema.Table, rec arrow.Record) error {
	root, err := parquetSchema(table)
	if err != nil {
		return err
	}
	var keyValues metadata.KeyValueMetadata
	meta := rec.Schema().Metadata()
	for i, key := range meta.Keys() {
		if err := keyValues.Append(key, meta.Values()[i]); err != nil {
			return fmt.Errorf("add metadata: %w", err)
		}
	}
	out := file.NewParquetWriter(w, root,
		file.WithWriterProps(parquetProperties(enc.Compression, table)),
		file.WithWriteMetadata(keyValues))
	if rec.NumRows() > 0 {
		if err := writeRowGroup(out.AppendRowGroup(), rec); err != nil {
			return err // and no footer: it would make the file look whole
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write footer: %w", err)
	}
	// Close says nothing of a footer that was not written.
	if w.err == nil && string(w.tail[:]) != parquetMagic {
		return errors.New("write footer: file has no end mark")
	}
	return nil
}

// parquetSchema returns the table's columns under a required root; a repeated
// one, the library's default elsewhere, is refused by several readers.
func parquetSchema(table *schema.Table) (*parquetschema.GroupNode, error) {
	const noFieldID = -1
	fields := make(parquetschema.FieldList, len(table.Columns))
	for i, c := range table.Columns {
		if c.Type == schema.Int64 {
			fields[i] = parquetschema.NewInt64Node(c.Name, parquet.Repetitions.Optional, noFieldID)
			continue
		}
		node, err := parquetschema.NewPrimitiveNodeLogical(c.Name, parquet.Repetitions.Optional,
			parquetschema.StringLogicalType{}, parquet.Types.ByteArray, -1, noFieldID)
		if err != nil {
			return nil, fmt.Errorf("declare column %s: %w", c.Name, err)
		}
		fields[i] = node
	}
	root, err := parquetschema.NewGroupNode("schema", parquet.Repetitions.Required, fields, noFieldID)
	if err != nil {
		return nil, fmt.Errorf("declare columns: %w", err)
	}
	return root, nil
}

func parquetProperties(compression string, table *schema.Table) *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCreatedBy("enrow-export"),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithRootRepetition(parquet.Repetitions.Required),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithDataPageSize(pageSize),
		parquet.WithBatchSize(pageBatchRows),
		parquet.WithCompression(pageCodecs[compression]),
		parquet.WithStats(true),
		parquet.WithDictionaryDefault(false),
		// A dictionary is never given up half-way. A column with two encodings
		// has them listed in the order of a map: other bytes in every run.
		parquet.WithDictionaryPageSizeLimit(math.MaxInt64),
	}
	for _, c := range table.Columns {
		if c.Repeats {
			options = append(options, parquet.WithDictionaryFor(c.Name, true))
		}
	}
	return parquet.NewWriterProperties(options...)
}

func writeRowGroup(group file.SerialRowGroupWriter, rec arrow.Record) error {
	batch := newPageBatch()
	for i, column := range rec.Columns() {
		w, err := group.NextColumn()
		if err != nil {
			return fmt.Errorf("begin column %s: %w", rec.ColumnName(i), err)
		}
		switch column := column.(type) {
		case *array.Int64:
			err = batch.writeInts(w.(*file.Int64ColumnChunkWriter), column)
		case *array.String:
			err = batch.writeStrings(w.(*file.ByteArrayColumnChunkWriter), column)
		}
		if err != nil {
			return fmt.Errorf("write column %s: %w", rec.ColumnName(i), err)
		}
	}
	if err := group.Close(); err != nil {
		return fmt.Errorf("end row group: %w", err)
	}
	return nil
}

// pageBatch is what one call of a column writer takes: the values that are not
// null, and for each row whether it has one. It is used for column after column.
type pageBatch struct {
	levels  []int16 // definition levels: 0 for a null, 1 for a value
	ints    []int64
	strings []parquet.ByteArray
}

func newPageBatch() *pageBatch {
	return &pageBatch{
		levels:  make([]int16, 0, pageBatchRows),
		ints:    make([]int64, 0, pageBatchRows),
		strings: make([]parquet.ByteArray, 0, pageBatchRows),
	}
}

func (b *pageBatch) writeInts(w *file.Int64ColumnChunkWriter, column *array.Int64) error {
	for row := 0; row < column.Len(); {
		b.levels, b.ints = b.levels[:0], b.ints[:0]
		for ; row < column.Len() && len(b.levels) < pageBatchRows; row++ {
			if column.IsNull(row) {
				b.levels = append(b.levels, 0)
				continue
			}
			b.levels = append(b.levels, 1)
			b.ints = append(b.ints, column.Value(row))
		}
		if _, err := w.WriteBatch(b.ints, b.levels, nil); err != nil {
			return err
		}
	}
	return nil
}

// writeStrings ends a batch early when its values fill a page: a thousand long
// values would else share one.
func (b *pageBatch) writeStrings(w *file.ByteArrayColumnChunkWriter, column *array.String) error {
	text := column.ValueBytes()
	if text == nil {
		text = []byte{} // statistics would take a nil value for none
	}
	first := column.ValueOffset(0)
	for row := 0; row < column.Len(); {
		b.levels, b.strings = b.levels[:0], b.strings[:0]
		size := 0
		for ; row < column.Len() && len(b.levels) < pageBatchRows && size < pageSize; row++ {
			if column.IsNull(row) {
				b.levels = append(b.levels, 0)
				continue
			}
			value := text[column.ValueOffset(row)-first : column.ValueOffset(row+1)-first]
			b.levels = append(b.levels, 1)
			b.strings = append(b.strings, value)
			size += len(value)
		}
		if _, err := w.WriteBatch(b.strings, b.levels, nil); err != nil {
			return err
		}
	}
	return nil
}

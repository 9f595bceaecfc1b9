package sinks

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
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

const parquetMagic = "PAR1"

// encodeParquet writes rec as a file of one row group.
func encodeParquet(w *latch, enc Encoding, table *schema.Table, rec arrow.Record) error {
	f, err := beginParquet(w, enc, table, rec.Schema().Metadata())
	if err != nil {
		return err
	}
	if rec.NumRows() > 0 {
		if err := f.writeRowGroup(rec); err != nil {
			return err // and no footer: it would make the file look whole
		}
	}
	return f.end()
}

// parquetFile is a file that is being written. Headers, metadata and footer are
// the library's. What is in the pages is made here, from the columns' buffers:
// the library's column writers take levels and values one by one, and spend more
// time on that than the compression does.
type parquetFile struct {
	w     *latch
	codec compress.Compression
	table *schema.Table
	meta  *metadata.FileMetaDataBuilder
}

// beginParquet writes the beginning of a file.
func beginParquet(w *latch, enc Encoding, table *schema.Table, about arrow.Metadata) (*parquetFile, error) {
	root, err := parquetSchema(table)
	if err != nil {
		return nil, err
	}
	var keyValues metadata.KeyValueMetadata
	for i, key := range about.Keys() {
		if err := keyValues.Append(key, about.Values()[i]); err != nil {
			return nil, fmt.Errorf("add metadata: %w", err)
		}
	}
	codec := pageCodecs[enc.Compression]
	properties := parquet.NewWriterProperties(
		parquet.WithCreatedBy("enrow-export"),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithCompression(codec),
	)
	meta := metadata.NewFileMetadataBuilder(parquetschema.NewSchema(root), properties, keyValues)
	_, err = w.Write([]byte(parquetMagic))
	return &parquetFile{w: w, codec: codec, table: table, meta: meta}, err
}

// writeRowGroup writes the rows of rec, of which there are some.
func (f *parquetFile) writeRowGroup(rec arrow.Record) error {
	chunks, err := newChunkWriter(f.w, f.codec)
	if err != nil {
		return err
	}
	defer chunks.release()
	group := f.meta.AppendRowGroup()
	var size int64 // of all pages with their headers, not compressed
	for i, c := range columnsOf(rec) {
		meta := group.NextColumnChunk()
		if err := chunks.write(meta, &c, f.table.Columns[i].Repeats); err != nil {
			return fmt.Errorf("write column %s: %w", c.name, err)
		}
		size += meta.Contents().MetaData.TotalUncompressedSize
	}
	group.SetNumRows(int(rec.NumRows()))
	if err := group.Finish(size, 0); err != nil {
		return fmt.Errorf("end row group: %w", err)
	}
	return nil
}

// end writes the footer.
func (f *parquetFile) end() error {
	footer, err := f.meta.Finish()
	if err != nil {
		return fmt.Errorf("make footer: %w", err)
	}
	size, err := footer.WriteTo(f.w, nil)
	if err != nil {
		return fmt.Errorf("write footer: %w", err)
	}
	_, err = f.w.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(size)), parquetMagic...))
	return err
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

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

// encodeParquet writes rec. Headers, metadata and footer are the library's. What
// is in the pages is made here, from the columns' buffers: the library's column
// writers take levels and values one by one, and spend more time on that than
// the compression does.
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
	properties := parquet.NewWriterProperties(
		parquet.WithCreatedBy("enrow-export"),
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithCompression(pageCodecs[enc.Compression]),
	)
	file := metadata.NewFileMetadataBuilder(parquetschema.NewSchema(root), properties, keyValues)
	if _, err := w.Write([]byte(parquetMagic)); err != nil {
		return err
	}
	if rec.NumRows() > 0 {
		if err := writeRowGroup(w, file.AppendRowGroup(), pageCodecs[enc.Compression], table, rec); err != nil {
			return err // and no footer: it would make the file look whole
		}
	}
	footer, err := file.Finish()
	if err != nil {
		return fmt.Errorf("make footer: %w", err)
	}
	size, err := footer.WriteTo(w, nil)
	if err != nil {
		return fmt.Errorf("write footer: %w", err)
	}
	end := append(binary.LittleEndian.AppendUint32(nil, uint32(size)), parquetMagic...)
	_, err = w.Write(end)
	return err
}

func writeRowGroup(w *latch, group *metadata.RowGroupMetaDataBuilder, codec compress.Compression, table *schema.Table, rec arrow.Record) error {
	chunks, err := newChunkWriter(w, codec)
	if err != nil {
		return err
	}
	defer chunks.release()
	var size int64 // of all pages with their headers, not compressed
	for i, c := range columnsOf(rec) {
		meta := group.NextColumnChunk()
		if err := chunks.write(meta, &c, table.Columns[i].Repeats); err != nil {
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

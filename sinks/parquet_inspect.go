package sinks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/xitongsys/parquet-go/layout"
	xparquet "github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/reader"
	"github.com/xitongsys/parquet-go/source"

	"enrow-export/schema"
)

// inspectParquet reads data with a library that shares no code with the one
// that wrote it. That library believes what it reads, and takes damage for
// lengths of many gigabytes; so the footer and the page headers must first be
// such as encodeParquet writes them.
func inspectParquet(data []byte, enc Encoding) (Contents, error) {
	r, err := openInspected(data, enc)
	if err != nil {
		return Contents{}, err
	}
	defer r.ReadStop()
	c, err := readColumns(r)
	if err != nil {
		return Contents{}, err
	}
	for _, kv := range r.Footer.KeyValueMetadata {
		switch kv.Key {
		case schema.MetaTable:
			c.Table = kv.GetValue()
		case schema.MetaBatchID:
			c.BatchID = kv.GetValue()
		}
	}
	return c, nil
}

// openInspected returns a reader of a file that is such as encodeParquet writes it.
// The caller calls ReadStop.
func openInspected(data []byte, enc Encoding) (_ *reader.ParquetReader, err error) {
	pagesEnd, err := parquetPages(data)
	if err != nil {
		return nil, err
	}
	r, err := reader.NewParquetColumnReader(newMemoryFile(data), 1)
	if err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	defer func() {
		if err != nil {
			r.ReadStop()
		}
	}()
	if err := checkFooter(r.Footer, pagesEnd, enc.Compression); err != nil {
		return nil, err
	}
	for _, group := range r.Footer.RowGroups {
		for i, chunk := range group.Columns {
			if err := checkPages(data, chunk.MetaData); err != nil {
				return nil, fmt.Errorf("column %d: %w", i+1, err)
			}
		}
	}
	return r, nil
}

// parquetPages checks the marks at both ends of a file, and returns the offset
// at which its pages end and its footer begins.
func parquetPages(data []byte) (end int64, err error) {
	const head, tail = len(parquetMagic), 4 + len(parquetMagic)
	if !bytes.HasPrefix(data, []byte(parquetMagic)) {
		return 0, errors.New("file does not begin like a Parquet file")
	}
	if len(data) < head+tail || !bytes.HasSuffix(data, []byte(parquetMagic)) {
		return 0, errors.New("file does not end like a Parquet file")
	}
	footer := int64(binary.LittleEndian.Uint32(data[len(data)-tail:]))
	end = int64(len(data)-tail) - footer
	if end < int64(head) {
		return 0, errors.New("footer is longer than the file")
	}
	return end, nil
}

// readFooter reads the footer of a file, of which nothing is known.
func readFooter(data []byte) (*xparquet.FileMetaData, error) {
	if _, err := parquetPages(data); err != nil {
		return nil, err
	}
	r := reader.ParquetReader{PFile: newMemoryFile(data)}
	if err := r.ReadFooter(); err != nil {
		return nil, fmt.Errorf("read footer: %w", err)
	}
	return r.Footer, nil
}

// checkSchema reports an error unless the footer describes a flat table of optional
// columns. Of others a reader may take memory for as many columns as they say they have.
func checkSchema(footer *xparquet.FileMetaData) error {
	columns := len(footer.Schema) - 1
	if columns < 1 || int(footer.Schema[0].GetNumChildren()) != columns {
		return errors.New("schema is not a flat table")
	}
	for i, element := range footer.Schema[1:] {
		switch {
		case element.GetNumChildren() != 0:
			return fmt.Errorf("column %d has columns", i+1)
		case element.GetRepetitionType() != xparquet.FieldRepetitionType_OPTIONAL:
			return fmt.Errorf("column %d is not optional", i+1)
		}
	}
	return nil
}

// checkFooter reports an error unless the footer describes a flat table of
// optional columns that have a value or a null in each row and lie, compressed
// as expected, before pagesEnd.
func checkFooter(footer *xparquet.FileMetaData, pagesEnd int64, compression string) error {
	if err := checkSchema(footer); err != nil {
		return err
	}
	columns := len(footer.Schema) - 1
	var rows int64
	for _, group := range footer.RowGroups {
		if len(group.Columns) != columns {
			return fmt.Errorf("row group has %d columns, the schema %d", len(group.Columns), columns)
		}
		rows += group.NumRows
		for i, chunk := range group.Columns {
			meta := chunk.MetaData
			if meta.Type != footer.Schema[i+1].GetType() {
				return fmt.Errorf("column %d has another type than its schema", i+1)
			}
			if meta.NumValues != group.NumRows {
				return fmt.Errorf("column %d has %d values, its row group %d rows", i+1, meta.NumValues, group.NumRows)
			}
			if int32(meta.Codec) != int32(pageCodecs[compression]) {
				return fmt.Errorf("column %d is not compressed with %s", i+1, compression)
			}
			start, size := chunkStart(meta), meta.TotalCompressedSize
			if start < int64(len(parquetMagic)) || size < 0 || start > pagesEnd || size > pagesEnd-start {
				return fmt.Errorf("column %d lies outside of the file", i+1)
			}
		}
	}
	if rows != footer.NumRows {
		return fmt.Errorf("row groups have %d rows, the footer says %d", rows, footer.NumRows)
	}
	return nil
}

// chunkStart returns where the first page of a column is.
func chunkStart(meta *xparquet.ColumnMetaData) int64 {
	if meta.DictionaryPageOffset != nil {
		return *meta.DictionaryPageOffset
	}
	return meta.DataPageOffset
}

// checkPages reports an error unless the pages of a column fill the place that
// the footer gives it and have as many values: plain ones, or a dictionary and
// pages that refer to it.
func checkPages(data []byte, meta *xparquet.ColumnMetaData) error {
	start := chunkStart(meta)
	pages := source.ConvertToThriftReader(newMemoryFile(data[start:start+meta.TotalCompressedSize]), 0, meta.TotalCompressedSize)
	inDictionary := false
	for values := int64(0); values < meta.NumValues; {
		header, err := layout.ReadPageHeader(pages)
		if err != nil {
			return fmt.Errorf("read page header: %w", err)
		}
		dictionary, page := header.DictionaryPageHeader, header.DataPageHeader
		want := xparquet.Encoding_PLAIN
		if inDictionary {
			want = xparquet.Encoding_RLE_DICTIONARY
		}
		switch {
		case header.Type == xparquet.PageType_DICTIONARY_PAGE && dictionary != nil && meta.DictionaryPageOffset != nil && values == 0:
			// A dictionary has no more entries than the column has values.
			if dictionary.NumValues < 0 || int64(dictionary.NumValues) > meta.NumValues {
				return errors.New("dictionary is damaged")
			}
			inDictionary = true
		case header.Type == xparquet.PageType_DATA_PAGE && page != nil && page.Encoding == want && page.NumValues > 0:
			values += int64(page.NumValues)
			if values > meta.NumValues {
				return fmt.Errorf("pages have more than %d values", meta.NumValues)
			}
		default:
			return errors.New("page header is damaged")
		}
		if err := skip(pages, header); err != nil {
			return err
		}
	}
	if n, _ := pages.Read(make([]byte, 1)); n > 0 {
		return errors.New("bytes follow the last page")
	}
	return nil
}

// skip passes over the page behind a header.
func skip(pages io.Reader, header *xparquet.PageHeader) error {
	if _, err := io.CopyN(io.Discard, pages, int64(header.CompressedPageSize)); err != nil {
		return fmt.Errorf("skip page: %w", err)
	}
	return nil
}

// readColumns reads every column to its end.
func readColumns(r *reader.ParquetReader) (Contents, error) {
	c := Contents{Rows: r.GetNumRows()}
	var digest contentDigest
	for i, info := range r.SchemaHandler.Infos[1:] {
		c.Columns = append(c.Columns, info.ExName) // the footer's own spelling
		if c.Rows == 0 {
			continue
		}
		values, err := readColumn(r, i, c.Rows)
		if err != nil {
			return Contents{}, err
		}
		for _, value := range values {
			switch value := value.(type) {
			case nil:
				digest.null(i)
			case int64:
				digest.text(i, strconv.FormatInt(value, 10))
			case string:
				digest.text(i, value)
			default:
				return Contents{}, fmt.Errorf("column %d has neither texts nor 64-bit integers", i+1)
			}
		}
		if i == 0 {
			c.First, _ = values[0].(string)
		}
	}
	c.SHA256, c.Mixed = digest.sum(), digest.isMixed()
	return c, nil
}

// readColumn returns the values of a column, which has as many rows.
func readColumn(r *reader.ParquetReader, i int, rows int64) ([]any, error) {
	// One row more is asked for, to see that there is none.
	values, _, _, err := r.ReadColumnByIndex(int64(i), rows+1)
	if err != nil {
		return nil, fmt.Errorf("read column %d: %w", i+1, err)
	}
	if int64(len(values)) != rows {
		return nil, fmt.Errorf("column %d does not have %d rows, but %d", i+1, rows, len(values))
	}
	return values, nil
}

// memoryFile lets the reading library see bytes as a file.
type memoryFile struct {
	*bytes.Reader
	data []byte
}

var _ source.ParquetFile = memoryFile{}

func newMemoryFile(data []byte) memoryFile {
	return memoryFile{Reader: bytes.NewReader(data), data: data}
}

// Open returns another reader of the same bytes, whatever the name: the library
// reads each column by one of its own.
func (f memoryFile) Open(string) (source.ParquetFile, error) { return newMemoryFile(f.data), nil }

// Create, Write and Close complete source.ParquetFile.
func (f memoryFile) Create(string) (source.ParquetFile, error) { return nil, errors.ErrUnsupported }
func (f memoryFile) Write([]byte) (int, error)                 { return 0, errors.ErrUnsupported }
func (f memoryFile) Close() error                              { return nil }

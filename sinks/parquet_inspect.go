package sinks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	xparquet "github.com/xitongsys/parquet-go/parquet"
	"github.com/xitongsys/parquet-go/reader"
	"github.com/xitongsys/parquet-go/source"
)

// inspectParquet reads data with a library that shares no code with the one
// that wrote it. That library believes what it reads, so what the footer says
// is compared with the file before, and what was read with the footer after.
func inspectParquet(data []byte, compression string) (Contents, error) {
	pagesEnd, err := parquetPages(data)
	if err != nil {
		return Contents{}, err
	}
	f := newMemoryFile(data)
	r, err := reader.NewParquetColumnReader(f, 1)
	if err != nil {
		return Contents{}, fmt.Errorf("read footer: %w", err)
	}
	defer r.ReadStop()
	if err := checkFooter(r.Footer, pagesEnd, compression); err != nil {
		return Contents{}, err
	}
	return readColumns(r, f)
}

// readColumns reads every column of f to its end.
func readColumns(r *reader.ParquetReader, f *memoryFile) (Contents, error) {
	c := Contents{Rows: r.GetNumRows()}
	for i, info := range r.SchemaHandler.Infos[1:] {
		c.Columns = append(c.Columns, info.ExName) // the footer's own spelling
		if c.Rows == 0 {
			continue
		}
		// One row more is asked for, to see that there is none.
		values, _, _, err := r.ReadColumnByIndex(int64(i), c.Rows+1)
		if err != nil {
			return Contents{}, fmt.Errorf("read column %d: %w", i+1, err)
		}
		if int64(len(values)) != c.Rows {
			return Contents{}, fmt.Errorf("column %d has not %d rows, but %d", i+1, c.Rows, len(values))
		}
	}
	if *f.overrun {
		return Contents{}, errors.New("a column runs past the end of the file")
	}
	return c, nil
}

// parquetPages checks the marks at both ends of a file, and returns the offset
// at which its pages end and its footer begins.
func parquetPages(data []byte) (end int64, err error) {
	const head, tail = len(parquetMagic), 4 + len(parquetMagic)
	if !bytes.HasPrefix(data, []byte(parquetMagic)) {
		return 0, errors.New("file does not begin as Parquet does")
	}
	if len(data) < head+tail || !bytes.HasSuffix(data, []byte(parquetMagic)) {
		return 0, errors.New("file does not end as Parquet does")
	}
	footer := int64(binary.LittleEndian.Uint32(data[len(data)-tail:]))
	end = int64(len(data)-tail) - footer
	if end < int64(head) {
		return 0, errors.New("footer is longer than the file")
	}
	return end, nil
}

// checkFooter reports an error unless the footer describes a flat table whose
// columns have a value or a null in each row and lie, compressed as expected,
// within the pages.
func checkFooter(footer *xparquet.FileMetaData, pagesEnd int64, compression string) error {
	columns := len(footer.Schema) - 1
	if columns < 1 || int(footer.Schema[0].GetNumChildren()) != columns {
		return errors.New("schema is not a flat table")
	}
	var rows int64
	for _, group := range footer.RowGroups {
		if len(group.Columns) != columns {
			return fmt.Errorf("row group has %d columns, the schema %d", len(group.Columns), columns)
		}
		rows += group.NumRows
		for i, chunk := range group.Columns {
			meta := chunk.MetaData
			start := meta.DataPageOffset
			if meta.DictionaryPageOffset != nil {
				start = *meta.DictionaryPageOffset
			}
			size := meta.TotalCompressedSize
			if start < int64(len(parquetMagic)) || size < 0 || start > pagesEnd || size > pagesEnd-start {
				return fmt.Errorf("column %d lies outside of the file", i+1)
			}
			if meta.NumValues != group.NumRows {
				return fmt.Errorf("column %d has %d values, its row group %d rows", i+1, meta.NumValues, group.NumRows)
			}
			if int32(meta.Codec) != int32(pageCodecs[compression]) {
				return fmt.Errorf("column %d is not compressed with %s", i+1, compression)
			}
		}
	}
	if rows != footer.NumRows {
		return fmt.Errorf("row groups have %d rows, the footer says %d", rows, footer.NumRows)
	}
	return nil
}

// memoryFile lets the reading library see bytes as a file.
type memoryFile struct {
	*bytes.Reader
	data    []byte
	overrun *bool // set when any reader of the file has met its end
}

var _ source.ParquetFile = (*memoryFile)(nil)

func newMemoryFile(data []byte) *memoryFile {
	return &memoryFile{Reader: bytes.NewReader(data), data: data, overrun: new(bool)}
}

// Read implements io.Reader. The library fills a column that meets the end of
// the file with nulls and says nothing; in a whole file none does, for the
// footer is behind all of them.
func (f *memoryFile) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		*f.overrun = true
	}
	return n, err
}

// Open returns another reader of the same bytes, whatever the name: the library
// reads each column by one of its own.
func (f *memoryFile) Open(string) (source.ParquetFile, error) {
	return &memoryFile{Reader: bytes.NewReader(f.data), data: f.data, overrun: f.overrun}, nil
}

// Create, Write and Close complete source.ParquetFile.
func (f *memoryFile) Create(string) (source.ParquetFile, error) { return nil, errors.ErrUnsupported }
func (f *memoryFile) Write([]byte) (int, error)                 { return 0, errors.ErrUnsupported }
func (f *memoryFile) Close() error                              { return nil }

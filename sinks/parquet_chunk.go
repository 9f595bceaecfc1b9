package sinks

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
)

const (
	// pageSize is where a data page ends: in bytes of values, not compressed.
	pageSize = 1 << 20
	// maxPooledPage keeps buffers that a large cell has grown from staying.
	maxPooledPage = 4 * pageSize
)

// chunkWriter writes the pages of column after column of one file.
type chunkWriter struct {
	*pageBuffers
	w     *latch
	codec compress.Compression
	pages file.PageWriter
}

// pageBuffers are what pages are made in.
type pageBuffers struct {
	page       []byte // as it is before compression
	compressed []byte
	dictionary dictionary
}

var pagePool = spares[*pageBuffers]{make: func() *pageBuffers { return new(pageBuffers) }}

func newChunkWriter(w *latch, codec compress.Compression) (*chunkWriter, error) {
	pages, err := file.NewPageWriter(w, codec, compress.DefaultCompressionLevel, nil, 0, 0, memory.DefaultAllocator, false, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("begin pages: %w", err)
	}
	return &chunkWriter{pageBuffers: pagePool.get(), w: w, codec: codec, pages: pages}, nil
}

// release gives the buffers back; the chunkWriter is not used any more.
func (cw *chunkWriter) release() {
	if cap(cw.page) <= maxPooledPage && cap(cw.dictionary.plain) <= maxPooledPage {
		cw.dictionary.reset()
		pagePool.put(cw.pageBuffers)
	}
	cw.pageBuffers = nil
}

// write writes column c and describes it in meta.
func (cw *chunkWriter) write(meta *metadata.ColumnChunkMetaDataBuilder, c *column, repeats bool) error {
	start := cw.w.Tell()
	info := metadata.ChunkMetaInfo{NumValues: int64(c.rows), IndexPageOffset: -1}
	encoding, encodings := parquet.Encodings.Plain, metadata.EncodingStats{}
	indexed := repeats && c.nulls < c.rows
	if indexed {
		size, err := cw.writeDictionary(c)
		if err != nil {
			return err
		}
		info.DictPageOffset, info.UncompressedSize = start, size
		encoding = parquet.Encodings.RLEDict
		encodings.DictEncodingStats = map[parquet.Encoding]int32{parquet.Encodings.Plain: 1}
	}
	info.DataPageOffset = cw.w.Tell()
	var all statistics
	pages := int32(0)
	for from := 0; from < c.rows; pages++ {
		to := c.pageEnd(from)
		s := statistics{nulls: c.nullsIn(from, to)}
		if indexed && to-from == c.rows {
			s.addDictionary(c, &cw.dictionary)
		} else {
			s.addRows(c, from, to)
		}
		size, err := cw.writePage(c, from, to, encoding, s)
		if err != nil {
			return err
		}
		info.UncompressedSize += size
		all.merge(s, c.isInt)
		from = to
	}
	info.CompressedSize = cw.w.Tell() - start
	encodings.DataEncodingStats = map[parquet.Encoding]int32{encoding: pages}
	meta.SetStats(all.encode(c.isInt))
	if err := meta.Finish(info, indexed, false, encodings, nil); err != nil {
		return err
	}
	// The library would write a copy of meta here, which readers are told not to
	// trust. 0 says that there is none.
	meta.Contents().FileOffset = 0
	return nil
}

// writeDictionary writes the distinct values of c as a page. It returns the size
// of the page before compression, header included.
func (cw *chunkWriter) writeDictionary(c *column) (int64, error) {
	cw.dictionary.index(c)
	values := cw.dictionary.plain
	page := file.NewDictionaryPage(memory.NewBufferBytes(values), int32(cw.dictionary.len()), parquet.Encodings.Plain)
	defer page.Release()
	written, err := cw.pages.WriteDictionaryPage(page)
	header := written - int64(cw.w.last) // which was the values, compressed
	return header + int64(len(values)), err
}

// writePage writes rows from to to as one page: which of them have a value, and
// the values. It returns the size of the page before compression, header
// included.
func (cw *chunkWriter) writePage(c *column, from, to int, encoding parquet.Encoding, s statistics) (int64, error) {
	cw.page = c.appendLevels(cw.page[:0], from, to, s.nulls)
	if encoding == parquet.Encodings.RLEDict {
		cw.page = cw.dictionary.appendIndices(cw.page, to-from-s.nulls)
	} else {
		cw.page = c.appendPlain(cw.page, from, to)
	}
	data, err := cw.compress(cw.page)
	if err != nil {
		return 0, err
	}
	page := file.NewDataPageV1WithStats(memory.NewBufferBytes(data), int32(to-from), encoding,
		parquet.Encodings.RLE, parquet.Encodings.RLE, int32(len(cw.page)), s.encode(c.isInt))
	defer page.Release()
	written, err := cw.pages.WriteDataPage(page)
	header := written - int64(len(data))
	return header + int64(len(cw.page)), err
}

// compress returns data as the file has it, which is valid until the next call.
func (cw *chunkWriter) compress(data []byte) ([]byte, error) {
	if cw.codec == compress.Codecs.Uncompressed {
		return data, nil
	}
	codec, err := compress.GetCodec(cw.codec)
	if err != nil {
		return nil, err
	}
	if bound := int(codec.CompressBound(int64(len(data)))); cap(cw.compressed) < bound {
		cw.compressed = make([]byte, bound)
	}
	return codec.EncodeLevel(cw.compressed[:cap(cw.compressed)], data, compress.DefaultCompressionLevel), nil
}

// pageEnd returns the row before which a page that begins with row from ends.
func (c *column) pageEnd(from int) int {
	size := func(to int) int { return 8 * (to - from) }
	if !c.isInt {
		size = func(to int) int { return int(c.offsets[to]-c.offsets[from]) + 4*(to-from) }
	}
	if size(c.rows) < pageSize {
		return c.rows
	}
	return from + 1 + sort.Search(c.rows-from-1, func(n int) bool { return size(from+1+n) >= pageSize })
}

// appendPlain appends the values of some rows, plainly encoded.
func (c *column) appendPlain(dst []byte, from, to int) []byte {
	for row := from; row < to; row++ {
		if !c.isNull(row) {
			dst = c.appendPlainValue(dst, row)
		}
	}
	return dst
}

func (c *column) appendPlainValue(dst []byte, row int) []byte {
	if c.isInt {
		return binary.LittleEndian.AppendUint64(dst, uint64(c.ints[row]))
	}
	text := c.value(row)
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(text))), text...)
}

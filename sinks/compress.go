package sinks

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"enrow-export/schema"
)

// fileCodec compresses a file as a whole, as the text formats are.
type fileCodec struct {
	suffix string
	// compressors keep their memory from file to file. Nil compresses nothing.
	compressors *spares[compressor]
	// decompress returns the content of data, which must be one compressed
	// file and nothing else.
	decompress func(data []byte) ([]byte, error)
}

// compressor is what the libraries' compressors have in common. Close ends the
// compressed data; after an error it is not called, for the end would make a part
// look whole.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

var fileCodecs = map[string]fileCodec{
	"none": {decompress: func(data []byte) ([]byte, error) { return data, nil }},
	"gzip": {suffix: ".gz", compressors: &gzipWriters, decompress: gunzip},
	"zstd": {suffix: ".zst", compressors: &zstdWriters, decompress: unzstd},
}

var gzipWriters = spares[compressor]{make: func() compressor { return &gzipWriter{gzip.NewWriter(nil)} }}

// gzipWriter writes a header that names neither a file nor an operating system.
type gzipWriter struct{ *gzip.Writer }

// Reset implements compressor.
func (z *gzipWriter) Reset(w io.Writer) {
	z.Writer.Reset(w)
	z.ModTime = time.Unix(0, 0) // no time is a 0; the library's zero value comes out as 2042
}

// One goroutine, that of the caller: files are encoded side by side already. A
// file without content is a frame all the same. The window is an eighth of the
// default, which costs files of 1 MB no byte, and leaves a compressor 3 MiB to
// keep instead of 10.
var zstdWriters = spares[compressor]{make: func() compressor {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // options that exclude each other
	}
	return z
}}

// compressed has write write to w, compressed.
func (c fileCodec) compressed(w io.Writer, write func(io.Writer) error) error {
	if c.compressors == nil {
		return write(w)
	}
	z := c.compressors.get()
	z.Reset(w)
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	z.Reset(nil) // what is kept must not keep w
	c.compressors.put(z)
	return nil
}

// gunzip reads with the standard library, since another one has written.
func gunzip(data []byte) ([]byte, error) {
	in := bytes.NewReader(data)
	r, err := stdgzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("read gzip header: %w", notEOF(err))
	}
	r.Multistream(false)
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read gzip: %w", notEOF(err))
	}
	if in.Len() > 0 {
		return nil, errors.New("bytes follow the end of the gzip stream")
	}
	return content, nil
}

func unzstd(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("read zstd: %w", io.ErrUnexpectedEOF)
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("read zstd: %w", err)
	}
	defer r.Close()
	content, err := r.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("read zstd: %w", notEOF(err))
	}
	return content, nil
}

// notEOF makes an end of the data an unexpected one, which is what it is inside
// of something.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// newTextFormat returns the Format of files that are compressed as a whole: rows
// writes the text, read reads it back.
func newTextFormat(name, contentType string, rows func(io.Writer, Encoding, arrow.Record) error, read func([]byte, Encoding) (Contents, error)) *Format {
	return &Format{
		Name:         name,
		ContentType:  contentType,
		Compressions: []string{"none", "gzip", "zstd"},
		suffix:       func(compression string) string { return fileCodecs[compression].suffix },
		encode: func(w *latch, enc Encoding, _ *schema.Table, rec arrow.Record) error {
			return fileCodecs[enc.Compression].compressed(w, func(w io.Writer) error { return rows(w, enc, rec) })
		},
		inspect: func(data []byte, enc Encoding) (Contents, error) {
			text, err := fileCodecs[enc.Compression].decompress(data)
			if err != nil {
				return Contents{}, err
			}
			return read(text, enc)
		},
	}
}

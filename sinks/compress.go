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
	// writer returns a compressor. Its Close ends the compressed data; after
	// an error it is dropped instead, for its end would make a part look whole.
	writer func(io.Writer) (io.WriteCloser, error)
	// decompress returns the content of data, which must be one compressed
	// file and nothing else.
	decompress func(data []byte) ([]byte, error)
}

var fileCodecs = map[string]fileCodec{
	"none": {
		writer:     func(w io.Writer) (io.WriteCloser, error) { return uncompressed{w}, nil },
		decompress: func(data []byte) ([]byte, error) { return data, nil },
	},
	"gzip": {
		suffix: ".gz",
		writer: func(w io.Writer) (io.WriteCloser, error) {
			// The header names neither a file nor an operating system. No time
			// is a 0 in it; the library's own zero value comes out as 2042.
			z := gzip.NewWriter(w)
			z.ModTime = time.Unix(0, 0)
			return z, nil
		},
		decompress: gunzip,
	},
	"zstd": {
		suffix: ".zst",
		writer: func(w io.Writer) (io.WriteCloser, error) {
			// One goroutine, this one: files are encoded side by side already.
			// A file without content is a frame all the same.
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
		},
		decompress: unzstd,
	},
}

// uncompressed is a compressor that does nothing.
type uncompressed struct{ io.Writer }

func (uncompressed) Close() error { return nil }

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
			c, err := fileCodecs[enc.Compression].writer(w)
			if err != nil {
				return err
			}
			if err := rows(c, enc, rec); err != nil {
				return err
			}
			return c.Close()
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

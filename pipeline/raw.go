package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/klauspost/compress/zstd"

	"enrow-export/schema"
)

// rawFormat is what the copy of an answer is called where files are told apart
// by their formats.
const rawFormat = "raw"

const rawSuffix = ".json.zst"

// rawCompression is how copies of answers are compressed.
const rawCompression = "zstd"

// RawPrefix returns what the paths of all copies of answers of the table begin
// with, below the root.
func RawPrefix(table *schema.Table) string { return "_raw/" + table.Name + "/" }

// RawPath returns the path of the copy of a batch's answer, below the root.
func RawPath(table *schema.Table, batchID string) string {
	return RawPrefix(table) + batchID + rawSuffix
}

// usualRatio is how many times as long as its copy an answer usually is at least.
const usualRatio = 4

// rawEncoder makes copies of answers as they are stored. It may be used by many
// goroutines at once.
type rawEncoder func() (*zstd.Encoder, error)

// newRawEncoder returns one that makes so many copies at a time, for each of which
// it keeps some megabytes from the first use on. Its window is a sixteenth of the
// default: it keeps as much of what it has read, and the copies of answers of 1 to
// 5 MB are no longer for it.
func newRawEncoder(copies int) rawEncoder {
	return sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(copies), zstd.WithZeroFrames(true),
			zstd.WithWindowSize(1<<19), zstd.WithLowerEncoderMem(true))
	})
}

// compress puts a copy of the answer into b, which is empty. The frame has a
// checksum of the content.
func (e rawEncoder) compress(b *buffer, body []byte) error {
	z, err := e()
	if err != nil {
		return err
	}
	b.Grow(len(body) / usualRatio)
	b.hold(z.EncodeAll(body, b.data[:0:len(b.data)]))
	return nil
}

// ErrAnswerTooLong is what DecompressRaw reports for a longer answer than
// allowed.
var ErrAnswerTooLong = errors.New("answer is too long")

// DecompressRaw returns the answer of which data is the stored copy, if it has
// at most limit bytes.
func DecompressRaw(data []byte, limit int64) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxRawWindow))
	if err != nil {
		return nil, fmt.Errorf("read zstd: %w", err)
	}
	defer r.Close()
	body, err := io.ReadAll(io.LimitReader(r, min(limit, math.MaxInt64-1)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read zstd: %w", err)
	case int64(len(body)) > limit:
		return nil, ErrAnswerTooLong
	case len(data) == 0:
		return nil, fmt.Errorf("read zstd: %w", io.ErrUnexpectedEOF)
	}
	return body, nil
}

// maxRawWindow is far more than the window that a copy asks of a reader, those of
// early versions included, whose windows were larger.
const maxRawWindow = 32 << 20

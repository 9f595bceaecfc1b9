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

// compressRaw returns a copy of the answer as it is stored. The frame has a
// checksum of the content.
func compressRaw(body []byte) ([]byte, error) {
	w, err := rawEncoder()
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(body, make([]byte, 0, len(body)/4)), nil
}

// rawEncoder returns the one encoder of all copies. It is some megabytes large,
// and made when it is first needed.
var rawEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithZeroFrames(true))
})

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

// maxRawWindow is far more than the window that compressRaw asks of a reader.
const maxRawWindow = 32 << 20

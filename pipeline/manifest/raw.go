package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// RawCompression is how copies of answers are compressed.
const RawCompression = "zstd"

// ErrAnswerTooLong is what DecompressRaw reports for a longer answer than allowed.
var ErrAnswerTooLong = errors.New("response is too long")

// maxRawWindow exceeds the window of every copy, also of copies by early versions.
const maxRawWindow = 32 << 20

// DecompressRaw returns the answer from its stored copy. An answer of more than limit
// bytes is an ErrAnswerTooLong.
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

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// ErrAnswerTooLong is what DecompressRaw reports for a longer answer than allowed.
var ErrAnswerTooLong = errors.New("answer is too long")

// maxRawWindow is far more than the window that a copy asks of a reader, also one
// that an early version of the program made.
const maxRawWindow = 32 << 20

// DecompressRaw returns the answer of which data is the stored copy, if it has at
// most limit bytes.
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

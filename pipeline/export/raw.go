package export

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// usualRatio is how many times as long as its copy an answer usually is at least.
const usualRatio = 4

// rawEncoder makes copies of answers as they are stored. It may be used by many
// goroutines at once.
type rawEncoder func() (*zstd.Encoder, error)

// newRawEncoder returns an encoder that makes a number of copies at a time. It keeps
// some megabytes for each of them from the first use on. Its window is a sixteenth of the
// default. That saves memory, and copies of answers of 1 to 5 MB do not grow.
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

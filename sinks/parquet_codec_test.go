package sinks_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// The codec that pages are written with gives what a new encoder for every page
// would, at any level and from many goroutines.
func TestZstdPages(t *testing.T) {
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	pages := [][]byte{
		[]byte("x"),
		[]byte(strings.Repeat("abc", 100_000)),
		encode(t, newEncoding(t, "parquet", "none"), people, newRecord(t, people, manyRows(5000)...)),
	}
	for level, encoderLevel := range map[int]zstd.EncoderLevel{
		compress.DefaultCompressionLevel: zstd.SpeedDefault,
		1:                                zstd.SpeedFastest,
		9:                                zstd.SpeedBetterCompression,
	} {
		var want [][]byte
		for _, page := range pages {
			enc, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithEncoderLevel(encoderLevel))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, enc.EncodeAll(page, nil))
		}
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for i := range 2 * len(pages) {
					n := (worker + i) % len(pages)
					got := codec.EncodeLevel(nil, pages[n], level)
					if !bytes.Equal(got, want[n]) {
						t.Errorf("level %d: page %d differs from that of a new encoder", level, n)
					}
					content := codec.Decode(make([]byte, len(pages[n])), got)
					if !bytes.Equal(content, pages[n]) {
						t.Errorf("level %d: page %d comes back changed", level, n)
					}
				}
			})
		}
		wg.Wait()
	}
}

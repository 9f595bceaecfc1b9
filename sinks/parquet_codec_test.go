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
// would, from many goroutines. Its default is zstd's level 1, and finds nothing
// that is further away than a page is long; other levels are the library's.
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
	for level, options := range map[int][]zstd.EOption{
		compress.DefaultCompressionLevel: {zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1 << 18)},
		3:                                {zstd.WithEncoderLevel(zstd.SpeedDefault)},
		9:                                {zstd.WithEncoderLevel(zstd.SpeedBetterCompression)},
	} {
		var want [][]byte
		for _, page := range pages {
			enc, err := zstd.NewWriter(nil, append(options, zstd.WithZeroFrames(true))...)
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

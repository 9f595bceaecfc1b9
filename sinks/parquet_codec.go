package sinks

import (
	"sync"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// pageLevel is the zstd level of Parquet pages, level 1. Of 5,000 rows of e-mail
// searches, 639 kB of pages, it makes 168 kB in 2.5 ms; level 3, the default
// elsewhere, 159 kB in 3.0 ms; the next 152 kB in 4.3 ms. Compression being two
// thirds of the time that a file takes, 6 % of size is the lower price.
// BenchmarkPageLevels compares them on rows of its own.
const pageLevel = zstd.SpeedFastest

// pageZstd is the library's zstd codec with one difference: what it compresses
// goes to encoders that all files share. The library itself makes a new one for
// every page, some megabytes each time.
type pageZstd struct{ compress.Codec }

// pageEncoder compresses as many pages at a time as there are processors. Most
// pages are shorter than its window, of which each encoder keeps twice as much.
var pageEncoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(pageLevel), zstd.WithZeroFrames(true),
		zstd.WithWindowSize(pageSize/4), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // options that exclude each other
	}
	return e
})

// Encode implements compress.Codec.
func (c pageZstd) Encode(dst, src []byte) []byte { return pageEncoder().EncodeAll(src, dst[:0]) }

// EncodeLevel implements compress.Codec. It takes the default for pageLevel.
func (c pageZstd) EncodeLevel(dst, src []byte, level int) []byte {
	if level == compress.DefaultCompressionLevel {
		return c.Encode(dst, src)
	}
	return c.Codec.EncodeLevel(dst, src, level)
}

// The library's table of codecs has no lock: it may only change in an init.
func init() {
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		panic(err)
	}
	compress.RegisterCodec(compress.Codecs.Zstd, pageZstd{codec})
}

package sinks

import "github.com/apache/arrow/go/v17/parquet/compress"

// sharedZstd is the library's zstd codec with one difference: pages of the
// default level go to the encoder that all of Encode's callers share. The
// library itself makes a new one for every page, some megabytes each time.
// The bytes are the same.
type sharedZstd struct{ compress.Codec }

// EncodeLevel implements compress.Codec.
func (c sharedZstd) EncodeLevel(dst, src []byte, level int) []byte {
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
	compress.RegisterCodec(compress.Codecs.Zstd, sharedZstd{codec})
}

package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"github.com/apache/arrow/go/v17/arrow"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// output is one file of a batch, whole and digested, on its way to the store.
type output struct {
	format string
	file   File
	data   []byte
}

// target is where and how one format of a batch is to be written.
type target struct {
	encoding sinks.Encoding
	path     string
}

// encode makes one file from the rows.
func encode(table *schema.Table, rec arrow.Record, t target) (output, error) {
	var buf bytes.Buffer
	if err := t.encoding.Encode(&buf, table, rec); err != nil {
		return output{}, fmt.Errorf("encode %s: %w", t.encoding.Format.Name, err)
	}
	sum := sha256.Sum256(buf.Bytes())
	return output{
		format: t.encoding.Format.Name,
		data:   buf.Bytes(),
		file: File{
			Path:        t.path,
			Rows:        rec.NumRows(),
			Bytes:       int64(buf.Len()),
			SHA256:      hex.EncodeToString(sum[:]),
			CRC32C:      encodeCRC32C(crc32.Checksum(buf.Bytes(), castagnoli)),
			Compression: t.encoding.Compression,
		},
	}, nil
}

// encodeCRC32C returns the base64 of the big-endian checksum.
func encodeCRC32C(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

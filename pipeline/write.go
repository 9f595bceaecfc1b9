package pipeline

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

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

// encode makes one file from the rows, in a buffer, whose memory it has.
func encode(b *buffer, table *schema.Table, rec arrow.Record, t target) (output, error) {
	if err := t.encoding.Encode(b, table, rec); err != nil {
		return output{}, fmt.Errorf("encode %s: %w", t.encoding.Format.Name, err)
	}
	return digest(t.encoding.Format.Name, b.bytes(), File{
		Path: t.path, Rows: rec.NumRows(), Compression: t.encoding.Compression, Neutralised: t.encoding.Neutralised,
	}), nil
}

// digest completes the description of a file with what its bytes say.
func digest(format string, data []byte, file File) output {
	sum := sha256.Sum256(data)
	file.Bytes = int64(len(data))
	file.SHA256 = hex.EncodeToString(sum[:])
	file.CRC32C = encodeCRC32C(crc32.Checksum(data, castagnoli))
	return output{format: format, data: data, file: file}
}

// errFileTooLarge says that a file grew beyond its limit.
var errFileTooLarge = errors.New("file exceeds the memory limit")

// project returns the record with the columns of the table alone, which the
// caller releases. rec has those columns, and maybe more.
func project(rec arrow.Record, table *schema.Table, batchID string) arrow.Record {
	columns := make([]arrow.Array, len(table.Columns))
	for i, c := range table.Columns {
		columns[i] = columnOf(rec, c.Name)
	}
	return array.NewRecord(table.Arrow(batchID), columns, rec.NumRows())
}

// encodeCRC32C returns the base64 of the big-endian checksum.
func encodeCRC32C(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

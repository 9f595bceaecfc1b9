package manifest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"enrow-export/sinks"
)

// Describe returns f with what its bytes say: their length and digests.
func (f File) Describe(data []byte) File {
	f.Bytes = int64(len(data))
	f.SHA256 = SHA256(data)
	f.CRC32C = EncodeCRC32C(crc32.Checksum(data, sinks.Castagnoli))
	return f
}

// Compare lists the differences between the bytes of a file and f. damaged means that
// the bytes must not be decoded.
func (f File) Compare(data []byte) (problems []string, damaged bool) {
	if int64(len(data)) != f.Bytes {
		return []string{fmt.Sprintf("has %d bytes, but the manifest records %d", len(data), f.Bytes)}, true
	}
	if SHA256(data) != f.SHA256 {
		return []string{"has another sha256 than the manifest records"}, true
	}
	if EncodeCRC32C(crc32.Checksum(data, sinks.Castagnoli)) != f.CRC32C {
		return []string{"has another crc32c than the manifest records"}, false
	}
	return nil, false
}

// IsObject reports whether an object has the length and the checksum of the file. info is
// from Stat.
func (f File) IsObject(info sinks.Info) bool {
	return info.Size == f.Bytes && EncodeCRC32C(info.CRC32C) == f.CRC32C
}

// SHA256 returns the digest of data as entries have it: lower-case hex.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// EncodeCRC32C returns a checksum as entries have it: base64 of the big-endian bytes.
func EncodeCRC32C(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

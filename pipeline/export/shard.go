package export

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Shard is one of Count parts of all batch ids. The first part has Index 1.
// The zero value is all of them.
type Shard struct{ Index, Count int }

// ParseShard reads a shard as I/N, such as 1/4.
func ParseShard(s string) (Shard, error) {
	index, count, ok := strings.Cut(s, "/")
	i, errI := strconv.ParseUint(index, 10, 31)
	n, errN := strconv.ParseUint(count, 10, 31)
	switch {
	case !ok, errI != nil, errN != nil:
		return Shard{}, fmt.Errorf("%q is not of the form I/N", s)
	case n == 0:
		return Shard{}, errors.New("the number of shards must not be 0")
	case i == 0 || i > n:
		return Shard{}, fmt.Errorf("there is no shard %d of %d: shards are numbered from 1", i, n)
	}
	return Shard{int(i), int(n)}, nil
}

// String returns the shard as I/N, and nothing for all ids.
func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Holds reports whether a batch belongs to the shard. An id is in the same one on
// every machine and in every version: that of its SHA-256, the first eight bytes
// taken as a big-endian number, modulo Count.
func (s Shard) Holds(id string) bool {
	if s.Count == 0 {
		return true
	}
	digest := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(digest[:])%uint64(s.Count) == uint64(s.Index-1)
}

package load

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strconv"

	"enrow-export/pipeline/manifest"
)

// Loaded says which contents of batches a warehouse has, by the name of the table.
type Loaded map[string]contents

// contents has for each batch the contents that were loaded, 8 bytes of either digest.
// Should two batches have the same 8 bytes, the one that was loaded last counts, and the
// other is loaded again.
type contents map[uint64]uint64

// batchKey returns the 8 bytes that stand for a batch.
func batchKey(id string) uint64 { return hashOf(manifest.SHA256([]byte(id))) }

// contentOf returns the 8 bytes that stand for the contents of a batch: of the digest of
// the file that is loaded, or of the file that its rows were packed from.
func contentOf(f manifest.File) uint64 {
	if f.Shared() {
		return hashOf(f.PackedFrom)
	}
	return hashOf(f.SHA256)
}

// hashOf returns the first 8 bytes of a digest in hex.
func hashOf(digest string) uint64 {
	n, err := strconv.ParseUint(digest[:16], 16, 64)
	if err != nil {
		panic(err) // an entry's digests were checked
	}
	return n
}

// has reports whether the warehouse has this file of the batch.
func (l Loaded) has(table, id string, f manifest.File) bool {
	content, ok := l[table][batchKey(id)]
	return ok && content == contentOf(f)
}

// add notes that the warehouse has this file of the batch.
func (l Loaded) add(table, id string, f manifest.File) {
	if l[table] == nil {
		l[table] = make(contents)
	}
	l[table][batchKey(id)] = contentOf(f)
}

// merge adds what is loaded in other, and reports whether that changed anything.
func (l Loaded) merge(other Loaded) (changed bool) {
	for table, batches := range other {
		if l[table] == nil {
			l[table] = make(contents)
		}
		for batch, content := range batches {
			if old, ok := l[table][batch]; !ok || old != content {
				l[table][batch] = content
				changed = true
			}
		}
	}
	return changed
}

// forget removes the batches that are in other, and reports whether there were any.
func (l Loaded) forget(other Loaded) (changed bool) {
	for table, batches := range other {
		for batch := range batches {
			if _, ok := l[table][batch]; ok {
				delete(l[table], batch)
				changed = true
			}
		}
	}
	return changed
}

// covers reports whether all that is loaded in other is in l.
func (l Loaded) covers(other Loaded) bool {
	for table, batches := range other {
		for batch, content := range batches {
			if have, ok := l[table][batch]; !ok || have != content {
				return false
			}
		}
	}
	return true
}

// Batches returns the number of batches.
func (l Loaded) Batches() (n int) {
	for _, batches := range l {
		n += len(batches)
	}
	return n
}

// perBatch is how many bytes a batch takes when it is written.
const perBatch = 16

// encode returns the contents as bytes, in the order of the batches.
func (c contents) encode() []byte {
	data := make([]byte, 0, len(c)*perBatch)
	for _, batch := range slices.Sorted(maps.Keys(c)) {
		data = binary.BigEndian.AppendUint64(data, batch)
		data = binary.BigEndian.AppendUint64(data, c[batch])
	}
	return data
}

// decodeContents is the inverse of encode, in base64.
func decodeContents(text string) (contents, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(data)%perBatch != 0 {
		return nil, errors.New("are not digests")
	}
	c := make(contents, len(data)/perBatch)
	last := uint64(0)
	for i := 0; i < len(data); i += perBatch {
		batch := binary.BigEndian.Uint64(data[i:])
		if i > 0 && batch <= last {
			return nil, errors.New("are not in order")
		}
		c[batch], last = binary.BigEndian.Uint64(data[i+8:]), batch
	}
	return c, nil
}

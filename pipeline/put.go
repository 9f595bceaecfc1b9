package pipeline

import (
	"context"
	"errors"
	"hash/crc32"

	"enrow-export/sinks"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// put stores data under cond, and finds out what is there before it reports a
// failure: an operation whose answer got lost may have taken effect, and an
// object that already has these bytes is as good as one that was put.
func put(ctx context.Context, store sinks.Store, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	return putNoted(ctx, store, name, data, "", cond)
}

// putNoted is put with a note beside the object, where the store keeps notes.
func putNoted(ctx context.Context, store sinks.Store, name string, data []byte, note string, cond sinks.Condition) (info sinks.Info, err error) {
	if n, ok := store.(sinks.Noter); ok && note != "" {
		info, err = n.PutNoted(ctx, name, data, note, cond)
	} else {
		info, err = store.Put(ctx, name, data, cond)
	}
	if err == nil {
		return info, nil
	}
	current, known := conflict(err)
	if !known {
		found, lookErr := store.Stat(ctx, name)
		if lookErr != nil {
			return sinks.Info{}, err
		}
		current = &found
	}
	if current != nil && same(*current, data) {
		return *current, nil
	}
	return sinks.Info{}, err
}

// conflict returns what was found instead when err is a lost condition.
func conflict(err error) (current *sinks.Info, ok bool) {
	var c *sinks.ConflictError
	if !errors.As(err, &c) {
		return nil, false
	}
	return c.Current, true
}

// same reports whether the object described has the content data.
func same(info sinks.Info, data []byte) bool {
	return info.Size == int64(len(data)) && info.CRC32C == crc32.Checksum(data, castagnoli)
}

package sinks

import (
	"context"
	"errors"
	"hash/crc32"
)

// Castagnoli is the table of the checksum that Info.CRC32C is.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Put stores data under cond, and looks at the object before it reports a failure.
// An operation whose answer got lost may have taken effect. An object that has
// these bytes already is as good as one that was put.
func Put(ctx context.Context, store Store, name string, data []byte, cond Condition) (Info, error) {
	info, err := store.Put(ctx, name, data, cond)
	if err == nil {
		return info, nil
	}
	current, lost := Conflict(err)
	if !lost {
		found, lookErr := store.Stat(ctx, name)
		if lookErr != nil {
			return Info{}, err
		}
		current = &found
	}
	if current != nil && current.Size == int64(len(data)) && current.CRC32C == crc32.Checksum(data, Castagnoli) {
		return *current, nil
	}
	return Info{}, err
}

// Conflict reports whether err says that a condition did not hold, and returns
// what is there instead: nil when there is no object.
func Conflict(err error) (current *Info, lost bool) {
	var c *ConflictError
	if !errors.As(err, &c) {
		return nil, false
	}
	return c.Current, true
}

package manifest

import (
	"context"
	"errors"
	"fmt"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// PackFormat is the only format that is packed. Packing makes files of other formats no
// faster to scan.
const PackFormat = "parquet"

// PackFolder has the log of a compacted root. An object in it tells that a root is
// one.
const PackFolder = "_packs/"

// CheckNotCompacted returns an error of the operation if the store is a compacted
// root.
func CheckNotCompacted(ctx context.Context, store sinks.Store, op string) error {
	for _, err := range store.List(ctx, PackFolder) {
		if err != nil {
			return fmt.Errorf("list packs: %w", err)
		}
		return errCompacted(op)
	}
	return nil
}

// CheckNotPacked returns an error of the operation if a file of the batch is a
// pack: to replace it would delete the rows of other batches.
func (e *Entry) CheckNotPacked(op string) error {
	if e != nil && e.Files[PackFormat].Shared() {
		return errCompacted(op)
	}
	return nil
}

func errCompacted(op string) error {
	return &pipeline.Error{
		Op: op, Class: pipeline.Fatal, Err: errors.New("the destination is a compacted root, which only compact writes to"),
		Hint: "name the root that it is made from, and run compact afterwards",
	}
}

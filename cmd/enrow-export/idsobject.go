package main

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// maxListed is the size of the largest list that is read from a bucket: an object is read
// into memory.
const maxListed = 256 << 20

// readObject returns the content of an object of a bucket that a flag names by its URL.
func readObject(c *cli.Context, flag, at string) ([]byte, error) {
	r, err := parseRoot(flag, at)
	if err != nil {
		return nil, err
	}
	folder, name := path.Split(r.prefix)
	r.prefix = path.Clean(folder)
	if folder == "" {
		r.prefix = ""
	}
	store, err := r.with(c).open()
	if err != nil {
		return nil, err
	}
	defer closeStore(store)
	data, err := getBounded(c.Context, store, name)
	var large *listFault
	var advised interface {
		error
		Advice() string
	}
	switch {
	case err == nil:
		return data, nil
	case errors.As(err, &large):
		return nil, usagef(large.hint, "--%s: %s%v", flag, at, large)
	case errors.Is(err, sinks.ErrNotExist):
		return nil, usagef("check the bucket and the key; nothing was tried", "--%s: %s does not exist", flag, at)
	case errors.As(err, &advised): // it is no destination that cannot be used
		return nil, &pipeline.Error{Class: pipeline.Fatal, Err: fmt.Errorf("--%s: %s: %w", flag, at, advised), Hint: advised.Advice()}
	}
	return nil, &pipeline.Error{
		Class: pipeline.Fatal, Err: fmt.Errorf("--%s: %s: %w", flag, at, err),
		Hint: "nothing was tried: run again, or give a copy of the list on this machine",
	}
}

// getBounded returns an object that is not too large for a list.
func getBounded(ctx context.Context, store sinks.Store, name string) ([]byte, error) {
	info, err := store.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	if info.Size > maxListed {
		return nil, &listFault{
			fmt.Sprintf(" has %s, and a list in a bucket has at most %s", size(info.Size), size(maxListed)),
			"give a copy of the list on this machine, which may have any size; nothing was tried",
		}
	}
	data, _, err := store.Get(ctx, name)
	return data, err
}

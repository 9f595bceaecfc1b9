package storetest

import (
	"context"
	"errors"
	"iter"

	"enrow-export/sinks"
)

// Careless is a Store that ignores conditions, as services do that know nothing of them:
// each put replaces what is there, and says that all is well. It is not a Store by the
// contract.
type Careless struct {
	sinks.Store
	// Heeds reports whether a condition is obeyed all the same; nil for none.
	Heeds func(sinks.Condition) bool
}

// Put puts the object whatever is there.
func (c *Careless) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if c.Heeds != nil && c.Heeds(cond) {
		return c.Store.Put(ctx, name, data, cond)
	}
	for {
		cond := sinks.IfAbsent()
		if info, err := c.Stat(ctx, name); err == nil {
			cond = sinks.IfVersion(info.Version)
		}
		info, err := c.Store.Put(ctx, name, data, cond)
		if _, lost := sinks.Conflict(err); !lost {
			return info, err
		}
	}
}

// Delete deletes the object whatever its version is.
func (c *Careless) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	if c.Heeds != nil && c.Heeds(cond) {
		return c.Store.Delete(ctx, name, cond)
	}
	for {
		info, err := c.Stat(ctx, name)
		if err == nil {
			err = c.Store.Delete(ctx, name, sinks.IfVersion(info.Version))
		}
		if _, lost := sinks.Conflict(err); !lost {
			return err
		}
	}
}

// Lagging is a Store whose listings show none of the objects that Hides names, as if they
// had been put too recently. It is not a Store by the contract.
type Lagging struct {
	sinks.Store
	Hides func(name string) bool
}

// List implements sinks.Store, but for the objects that are hidden.
func (l *Lagging) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		for info, err := range l.Store.List(ctx, prefix) {
			if err == nil && l.Hides(info.Name) {
				continue
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// ErrDenied is the error of an operation that a Denied refuses.
var ErrDenied = errors.New("permission denied")

// Denied is a Store that refuses kinds of operations: "put", "get", "list", "delete".
type Denied struct {
	sinks.Store
	Ops map[string]bool
}

func (d *Denied) refused(op string) error {
	if d.Ops[op] {
		return ErrDenied
	}
	return nil
}

// Put implements sinks.Store.
func (d *Denied) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if err := d.refused("put"); err != nil {
		return sinks.Info{}, err
	}
	return d.Store.Put(ctx, name, data, cond)
}

// Get implements sinks.Store.
func (d *Denied) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	if err := d.refused("get"); err != nil {
		return nil, sinks.Info{}, err
	}
	return d.Store.Get(ctx, name)
}

// List implements sinks.Store.
func (d *Denied) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	if err := d.refused("list"); err != nil {
		return func(yield func(sinks.Info, error) bool) { yield(sinks.Info{}, err) }
	}
	return d.Store.List(ctx, prefix)
}

// Delete implements sinks.Store.
func (d *Denied) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	if err := d.refused("delete"); err != nil {
		return err
	}
	return d.Store.Delete(ctx, name, cond)
}

package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// WithTimeout returns a Store whose every operation ends within limit, and whose
// listings wait no longer for their next object, when those of s heed their
// context: a service that does not answer costs one batch, not the night. What
// was cut off may have taken effect, as after any error. The Store has the traits
// of s. It is a Sweeper and a Checker that does nothing where s is none, and closes s.
func WithTimeout(s Store, limit time.Duration) Store {
	return &timeoutStore{store: s, limit: limit}
}

type timeoutStore struct {
	store Store
	limit time.Duration
}

var (
	_ Store     = (*timeoutStore)(nil)
	_ Sweeper   = (*timeoutStore)(nil)
	_ Checker   = (*timeoutStore)(nil)
	_ io.Closer = (*timeoutStore)(nil)
)

// do calls op with a context that ends in time.
func (t *timeoutStore) do(ctx context.Context, op func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, t.limit)
	defer cancel()
	return t.explain(ctx, op(limited))
}

// explain says of an error what the limit has to do with it.
func (t *timeoutStore) explain(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &timeoutError{t.limit}
}

// timeoutError is a context.DeadlineExceeded that says for how long was waited.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("no response within %s", e.limit) }

// Advice returns what to do.
func (e *timeoutError) Advice() string {
	return "run again later; --store-timeout raises the time limit of an operation"
}

func (e *timeoutError) Unwrap() error { return context.DeadlineExceeded }

// Put implements Store.
func (t *timeoutStore) Put(ctx context.Context, name string, data []byte, cond Condition) (info Info, err error) {
	err = t.do(ctx, func(ctx context.Context) (err error) {
		info, err = t.store.Put(ctx, name, data, cond)
		return err
	})
	return info, err
}

// Get implements Store.
func (t *timeoutStore) Get(ctx context.Context, name string) (data []byte, info Info, err error) {
	err = t.do(ctx, func(ctx context.Context) (err error) {
		data, info, err = t.store.Get(ctx, name)
		return err
	})
	return data, info, err
}

// Stat implements Store.
func (t *timeoutStore) Stat(ctx context.Context, name string) (info Info, err error) {
	err = t.do(ctx, func(ctx context.Context) (err error) {
		info, err = t.store.Stat(ctx, name)
		return err
	})
	return info, err
}

// Delete implements Store.
func (t *timeoutStore) Delete(ctx context.Context, name string, cond Condition) error {
	return t.do(ctx, func(ctx context.Context) error {
		return t.store.Delete(ctx, name, cond)
	})
}

// List implements Store. The time that the caller takes for an object does not
// count.
func (t *timeoutStore) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		limited, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(t.limit, func() { cancel(context.DeadlineExceeded) })
		defer timer.Stop()
		for info, err := range t.store.List(limited, prefix) {
			timer.Stop()
			if err != nil && context.Cause(limited) == context.DeadlineExceeded { //nolint:errorlint // the very one given above
				err = t.explain(ctx, context.DeadlineExceeded)
			}
			if !yield(info, err) {
				return
			}
			timer.Reset(t.limit)
		}
	}
}

// Sweep implements Sweeper.
func (t *timeoutStore) Sweep(ctx context.Context) (removed int, err error) {
	s, ok := t.store.(Sweeper)
	if !ok {
		return 0, nil
	}
	err = t.do(ctx, func(ctx context.Context) (err error) {
		removed, err = s.Sweep(ctx)
		return err
	})
	return removed, err
}

// Check implements Checker.
func (t *timeoutStore) Check(ctx context.Context) error {
	c, ok := t.store.(Checker)
	if !ok {
		return nil
	}
	return t.do(ctx, c.Check)
}

// Traits implements Store.
func (t *timeoutStore) Traits() Traits { return t.store.Traits() }

// Unwrap returns the store behind it, for what only that one can tell.
func (t *timeoutStore) Unwrap() Store { return t.store }

// Close closes the store behind it, where that can be closed.
func (t *timeoutStore) Close() error {
	if c, ok := t.store.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

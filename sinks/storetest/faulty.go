package storetest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"enrow-export/sinks"
)

// ErrInjected is the error of an operation that a Faulty failed.
var ErrInjected = errors.New("injected fault")

// Mode is how a Faulty fails an operation.
type Mode uint8

const (
	// FailBefore reports ErrInjected and does nothing.
	FailBefore Mode = iota
	// FailAfter does it and reports ErrInjected all the same, as when the
	// answer of a server gets lost.
	FailAfter
	// HangBefore waits for the end of the operation's context without doing
	// anything, as when a server does not answer.
	HangBefore
	// HangAfter does it, and waits for the end of the context all the same.
	HangAfter
	// CancelBefore calls Cancel, and reports context.Canceled, from then on for
	// every operation, without doing anything.
	CancelBefore
)

// Faulty is a Store that hands its operations on to another, records them, and
// fails one of them. Tests that raise At from 1 until Fired reports false have
// failed every operation there is. When At is 0, it only records.
//
// A listing is one operation, begun when it is ranged over; failing it after it
// took effect is to yield the error behind the last object.
type Faulty struct {
	Store  sinks.Store
	At     int // the number of the operation to fail, from 1
	Mode   Mode
	Cancel context.CancelFunc // for CancelBefore
	// HangFor bounds for how long an operation hangs that has more time; 0 does not.
	HangFor time.Duration

	mu  sync.Mutex
	ops []string
}

var (
	_ sinks.Store   = (*Faulty)(nil)
	_ sinks.Sweeper = (*Faulty)(nil)
	_ sinks.Checker = (*Faulty)(nil)
)

// Ops returns the operations so far, in the order in which they were begun, as
// "put email_find/x.parquet".
func (f *Faulty) Ops() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ops)
}

// Fired reports whether there was an operation to fail.
func (f *Faulty) Fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.At > 0 && len(f.ops) >= f.At
}

// do records op and performs it by calling do, or fails it.
func (f *Faulty) do(ctx context.Context, op string, do func(context.Context) error) error {
	f.mu.Lock()
	f.ops = append(f.ops, op)
	n := len(f.ops)
	f.mu.Unlock()

	switch {
	case f.At == 0 || n < f.At || n > f.At && f.Mode != CancelBefore:
		return do(ctx)
	case f.Mode == CancelBefore:
		f.Cancel()
		return context.Canceled
	case f.Mode == FailAfter, f.Mode == HangAfter:
		err := do(context.WithoutCancel(ctx))
		if errors.Is(err, errStopped) {
			return nil // nobody waits any more
		} // else, whatever came of it, nobody is told
	}
	if f.Mode == HangBefore || f.Mode == HangAfter {
		if f.HangFor > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, f.HangFor)
			defer cancel()
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return ErrInjected
}

// Put implements sinks.Store.
func (f *Faulty) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (info sinks.Info, err error) {
	err = f.do(ctx, "put "+name, func(ctx context.Context) (err error) {
		info, err = f.Store.Put(ctx, name, data, cond)
		return err
	})
	if err != nil {
		return sinks.Info{}, err
	}
	return info, nil
}

// Get implements sinks.Store.
func (f *Faulty) Get(ctx context.Context, name string) (data []byte, info sinks.Info, err error) {
	err = f.do(ctx, "get "+name, func(ctx context.Context) (err error) {
		data, info, err = f.Store.Get(ctx, name)
		return err
	})
	if err != nil {
		return nil, sinks.Info{}, err
	}
	return data, info, nil
}

// Stat implements sinks.Store.
func (f *Faulty) Stat(ctx context.Context, name string) (info sinks.Info, err error) {
	err = f.do(ctx, "stat "+name, func(ctx context.Context) (err error) {
		info, err = f.Store.Stat(ctx, name)
		return err
	})
	if err != nil {
		return sinks.Info{}, err
	}
	return info, nil
}

// errStopped ends a listing whose caller has seen enough.
var errStopped = errors.New("listing was stopped")

// List implements sinks.Store.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		stopped := false
		err := f.do(ctx, "list "+prefix, func(ctx context.Context) error {
			for info, err := range f.Store.List(ctx, prefix) {
				if err != nil {
					return err
				}
				if stopped = !yield(info, nil); stopped {
					return errStopped
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(sinks.Info{}, err)
		}
	}
}

// Delete implements sinks.Store.
func (f *Faulty) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	return f.do(ctx, "delete "+name, func(ctx context.Context) error {
		return f.Store.Delete(ctx, name, cond)
	})
}

// Sweep implements sinks.Sweeper. It does nothing, and counts for nothing, when
// the store behind it is none.
func (f *Faulty) Sweep(ctx context.Context) (removed int, err error) {
	sweeper, ok := f.Store.(sinks.Sweeper)
	if !ok {
		return 0, nil
	}
	err = f.do(ctx, "sweep", func(ctx context.Context) (err error) {
		removed, err = sweeper.Sweep(ctx)
		return err
	})
	return removed, err
}

// Check implements sinks.Checker, as Sweep implements sinks.Sweeper.
func (f *Faulty) Check(ctx context.Context) error {
	checker, ok := f.Store.(sinks.Checker)
	if !ok {
		return nil
	}
	return f.do(ctx, "check", checker.Check)
}

// Traits implements sinks.Store, as no operation.
func (f *Faulty) Traits() sinks.Traits { return f.Store.Traits() }

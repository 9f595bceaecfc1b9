package pipelinetest

import (
	"context"
	"sync/atomic"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// Late is a Store whose process dies at its change number At, counted from 1, while the
// request is under way: the store meets the request when Arrive is called.
type Late struct {
	storetest.Faulty
	At      int
	Die     context.CancelFunc
	changes atomic.Int64
	request func()
}

// Arrive has the store meet the request, if there is one.
func (l *Late) Arrive() {
	if l.request != nil {
		l.request()
	}
}

// Died reports whether the process has died.
func (l *Late) Died() bool { return l.request != nil }

// isLast counts a change, and reports whether it is the one that is under way for long.
func (l *Late) isLast() bool { return l.changes.Add(1) == int64(l.At) }

func (l *Late) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if !l.isLast() {
		return l.Faulty.Put(ctx, name, data, cond)
	}
	data = append([]byte(nil), data...)
	l.request = func() { _, _ = l.Store.Put(context.WithoutCancel(ctx), name, data, cond) }
	l.Die()
	return sinks.Info{}, context.Canceled
}

func (l *Late) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	if !l.isLast() {
		return l.Faulty.Delete(ctx, name, cond)
	}
	l.request = func() { _ = l.Store.Delete(context.WithoutCancel(ctx), name, cond) }
	l.Die()
	return context.Canceled
}

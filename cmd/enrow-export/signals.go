package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// interrupts turns SIGINT and SIGTERM into the end of a run. The first signal
// cancels the context, with a *signalError as its cause: at once, or after the
// time that graceful has given. The second one does at any rate, and a third
// kills the process.
type interrupts struct {
	cancel   context.CancelCauseFunc
	finished chan struct{}

	mu       sync.Mutex
	grace    time.Duration
	draining func() // called on the first signal when there is a grace
	received *signalError
}

// withSignals begins to listen. The caller calls ignore.
func withSignals(ctx context.Context) (context.Context, *interrupts) {
	ctx, cancel := context.WithCancelCause(ctx)
	i := &interrupts{cancel: cancel, finished: make(chan struct{})}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go i.listen(signals)
	return ctx, i
}

func (i *interrupts) listen(signals chan os.Signal) {
	defer signal.Stop(signals)
	select {
	case s := <-signals:
		timer := time.NewTimer(i.receive(s))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-signals:
		case <-i.finished:
		}
		i.cancel(i.err())
	case <-i.finished:
		i.cancel(nil)
	}
}

// receive notes the first signal and returns how long to wait after it.
func (i *interrupts) receive(s os.Signal) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.received = &signalError{s}
	if i.grace > 0 {
		i.draining()
	}
	return i.grace
}

// graceful lets a run go on for a while after the first signal, of which it is
// told by a call of draining.
func (i *interrupts) graceful(grace time.Duration, draining func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.grace, i.draining = grace, draining
}

// err returns the first signal as an error, nil when there was none.
func (i *interrupts) err() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.received == nil {
		return nil
	}
	return i.received
}

// ignore ends the listening: signals do again what they do to any process.
func (i *interrupts) ignore() { close(i.finished) }

// unlessStopped returns what read returns, or the cause of ctx if that is done first:
// opening or reading a pipe can block. The abandoned read ends with the process.
func unlessStopped[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	over := make(chan outcome, 1)
	go func() {
		value, err := read()
		over <- outcome{value, err}
	}()
	select {
	case o := <-over:
		if ctx.Err() == nil {
			return o.value, o.err
		}
	case <-ctx.Done():
	}
	var none T
	return none, context.Cause(ctx)
}

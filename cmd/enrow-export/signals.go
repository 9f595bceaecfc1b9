package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// stopSignals end a run, unless they were ignored when the program was started, as by
// nohup, or by a shell for what it runs in the background. (Go hands SIGTERM over even
// then.)
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// errMaxRuntime is the cause of a context that --max-runtime has cancelled.
var errMaxRuntime = errors.New("the time of --max-runtime is over")

// interrupts turns a signal into the end of a run, and so the end of its time. The
// first one cancels the context, with a *signalError or errMaxRuntime as its cause: at
// once, or after the time that graceful has given. A signal after that does at any
// rate, and another one kills the process.
type interrupts struct {
	cancel   context.CancelCauseFunc
	finished chan struct{}
	expired  chan struct{} // gets one value when the time is over

	mu       sync.Mutex
	reload   func() // called for SIGHUP, unless it is nil: it is no reason to stop then
	grace    time.Duration
	draining func(why error) // called in the beginning when there is a grace
	received error
}

// withSignals begins to listen. The caller calls ignore.
func withSignals(ctx context.Context) (context.Context, *interrupts) {
	ctx, cancel := context.WithCancelCause(ctx)
	i := &interrupts{cancel: cancel, finished: make(chan struct{}), expired: make(chan struct{}, 1)}
	signals := make(chan os.Signal, len(stopSignals))
	for _, s := range stopSignals {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	// Nobody reads what is written: stdout says so by its error, and whether that is
	// the end depends on the command.
	signal.Ignore(syscall.SIGPIPE)
	go i.listen(signals)
	return ctx, i
}

func (i *interrupts) listen(signals chan os.Signal) {
	defer signal.Stop(signals)
	var why error
	for why == nil {
		select {
		case s := <-signals:
			if !i.reloads(s) {
				why = &signalError{s}
			}
		case <-i.expired:
			why = errMaxRuntime
		case <-i.finished:
			i.cancel(nil)
			return
		}
	}
	timer := time.NewTimer(i.receive(why))
	defer timer.Stop()
	for over := false; !over; {
		select {
		case <-timer.C:
			over = true
		case s := <-signals:
			i.receive(&signalError{s})
			// A terminal that is closed sends SIGHUP twice, its shell and the system one
			// each, and systemd sends it behind SIGTERM: that is nobody's impatience.
			over = s != syscall.SIGHUP
		case <-i.finished:
			over = true
		}
	}
	i.cancel(i.err())
}

// receive notes why the run is to end, the first signal if there is one, and returns
// how long to wait after it.
func (i *interrupts) receive(why error) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	begins := i.received == nil
	if begins || errors.Is(i.received, errMaxRuntime) {
		i.received = why
	}
	if begins && i.grace > 0 {
		i.draining(why)
	}
	return i.grace
}

// onHangup has SIGHUP call reload instead of stopping the program.
func (i *interrupts) onHangup(reload func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reload = reload
}

// reloads calls the function of SIGHUP, if the signal is one, and reports whether it was.
func (i *interrupts) reloads(s os.Signal) bool {
	i.mu.Lock()
	reload := i.reload
	i.mu.Unlock()
	if s != syscall.SIGHUP || reload == nil {
		return false
	}
	reload()
	return true
}

// limit ends the run after that time, as a signal would; 0 is no limit.
func (i *interrupts) limit(d time.Duration) {
	if d > 0 {
		time.AfterFunc(d, func() { i.expired <- struct{}{} })
	}
}

// graceful lets a run go on for a while after the first signal or the end of its time.
// draining is called when that comes.
func (i *interrupts) graceful(grace time.Duration, draining func(why error)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.grace, i.draining = grace, draining
}

// err returns why the run is to end, a *signalError or errMaxRuntime; nil while it is
// not.
func (i *interrupts) err() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.received
}

// ignore ends the listening: signals do again what they do to any process.
func (i *interrupts) ignore() {
	close(i.finished)
	signal.Reset(syscall.SIGPIPE)
}

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

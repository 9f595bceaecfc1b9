package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The end of the time is like the first signal: batches under way have the grace. A
// signal meanwhile is the end, and counts.
func TestLimitIsLikeASignal(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal time.Duration // when one comes, 0 for never
		want   error
		after  time.Duration
	}{
		{"the grace is over", 0, errMaxRuntime, time.Hour + time.Minute},
		{"a signal in the grace", time.Hour + time.Second, &signalError{syscall.SIGHUP}, time.Hour + time.Second},
		{"a signal before", time.Second, &signalError{syscall.SIGHUP}, time.Second + time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				i := &interrupts{cancel: cancel, finished: make(chan struct{}), expired: make(chan struct{}, 1)}
				signals := make(chan os.Signal, 1)
				begun, drains := time.Now(), 0
				i.graceful(time.Minute, func(error) { drains++ })
				i.limit(time.Hour)
				if test.signal > 0 {
					time.AfterFunc(test.signal, func() { signals <- syscall.SIGHUP })
				}
				go i.listen(signals)
				<-ctx.Done()
				if after := time.Since(begun); after != test.after || drains != 1 {
					t.Errorf("ended after %s, want %s; %d warnings", after, test.after, drains)
				}
				if got := context.Cause(ctx); got.Error() != test.want.Error() || exitCode(got) != exitCode(test.want) || !errors.Is(i.err(), got) {
					t.Errorf("because of %v, want %v", got, test.want)
				}
				time.Sleep(2 * time.Hour) // all timers have run
			})
		})
	}
}

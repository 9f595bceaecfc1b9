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
// signal meanwhile is the end, and counts. A terminal that is closed hurries nobody.
func TestLimitIsLikeASignal(t *testing.T) {
	for _, test := range []struct {
		name    string
		signals map[time.Duration]syscall.Signal // by the time when they come
		want    error
		after   time.Duration
	}{
		{"the grace is over", nil, errMaxRuntime, time.Hour + time.Minute},
		{"a signal in the grace", map[time.Duration]syscall.Signal{time.Hour + time.Second: syscall.SIGTERM}, &signalError{syscall.SIGTERM}, time.Hour + time.Second},
		{"a hangup in the grace", map[time.Duration]syscall.Signal{time.Hour + time.Second: syscall.SIGHUP}, &signalError{syscall.SIGHUP}, time.Hour + time.Minute},
		{"a signal before", map[time.Duration]syscall.Signal{time.Second: syscall.SIGTERM}, &signalError{syscall.SIGTERM}, time.Second + time.Minute},
		{"two signals", map[time.Duration]syscall.Signal{time.Second: syscall.SIGTERM, 3 * time.Second: syscall.SIGTERM}, &signalError{syscall.SIGTERM}, 3 * time.Second},
		{"a terminal is closed", map[time.Duration]syscall.Signal{time.Second: syscall.SIGHUP, 2 * time.Second: syscall.SIGHUP}, &signalError{syscall.SIGHUP}, time.Second + time.Minute},
		{"a service is stopped", map[time.Duration]syscall.Signal{time.Second: syscall.SIGTERM, 2 * time.Second: syscall.SIGHUP}, &signalError{syscall.SIGTERM}, time.Second + time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				i := &interrupts{cancel: cancel, finished: make(chan struct{}), expired: make(chan struct{}, 1)}
				signals := make(chan os.Signal, 1)
				begun, drains := time.Now(), 0
				i.graceful(time.Minute, func(error) { drains++ })
				i.limit(time.Hour)
				for after, s := range test.signals {
					time.AfterFunc(after, func() { signals <- s })
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

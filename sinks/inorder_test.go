package sinks_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/sinks"
)

// Results come in the order of the jobs, however long each takes, and not more are
// under way than allowed.
func TestInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const jobs, limit = 100, 8
		var running, most atomic.Int64
		next := 0
		numbers := func(_ context.Context, yield func(int) bool) {
			for i := range jobs {
				if !yield(i) {
					return
				}
			}
		}
		double := func(_ context.Context, n int) (int, error) {
			if r := running.Add(1); r > most.Load() {
				most.Store(r)
			}
			defer running.Add(-1)
			time.Sleep(time.Duration(n*7%13) * time.Millisecond)
			return 2 * n, nil
		}
		for got, err := range sinks.InOrder(t.Context(), limit, numbers, double) {
			if err != nil || got != 2*next {
				t.Fatalf("result %d is %d, error %v", next, got, err)
			}
			next++
		}
		if next != jobs || most.Load() != limit {
			t.Errorf("%d results, %d at a time; want %d, %d at a time", next, most.Load(), jobs, limit)
		}

		// One at a time is one, and the next begins when the result was taken in.
		most.Store(0)
		for _, err := range sinks.InOrder(t.Context(), 1, numbers, double) {
			time.Sleep(time.Second)
			if err != nil || running.Load() != 0 {
				t.Fatalf("%d are running beside the caller, error %v", running.Load(), err)
			}
		}
		if most.Load() != 1 {
			t.Errorf("%d at a time, want 1", most.Load())
		}

		// An error is the last, and so is a caller who has seen enough: nothing is
		// left running.
		broken := errors.New("broken")
		seen := 0
		for _, err := range sinks.InOrder(t.Context(), limit, numbers, func(ctx context.Context, n int) (int, error) {
			if n == 3 {
				return 0, broken
			}
			return double(ctx, n)
		}) {
			if seen++; (err != nil) != (seen == 4) || err != nil && !errors.Is(err, broken) {
				t.Errorf("result %d: error %v", seen, err)
			}
		}
		if seen != 4 || running.Load() != 0 {
			t.Errorf("%d results, %d still running", seen, running.Load())
		}
		for range sinks.InOrder(t.Context(), limit, numbers, double) {
			break
		}

		// A part of the jobs is never taken for all of them.
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		heedful := func(ctx context.Context, yield func(int) bool) {
			for i := range jobs {
				if ctx.Err() != nil || !yield(i) {
					return
				}
			}
		}
		var errs []error
		for n, err := range sinks.InOrder(ctx, limit, heedful, func(_ context.Context, n int) (int, error) { return n, nil }) {
			if n == 2 && err == nil {
				cancel(broken)
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) != 1 || !errors.Is(errs[0], broken) {
			t.Errorf("cancelled: errors %v, want the cause", errs)
		}
		if running.Load() != 0 {
			t.Errorf("%d still running", running.Load())
		}
	})
}

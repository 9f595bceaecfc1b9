package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/sinks"
)

// lostTo returns a change that loses its first races, so many of them.
func lostTo(others int, rounds *int) func(int) error {
	return func(round int) error {
		if round != *rounds {
			return fmt.Errorf("round %d, want %d", round, *rounds)
		}
		if *rounds++; round < others {
			return fmt.Errorf("write: %w", &sinks.ConflictError{Name: "a"})
		}
		return nil
	}
}

func TestRetryConflicts(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		for others, want := range map[int]int{0: 1, 1: 2, 49: 50} {
			rounds, start := 0, time.Now()
			if err := sinks.RetryConflicts(t.Context(), lostTo(others, &rounds)); err != nil || rounds != want {
				t.Errorf("%d lost races: %d rounds, error %v, want %d", others, rounds, err, want)
			}
			if waited := time.Since(start); others < 2 && waited > 0 || waited > 25*time.Second {
				t.Errorf("%d lost races: waited for %v", others, waited)
			}
		}
		// However many races are lost, the pauses stay pauses.
		rounds := 0
		if err := sinks.RetryConflicts(t.Context(), lostTo(1000, &rounds)); !errors.Is(err, sinks.ErrContended) || rounds != 50 {
			t.Errorf("all races lost: %d rounds, error %v", rounds, err)
		}
		rounds = 0
		err := sinks.RetryConflicts(t.Context(), func(int) error {
			rounds++
			return broken
		})
		if !errors.Is(err, broken) || rounds != 1 {
			t.Errorf("another error: %d rounds, error %v", rounds, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		rounds = 0
		err = sinks.RetryConflicts(ctx, func(int) error {
			if rounds++; rounds == 3 {
				cancel(broken)
			}
			return &sinks.ConflictError{Name: "a"}
		})
		if !errors.Is(err, broken) || rounds != 3 {
			t.Errorf("cancelled: %d rounds, error %v", rounds, err)
		}
	})
}

// Changes that keep overtaking one another all come to an end, however many there are
// and however long a round takes.
func TestRetryConflictsEndsForAll(t *testing.T) {
	for _, contenders := range []int{2, 4, 8, 32} {
		for _, takes := range []time.Duration{time.Millisecond, 200 * time.Millisecond, 2 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				var claim atomic.Int64
				var running sync.WaitGroup
				for range contenders {
					running.Go(func() {
						err := sinks.RetryConflicts(t.Context(), func(int) error {
							mine := claim.Add(1)
							time.Sleep(takes)
							if claim.Load() != mine {
								return &sinks.ConflictError{Name: "a"}
							}
							return nil
						})
						if err != nil {
							t.Errorf("one of %d changes whose rounds take %v: %v", contenders, takes, err)
						}
					})
				}
				running.Wait()
			})
		}
	}
}

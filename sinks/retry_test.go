package sinks_test

import (
	"context"
	"errors"
	"fmt"
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

package sinks

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// maxRounds bounds how often a change starts again because another run was faster.
	maxRounds = 50
	// maxPause bounds a pause between two rounds.
	maxPause = time.Minute
)

// ErrContended ends a change that lost too many races.
var ErrContended = errors.New("other runs keep changing the batch")

// RetryConflicts calls change, with the number of the round from 0, until it
// returns an error that is not a *ConflictError, or nil. change reads again whatever
// its conditions depend on. The error of change is returned as it is, ErrContended after
// fifty rounds, or the cause of ctx.
//
// Most runs lose one race at most. From the second lost race on a random pause draws
// apart runs that keep overtaking one another: it soon has room for several rounds, so
// that one of the runs comes to its end undisturbed.
func RetryConflicts(ctx context.Context, change func(round int) error) error {
	for round := range maxRounds {
		start := time.Now()
		err := change(round)
		if _, lost := Conflict(err); !lost {
			return err
		}
		if round == 0 || round == maxRounds-1 {
			continue
		}
		timer := time.NewTimer(rand.N(longestPause(round, time.Since(start))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
	return ErrContended
}

// longestPause returns the limit of the pause after a round that took so long.
func longestPause(round int, took time.Duration) time.Duration {
	least := min(time.Millisecond<<min(round, 20), time.Second/2)
	return max(least, min(took<<min(round, 5), maxPause))
}

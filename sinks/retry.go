package sinks

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// maxRounds bounds how often a change starts again because another run was
// faster. Every lost round is a step forward of another run.
const maxRounds = 50

// ErrContended ends a change that lost too many races.
var ErrContended = errors.New("other runs keep changing the batch")

// RetryConflicts calls change, with the number of the round from 0, until it
// returns an error that is not a *ConflictError, or nil. change reads again whatever
// its conditions depend on. Most runs lose one race at most. From the second lost
// race on a random pause draws apart runs that keep overtaking one another. The
// error of change is returned as it is, ErrContended after fifty rounds, or the
// cause of ctx.
func RetryConflicts(ctx context.Context, change func(round int) error) error {
	for round := range maxRounds {
		err := change(round)
		if _, lost := Conflict(err); !lost {
			return err
		}
		if round == 0 || round == maxRounds-1 {
			continue
		}
		timer := time.NewTimer(rand.N(min(time.Millisecond<<min(round, 20), time.Second/2)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
	return ErrContended
}

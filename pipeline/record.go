package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// maxRounds bounds how often a change of an entry starts again because another
// run was faster. Every lost round is a step forward of somebody else.
const maxRounds = 50

// errContended ends a change that lost maxRounds races.
var errContended = errors.New("other runs keep changing the batch")

// untilUncontended calls change until it loses no race. The first lost race is
// mostly the last; after more of them, runs that keep overtaking one another
// are drawn apart by a random pause.
func (x *exporter) untilUncontended(ctx context.Context, id string, change func(round int) error) error {
	for round := range maxRounds {
		err := change(round)
		if _, lost := conflict(err); !lost {
			return err
		}
		x.Log.DebugContext(ctx, "another run was faster, looking again", logBatch, id)
		if round > 0 {
			if err := pause(ctx, rand.N(min(time.Millisecond<<round, time.Second/2)), nil); err != nil {
				return err
			}
		}
	}
	return errContended
}

// pause waits for d, or until stop is closed, or returns the error of ctx.
func pause(ctx context.Context, d time.Duration, stop <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-stop:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// next returns a copy of the entry, or a new one, for this run to change.
func (x *exporter) next(old *Entry, id string) *Entry {
	e := &Entry{State: StatePending}
	if old != nil {
		copied := *old
		e = &copied
	}
	e.ManifestVersion = ManifestVersion
	e.BatchID = id
	e.Kind = x.Table.Kind
	e.ToolVersion = x.ToolVersion
	e.UpdatedAt = x.Now().UTC().Truncate(time.Millisecond)
	return e
}

// record notes in the manifest how an attempt ended that published nothing.
// What is exported stays exported, whatever became of a later attempt.
func (x *exporter) record(ctx context.Context, id string, change func(*Entry)) error {
	err := x.untilUncontended(ctx, id, func(int) error {
		old, cond, err := x.manifest.Read(ctx, id)
		if err != nil {
			return err
		}
		e := x.next(old, id)
		e.Attempts++
		change(e)
		_, err = x.manifest.write(ctx, e, cond)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the outcome: %w", err)
	}
	return nil
}

func (x *exporter) recordFailure(ctx context.Context, id string, failure error, envelope jsontext.Value) error {
	return x.record(ctx, id, func(e *Entry) {
		e.Error = failure.Error()
		if e.State == StateExported {
			return
		}
		permanent := IsPermanent(failure)
		e.State = StateFailed
		e.Permanent = &permanent
		if envelope != nil {
			e.Batch = []byte(envelope)
		}
	})
}

func (x *exporter) recordOngoing(ctx context.Context, id string, envelope jsontext.Value) error {
	return x.record(ctx, id, func(e *Entry) {
		e.Error = ""
		if e.State == StateExported {
			return
		}
		e.State = StateOngoing
		e.Permanent = nil
		e.Batch = []byte(envelope)
	})
}

package export

import (
	"context"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
)

// noteOutcome notes in the manifest an attempt that published nothing. A batch that is
// exported has to stay so.
func (x *exporter) noteOutcome(ctx context.Context, id, failure string, change func(*manifest.Entry)) error {
	err := x.manifest.Change(ctx, id, func(e *manifest.Entry) {
		e.Attempts++
		e.Error = failure
		change(e)
	})
	if err != nil {
		return fmt.Errorf("note the outcome: %w", err)
	}
	return nil
}

// noteFailure notes a failure, and returns it, as a permanent one if the manifest
// knows of enough refusals before. needsAttention is what the entry says then. answered
// says that Enrow has answered about the batch, and not that it does not know it.
func (x *exporter) noteFailure(ctx context.Context, id string, failure *pipeline.Error, envelope jsontext.Value, answered bool) (_ *pipeline.Error, needsAttention bool, err error) {
	noted := *failure
	err = x.noteOutcome(ctx, id, failure.Error(), func(e *manifest.Entry) {
		permanent := failure.Class == pipeline.Permanent
		switch {
		case failure.Class == pipeline.Refused:
			e.Refusals = e.Refusals.Add(x.Now())
			permanent = e.Refusals.Enough()
		case answered:
			e.Refusals = nil
		case e.IsPermanent():
			permanent = true // a fault on the way takes back nothing that Enrow has said
		}
		noted.Class = failure.Class // this may be another round
		if permanent {
			noted.Class = pipeline.Permanent
		}
		e.Permanent = &permanent
		e.Dismissed = e.Dismissed && permanent
		switch {
		case e.State != manifest.StateExported:
			e.State = manifest.StateFailed
			if envelope != nil {
				e.Batch = []byte(envelope)
			}
		case !permanent:
			e.Permanent = nil
		}
		needsAttention = e.NeedsAttention()
	})
	return &noted, needsAttention, err
}

// noteFatal notes on the entry of a batch, if it has one, that the run ended with it. The
// batch has not failed, but what ended the run may be of this batch alone: another run
// asks for the others first.
func (x *exporter) noteFatal(ctx context.Context, e *manifest.Entry, failure *pipeline.Error) {
	if e == nil || failure.Class != pipeline.Fatal || failure.Batch == "" || ctx.Err() != nil {
		return
	}
	if err := x.noteOutcome(ctx, failure.Batch, failure.Error(), func(*manifest.Entry) {}); err != nil {
		x.Log.DebugContext(ctx, "the end of the run could not be recorded in the manifest", pipeline.LogBatch, failure.Batch, "error", err)
	}
}

func (x *exporter) noteOngoing(ctx context.Context, id string, envelope jsontext.Value) error {
	return x.noteOutcome(ctx, id, "", func(e *manifest.Entry) {
		e.Unfail()
		if e.State != manifest.StateExported {
			e.State = manifest.StateOngoing
			e.Batch = []byte(envelope)
		}
	})
}

// idSet is a set of batch ids, safe for concurrent use.
type idSet struct{ ids sync.Map }

// add reports whether id is new to the set.
func (s *idSet) add(id string) bool {
	_, known := s.ids.LoadOrStore(id, struct{}{})
	return !known
}

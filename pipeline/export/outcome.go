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
// knows of enough refusals before. answered says that Enrow has answered about the
// batch, and not that it does not know it.
func (x *exporter) noteFailure(ctx context.Context, id string, failure *pipeline.Error, envelope jsontext.Value, answered bool) (*pipeline.Error, error) {
	class := failure.Class
	err := x.noteOutcome(ctx, id, failure.Error(), func(e *manifest.Entry) {
		now := x.Now()
		class = failure.Class // this may be another round
		switch {
		case failure.Class == pipeline.Refused:
			if e.Refusals = e.Refusals.Add(now); e.Refusals.Enough(now) {
				class = pipeline.Permanent
			}
		case answered:
			e.Refusals = nil
		}
		if e.IsPermanent() && failure.Class != pipeline.Refused && !answered {
			class = pipeline.Permanent // a fault on the way takes back nothing that Enrow has said
			return
		}
		permanent := class == pipeline.Permanent
		e.Permanent = &permanent
		e.Dismissed = e.Dismissed && permanent
		if e.State == manifest.StateExported {
			if !permanent {
				e.Permanent = nil
			}
			return
		}
		e.State = manifest.StateFailed
		if envelope != nil {
			e.Batch = []byte(envelope)
		}
	})
	noted := *failure
	noted.Class = class
	return &noted, err
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

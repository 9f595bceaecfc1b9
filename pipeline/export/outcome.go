package export

import (
	"context"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
)

// noteOutcome notes in the manifest an attempt that published nothing. It skips change
// for a batch that is exported, which stays exported.
func (x *exporter) noteOutcome(ctx context.Context, id, failure string, change func(*manifest.Entry)) error {
	err := x.manifest.Change(ctx, id, func(e *manifest.Entry) {
		e.Attempts++
		e.Error = failure
		if e.State != manifest.StateExported {
			change(e)
		}
	})
	if err != nil {
		return fmt.Errorf("note the outcome: %w", err)
	}
	return nil
}

func (x *exporter) noteFailure(ctx context.Context, id string, failure error, envelope jsontext.Value) error {
	return x.noteOutcome(ctx, id, failure.Error(), func(e *manifest.Entry) {
		permanent := pipeline.IsPermanent(failure)
		e.State = manifest.StateFailed
		e.Permanent = &permanent
		if envelope != nil {
			e.Batch = []byte(envelope)
		}
	})
}

func (x *exporter) noteOngoing(ctx context.Context, id string, envelope jsontext.Value) error {
	return x.noteOutcome(ctx, id, "", func(e *manifest.Entry) {
		e.State = manifest.StateOngoing
		e.Permanent = nil
		e.Batch = []byte(envelope)
	})
}

// idSet is a set of batch ids, safe for concurrent use.
type idSet struct{ ids sync.Map }

// add reports whether id is new to the set.
func (s *idSet) add(id string) bool {
	_, known := s.ids.LoadOrStore(id, struct{}{})
	return !known
}

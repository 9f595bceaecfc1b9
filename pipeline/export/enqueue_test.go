package export_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// enqueued returns the ids that were new, those that were known and those that
// failed.
func enqueued(ctx context.Context, store sinks.Store, ids ...string) (isNew, known, failed []string, err error) {
	err = export.Enqueue(ctx, export.EnqueueConfig{Table: &schema.EmailFind, Store: store, ToolVersion: "test"}, ids, func(e export.Recorded) {
		switch {
		case e.Err != nil:
			failed = append(failed, e.BatchID)
		case e.New:
			isNew = append(isNew, e.BatchID)
		default:
			known = append(known, e.BatchID)
		}
	})
	slices.Sort(isNew)
	slices.Sort(known)
	return isNew, known, failed, err
}

func TestEnqueueLeavesWhatIsKnown(t *testing.T) {
	pipelinetest.ForEachStore(t, "enqueue", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		source.Set("done", pipelinetest.Finished("done", "x", 1))
		source.Set("bad", pipelinetest.FailedAtEnrow("bad"))
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		pipelinetest.Export(t, cfg, "done", export.Exported)
		pipelinetest.Export(t, cfg, "bad", export.Failed)
		pipelinetest.Export(t, cfg, "again", export.Failed)
		pipelinetest.PutObject(t, store, "_manifest/email_find/cut.json", "{")
		before := pipelinetest.Objects(t, store)
		isNew, known, failed, err := enqueued(t.Context(), store, "a", "done", "b", "bad", "cut", "a")
		if diff := cmp.Diff([][]string{{"a", "b"}, {"bad", "done"}, {"cut"}}, [][]string{isNew, known, failed}); diff != "" || err != nil {
			t.Errorf("new, known and failed, error %v (-want +got):\n%s", err, diff)
		}
		after := pipelinetest.Objects(t, store)
		for name, data := range before {
			if after[name] != data {
				t.Errorf("%s was changed", name)
			}
		}
		if e := pipelinetest.ReadEntry(t, store, "a"); e.State != manifest.StatePending || e.Attempts != 0 {
			t.Errorf("entry %+v", e)
		}
		many := pipelinetest.ManyIDs(manifest.ListingPays)
		for _, want := range [][]int{{len(many), 1}, {0, len(many) + 1}} {
			isNew, known, failed, err := enqueued(t.Context(), store, append([]string{"cut", "bad"}, many...)...)
			if err != nil || len(isNew) != want[0] || len(known) != want[1] || !slices.Equal(failed, []string{"cut"}) {
				t.Errorf("%d new, %d known, failed %v, error %v; want %v", len(isNew), len(known), failed, err, want)
			}
		}
		want := export.Left{Fresh: append([]string{"a", "b", "cut"}, many...), FailedBefore: []string{"again"}, GivenUp: []string{"bad"}}
		slices.Sort(want.Fresh)
		left, err := export.Pending(t.Context(), cfg, false)
		if diff := cmp.Diff(want, left); diff != "" || err != nil {
			t.Errorf("left to do, error %v (-want +got):\n%s", err, diff)
		}
		want.FailedBefore, want.GivenUp = []string{"again", "bad"}, nil
		left, err = export.Pending(t.Context(), cfg, true)
		slices.Sort(left.FailedBefore) // else in the order in which they failed
		if diff := cmp.Diff(want, left); diff != "" || err != nil {
			t.Errorf("left to do, failed ones too, error %v (-want +got):\n%s", err, diff)
		}
	})
}

// Of many producers of the same ids each batch has one that was first, and
// nothing that a run has written meanwhile is lost.
func TestEnqueueRaces(t *testing.T) {
	pipelinetest.ForEachStore(t, "producers", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		var ids []string
		for i := range 20 {
			id := fmt.Sprintf("batch-%d", i)
			ids = append(ids, id)
			source.Set(id, pipelinetest.Finished(id, "x", 1))
		}
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, _, failed, err := enqueued(t.Context(), store, ids...); err != nil || failed != nil {
					t.Errorf("failed %v, error %v", failed, err)
				}
			})
		}
		all.Go(func() {
			if _, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...); err != nil || s.Exported != len(ids) {
				t.Errorf("%+v, error %v", s, err)
			}
		})
		all.Wait()
		pipelinetest.Truthful(t, store, ids...)
		for _, id := range ids {
			if e := pipelinetest.ReadEntry(t, store, id); e.State != manifest.StateExported {
				t.Errorf("batch %s is %s", id, e.State)
			}
		}
	})
}

// A fault at any operation costs that batch alone, and the next call makes it
// good; a destination that is gone ends it all.
func TestFaultsWhileEnqueueing(t *testing.T) {
	ids := []string{"a", "b", "c"}
	for at := 1; ; at++ {
		store := sinks.NewMemory()
		faulty := &storetest.Faulty{Store: store, At: at, Mode: storetest.Mode(at % 2)}
		isNew, known, failed, err := enqueued(t.Context(), faulty, ids...)
		if err != nil || len(isNew)+len(known)+len(failed) != len(ids) || len(failed) > 1 {
			t.Errorf("operation %d: new %v, known %v, failed %v, error %v", at, isNew, known, failed, err)
		}
		if _, _, failed, err := enqueued(t.Context(), store, ids...); err != nil || failed != nil {
			t.Errorf("operation %d: failed again %v, error %v", at, failed, err)
		}
		for _, id := range ids {
			if e := pipelinetest.ReadEntry(t, store, id); e == nil || e.State != manifest.StatePending {
				t.Errorf("operation %d: entry of %s %+v", at, id, e)
			}
		}
		if !faulty.Fired() {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := enqueued(ctx, sinks.NewMemory(), ids...); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	gone := &pipelinetest.FailingList{Store: sinks.NewMemory(), Prefix: "_manifest/email_find/", Err: fmt.Errorf("%w: gone", sinks.ErrUnreachable)}
	if _, _, _, err := enqueued(t.Context(), gone, pipelinetest.ManyIDs(manifest.ListingPays)...); err != nil {
		t.Errorf("a listing of less than it fails at: error %v", err)
	}
	var fatal *pipeline.Error
	if _, _, _, err := enqueued(t.Context(), gone, pipelinetest.ManyIDs(manifest.ListingPays)...); !errors.As(err, &fatal) || fatal.Class != pipeline.Fatal {
		t.Errorf("destination is gone: error %v", err)
	}
	if _, err := export.Pending(t.Context(), pipelinetest.NewConfig(t, nil, gone, "csv"), false); !errors.As(err, &fatal) || fatal.Class != pipeline.Fatal {
		t.Errorf("destination is gone: error %v", err)
	}
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// enqueued returns the ids that were new, those that were known and those that
// failed.
func enqueued(ctx context.Context, store sinks.Store, ids ...string) (isNew, known, failed []string, err error) {
	err = Enqueue(ctx, EnqueueConfig{Table: &schema.EmailFind, Store: store, ToolVersion: "test"}, ids, func(e Enqueued) {
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
	forEachStore(t, "enqueue", func(t *testing.T, store sinks.Store) {
		source := newAnswers()
		source.set("done", finished("done", "x", 1))
		cfg := config(t, source, store, "csv")
		export(t, cfg, "done", Exported)
		export(t, cfg, "bad", FailedBatch)
		putObject(t, store, "_manifest/email_find/cut.json", "{")
		before := objects(t, store)
		isNew, known, failed, err := enqueued(t.Context(), store, "a", "done", "b", "bad", "cut", "a")
		if diff := cmp.Diff([][]string{{"a", "b"}, {"bad", "done"}, {"cut"}}, [][]string{isNew, known, failed}); diff != "" || err != nil {
			t.Errorf("new, known and failed, error %v (-want +got):\n%s", err, diff)
		}
		after := objects(t, store)
		for name, data := range before {
			if after[name] != data {
				t.Errorf("%s was changed", name)
			}
		}
		if e := readEntry(t, store, "a"); e.State != StatePending || e.Attempts != 0 {
			t.Errorf("entry %+v", e)
		}
		many := manyIDs(listingPays)
		for _, want := range [][]int{{len(many), 1}, {0, len(many) + 1}} {
			isNew, known, failed, err := enqueued(t.Context(), store, append([]string{"cut", "bad"}, many...)...)
			if err != nil || len(isNew) != want[0] || len(known) != want[1] || !slices.Equal(failed, []string{"cut"}) {
				t.Errorf("%d new, %d known, failed %v, error %v; want %v", len(isNew), len(known), failed, err, want)
			}
		}
		pending, err := Pending(t.Context(), cfg, false)
		want := append([]string{"a", "b", "cut"}, many...)
		slices.Sort(want)
		if diff := cmp.Diff(want, pending); diff != "" || err != nil {
			t.Errorf("pending, error %v (-want +got):\n%s", err, diff)
		}
		pending, err = Pending(t.Context(), cfg, true)
		if !slices.Contains(pending, "bad") || slices.Contains(pending, "done") || len(pending) != len(want)+1 || err != nil {
			t.Errorf("pending, failed ones too: %v, error %v", pending, err)
		}
	})
}

// Of many producers of the same ids each batch has one that was first, and
// nothing that a run has written meanwhile is lost.
func TestEnqueueRaces(t *testing.T) {
	forEachStore(t, "producers", func(t *testing.T, store sinks.Store) {
		source := newAnswers()
		var ids []string
		for i := range 20 {
			id := fmt.Sprintf("batch-%d", i)
			ids = append(ids, id)
			source.set(id, finished(id, "x", 1))
		}
		cfg := config(t, source, store, "csv")
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, _, failed, err := enqueued(t.Context(), store, ids...); err != nil || failed != nil {
					t.Errorf("failed %v, error %v", failed, err)
				}
			})
		}
		all.Go(func() {
			if _, s, err := runAll(t.Context(), t, cfg, ids...); err != nil || s.Exported != len(ids) {
				t.Errorf("%+v, error %v", s, err)
			}
		})
		all.Wait()
		truthful(t, store, ids...)
		for _, id := range ids {
			if e := readEntry(t, store, id); e.State != StateExported {
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
			if e := readEntry(t, store, id); e == nil || e.State != StatePending {
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
	gone := &failingList{Store: sinks.NewMemory(), prefix: "_manifest/email_find/", err: fmt.Errorf("%w: gone", sinks.ErrUnreachable)}
	if _, _, _, err := enqueued(t.Context(), gone, manyIDs(listingPays)...); err != nil {
		t.Errorf("a listing of less than it fails at: error %v", err)
	}
	var fatal *Error
	if _, _, _, err := enqueued(t.Context(), gone, manyIDs(listingPays)...); !errors.As(err, &fatal) || fatal.Class != Fatal {
		t.Errorf("destination is gone: error %v", err)
	}
	if _, err := Pending(t.Context(), config(t, nil, gone, "csv"), false); !errors.As(err, &fatal) || fatal.Class != Fatal {
		t.Errorf("destination is gone: error %v", err)
	}
}

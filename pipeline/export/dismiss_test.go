package export_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// dismissed calls Dismiss and returns the ids that are newly dismissed, those that were
// before, and those that cannot be.
func dismissed(ctx context.Context, store sinks.Store, ids ...string) (isNew, before, failed []string, err error) {
	err = export.Dismiss(ctx, export.EnqueueConfig{Table: &schema.EmailFind, Store: store, ToolVersion: "test"}, ids, func(d export.Recorded) {
		switch {
		case d.Err != nil:
			failed = append(failed, d.BatchID)
		case d.New:
			isNew = append(isNew, d.BatchID)
		default:
			before = append(before, d.BatchID)
		}
	})
	for _, list := range [][]string{isNew, before, failed} {
		slices.Sort(list)
	}
	return isNew, before, failed, err
}

// A permanently failed batch that is dismissed is nobody's business any more, until it
// is enqueued. Nothing else can be dismissed.
func TestDismiss(t *testing.T) {
	pipelinetest.ForEachStore(t, "dismiss", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		source.Set("done", pipelinetest.Finished("done", "x", 1))
		for _, id := range []string{"bad", "worse"} {
			source.Set(id, pipelinetest.FailedAtEnrow(id))
			pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), id, export.Failed)
		}
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		pipelinetest.Export(t, cfg, "done", export.Exported)
		pipelinetest.Export(t, cfg, "again", export.Failed)
		pipelinetest.PutObject(t, store, "_manifest/email_find/cut.json", "{")
		before := pipelinetest.Objects(t, store)
		left := func(retryFailed bool, want export.Left) {
			t.Helper()
			want.Fresh = append([]string{"cut"}, want.Fresh...)
			got, err := export.Pending(t.Context(), cfg, retryFailed)
			slices.Sort(got.FailedBefore) // else in the order in which they failed
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("left to do, error %v (-want +got):\n%s", err, diff)
			}
		}
		left(false, export.Left{FailedBefore: []string{"again"}, GivenUp: []string{"bad", "worse"}})
		for _, want := range [][]string{{"bad"}, nil} {
			isNew, known, failed, err := dismissed(t.Context(), store, "done", "bad", "again", "cut", "unknown", "bad")
			if !slices.Equal(isNew, want) || len(isNew)+len(known) != 1 || !slices.Equal(failed, []string{"again", "cut", "done", "unknown"}) || err != nil {
				t.Errorf("dismissed %v, before %v, failed %v, error %v", isNew, known, failed, err)
			}
		}
		after := pipelinetest.Objects(t, store)
		for name, data := range before {
			if changed := after[name] != data; changed != (name == "_manifest/email_find/bad.json") {
				t.Errorf("%s was changed: %t", name, changed)
			}
		}
		if e := pipelinetest.ReadEntry(t, store, "bad"); !e.Dismissed || !e.IsPermanent() || e.Error == "" || e.Attempts != 1 {
			t.Errorf("entry %+v", e)
		}
		left(false, export.Left{FailedBefore: []string{"again"}, GivenUp: []string{"worse"}})
		left(true, export.Left{FailedBefore: []string{"again", "worse"}})

		// Who names it asks for it all the same: it stays dismissed while it fails for good.
		pipelinetest.Export(t, cfg, "bad", export.Failed)
		if e := pipelinetest.ReadEntry(t, store, "bad"); !e.Dismissed {
			t.Errorf("entry %+v", e)
		}

		// A fault on the way takes back nothing that Enrow has said.
		source.Set("bad", errors.New("API returned 502 Bad Gateway"))
		pipelinetest.Export(t, cfg, "bad", export.Failed)
		if e := pipelinetest.ReadEntry(t, store, "bad"); !e.Dismissed || !e.IsPermanent() || !strings.Contains(e.Error, "502") {
			t.Errorf("entry %+v", e)
		}

		recorded := pipelinetest.ReadEntry(t, store, "bad").Since()

		// Many at a time, a listing says which may be.
		many := pipelinetest.ManyIDs(manifest.ListingPays)
		isNew, known, failed, err := enqueued(t.Context(), store, append([]string{"bad", "worse"}, many...)...)
		if len(isNew) != len(many)+1 || !slices.Equal(known, []string{"worse"}) || failed != nil || err != nil {
			t.Errorf("%d new, known %v, failed %v, error %v", len(isNew), known, failed, err)
		}
		if e := pipelinetest.ReadEntry(t, store, "bad"); e.State != manifest.StatePending || e.Dismissed || e.Permanent != nil || e.Error != "" || e.Attempts != 3 {
			t.Errorf("entry %+v", e)
		} else if !e.Since().After(recorded) {
			t.Errorf("a batch that is recorded again waits since %v, when it was recorded first", e.Since())
		}
		if _, _, failed, err := dismissed(t.Context(), store, "bad"); len(failed) != 1 || err != nil {
			t.Errorf("a pending batch: failed %v, error %v", failed, err)
		}
		if _, _, _, err := dismissed(t.Context(), store, "worse"); err != nil {
			t.Error(err)
		}
		if isNew, _, _, err := enqueued(t.Context(), store, "worse"); len(isNew) != 1 || err != nil {
			t.Errorf("new %v, error %v", isNew, err)
		}
		// A later run that exports it leaves nothing of all that.
		source.Set("worse", pipelinetest.Finished("worse", "x", 1))
		pipelinetest.Export(t, cfg, "worse", export.Exported)
		if e := pipelinetest.ReadEntry(t, store, "worse"); e.Dismissed || e.Permanent != nil {
			t.Errorf("entry %+v", e)
		}
	})
}

// What ends it all is told once, and the entries are as they were.
func TestDismissFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := dismissed(ctx, sinks.NewMemory(), "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
	packed := sinks.NewMemory()
	pipelinetest.PutObject(t, packed, "_packs/email_find/00000001.json", "{}")
	var fatal *pipeline.Error
	if _, _, _, err := dismissed(t.Context(), packed, "a"); !errors.As(err, &fatal) || fatal.Class != pipeline.Fatal {
		t.Errorf("a compacted root: error %v", err)
	}
}

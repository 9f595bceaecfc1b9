package export_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// An answer that ends the run, such as that the credits are gone, may be of one batch
// alone. The first run that meets it begins no other; the next one does the others before
// it, and finishes them.
func TestWhatEndsARunHoldsUpOneRun(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		cfg.Concurrency = 1
		ids := []string{"a"}
		source.Set("a", &pipeline.Error{Op: "fetch", Batch: "a", Class: pipeline.Fatal, Kind: schema.EmailFind.Kind, OneBatch: true, Err: errors.New("status 422")})
		for i := range 5 {
			id := fmt.Sprintf("b%d", i)
			source.Set(id, pipelinetest.Finished(id, "x", 1))
			ids = append(ids, id)
		}
		if err := export.Enqueue(t.Context(), export.EnqueueConfig{Table: cfg.Table, Store: store}, ids, func(export.Recorded) {}); err != nil {
			t.Fatal(err)
		}
		for run, want := range []int{0, 5} {
			left, err := export.Pending(t.Context(), cfg, false)
			if err != nil || len(left.GivenUp) > 0 {
				t.Fatalf("left %+v, error %v", left, err)
			}
			_, summary, err := pipelinetest.RunAll(t.Context(), t, cfg, append(left.Fresh, left.FailedBefore...)...)
			var fatal *pipeline.Error
			if !errors.As(err, &fatal) || fatal.Batch != "a" || summary.Exported != want || summary.Failed != 0 {
				t.Errorf("run %d: %+v, error %v; want %d exported", run, summary, err, want)
			}
		}
		source.Set("a", pipelinetest.Finished("a", "x", 1))
		pipelinetest.Export(t, cfg, "a", export.Exported)
	})
}

// Batches that have ended runs take turns: one that would not any more is not held up by
// one that still does.
func TestWhatEndsRunsTakesTurns(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		cfg.Concurrency = 1
		ids := []string{"a", "b", "c"}
		for _, id := range ids {
			source.Set(id, &pipeline.Error{Op: "fetch", Batch: id, Class: pipeline.Fatal, Kind: schema.EmailFind.Kind, OneBatch: true, Err: errors.New("status 403")})
		}
		if err := export.Enqueue(t.Context(), export.EnqueueConfig{Table: cfg.Table, Store: store}, ids, func(export.Recorded) {}); err != nil {
			t.Fatal(err)
		}
		for run := range 6 {
			now := time.Now().Add(time.Duration(run) * time.Minute)
			cfg.Now = func() time.Time { return now }
			left, err := export.Pending(t.Context(), cfg, false)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = pipelinetest.RunAll(t.Context(), t, cfg, append(left.Fresh, left.FailedBefore...)...)
			var fatal *pipeline.Error
			if want := ids[run%3]; !errors.As(err, &fatal) || fatal.Batch != want {
				t.Errorf("run %d ended with %v, want batch %s", run, err, want)
			}
		}
	})
}

// What is answered about a batch of one kind, such as that the plan does not have it,
// holds up no other kind. Ongoing batches of the kind are waited for no longer.
func TestWhatEndsAKindEndsNoOther(t *testing.T) {
	source := pipelinetest.NewAnswers()
	source.Set("bad", &pipeline.Error{Op: "fetch", Batch: "bad", Class: pipeline.Fatal, Kind: schema.EmailFind.Kind, OneBatch: true, Err: errors.New("status 403")})
	works := []export.Work{{Table: &schema.EmailFind, IDs: []string{"ongoing", "bad", "never"}}, {Table: &schema.PhoneFind}}
	source.Set("ongoing", pipelinetest.Ongoing("ongoing", 1, 2))
	for i := range 5 {
		id := fmt.Sprintf("p%d", i)
		source.Set(id, pipelinetest.Finished(id, "x", 1))
		works[1].IDs = append(works[1].IDs, id)
	}
	cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
	cfg.Wait, cfg.Concurrency = true, 1
	s, err := export.RunAll(t.Context(), cfg, works, func(export.Result) {})
	var fatal *pipeline.Error
	if !errors.As(err, &fatal) || fatal.Batch != "bad" || s.Exported != 5 || s.Ongoing != 1 || s.NotTried != 2 || source.Count("never") != 0 {
		t.Errorf("%+v, error %v", s, err)
	}
}

// The cause of a context that ends before the run has begun is the error of the run.
func TestRunThatIsOverAtOnce(t *testing.T) {
	over := errors.New("it is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	if _, _, err := pipelinetest.RunAll(ctx, t, pipelinetest.NewConfig(t, pipelinetest.NewAnswers(), sinks.NewMemory(), "csv"), "a"); !errors.Is(err, over) {
		t.Errorf("error %v", err)
	}
}

// A run that ends leaves nothing of a batch that nobody has recorded.
func TestWhatEndsARunRecordsNoBatch(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		source.Set("a", &pipeline.Error{Op: "fetch", Batch: "a", Class: pipeline.Fatal, Err: errors.New("status 401")})
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		if _, _, err := pipelinetest.RunAll(t.Context(), t, cfg, "a"); err == nil {
			t.Error("no error")
		}
		if n := len(pipelinetest.Objects(t, store)); n != 0 {
			t.Errorf("%d objects", n)
		}
	})
}

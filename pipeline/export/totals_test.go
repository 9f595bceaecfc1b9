package export_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

const mismatched = `{"general":{"id":"b","status":"completed"},"stats":{"requested":5,"valid":0},"results":[{"index":0,"qualification":"valid"},{"index":4}]}`

// An answer that does not add up is not published, and is asked for again by the next
// run: totals may lag behind. What is exported already stays.
func TestMismatchIsNotPublished(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", mismatched)
	cfg := pipelinetest.NewConfig(t, source, store, "csv", "parquet")
	cfg.KeepRaw = true
	res := pipelinetest.Export(t, cfg, "b", export.Failed)
	const want = "check batch b: response does not match its totals: stats.requested is 5, the results have 2; stats.valid is 0, the results have 1"
	if res.Err.Error() != want || pipeline.IsPermanent(res.Err) || pipeline.Hint(res.Err) == "" {
		t.Errorf("error %q, permanent %t, hint %q, want %q", res.Err, pipeline.IsPermanent(res.Err), pipeline.Hint(res.Err), want)
	}
	e := pipelinetest.ReadEntry(t, store, "b")
	if e.State != manifest.StateFailed || e.Error != want || *e.Permanent || len(e.Batch) == 0 || len(pipelinetest.Files(t, store)) != 0 {
		t.Errorf("entry %+v, files %d", e, len(pipelinetest.Files(t, store)))
	}

	cfg.AllowMismatch = true
	pipelinetest.Export(t, cfg, "b", export.Exported)
	e = pipelinetest.ReadEntry(t, store, "b")
	says := []int64{5, 0}
	if diff := cmp.Diff([]answer.Mismatch{{Total: "stats.requested", Says: &says[0], Counted: 2}, {Total: "stats.valid", Says: &says[1], Counted: 1}}, e.Mismatches); diff != "" || e.Error != "" {
		t.Errorf("mismatches (-want +got):\n%s\nerror %q", diff, e.Error)
	}
	if diff := cmp.Diff([]string{"index has gaps: 3 missing between 0 and 4, the first is 1"}, e.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	cfg.AllowMismatch = false
	pipelinetest.Export(t, cfg, "b", export.Done)
	before := pipelinetest.Files(t, store)
	cfg.Force = true
	pipelinetest.Export(t, cfg, "b", export.Failed)
	if e := pipelinetest.ReadEntry(t, store, "b"); e.State != manifest.StateExported || e.Error != want || e.Mismatches == nil {
		t.Errorf("entry after a forced export that failed: %+v", e)
	}
	if diff := cmp.Diff(before, pipelinetest.Files(t, store)); diff != "" {
		t.Errorf("files have changed:\n%s", diff)
	}
	source.Set("b", pipelinetest.Finished("b", "x", 2))
	pipelinetest.Export(t, cfg, "b", export.Exported)
	if e := pipelinetest.ReadEntry(t, store, "b"); e.Mismatches != nil || e.Warnings != nil || e.Error != "" {
		t.Errorf("entry after a sound answer: %+v", e)
	}
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", `{"general":{"id":"b","status":"completed","new":1},"results":[{},{"info":{"score":"secret"}},{"index":"x","info":{"score":1},"jane@example.com":2}]}`)
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.RefuseUnknown = true
	res := pipelinetest.Export(t, cfg, "b", export.Failed)
	const want = "check batch b: response has values that fit no column: (odd key) (unknown, 1 in all, first in results[2]); " +
		"index (misfit, 1 in all, first in results[2]); info.score (unknown, 2 in all, first in results[1])"
	if res.Err.Error() != want || pipeline.IsPermanent(res.Err) || len(pipelinetest.Files(t, store)) != 0 {
		t.Errorf("error %q, want %q", res.Err, want)
	}
	if e := pipelinetest.ReadEntry(t, store, "b"); e.State != manifest.StateFailed || e.Error != want {
		t.Errorf("entry %+v", e)
	}
	wantSummary := []schema.Leftover{
		{Path: "general.new", Reason: schema.Unknown, Count: 1, First: -1},
		{Path: "results[].(odd key)", Reason: schema.Unknown, Count: 1, First: -1},
		{Path: "results[].index", Reason: schema.Misfit, Count: 1, First: -1},
		{Path: "results[].info.score", Reason: schema.Unknown, Count: 2, First: -1},
	}
	// The summary tells of them whether they are refused or not.
	for _, refuse := range []bool{true, false} {
		cfg.RefuseUnknown = refuse
		_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "b")
		if err != nil || (s.Failed == 1) != refuse {
			t.Fatalf("summary %+v, error %v", s, err)
		}
		if diff := cmp.Diff(wantSummary, s.Leftovers); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
	}
}

func TestSummaryAddsUp(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("a", `{"general":{"id":"a","status":"completed"},"stats":{"credits_cost":{"final":1.25,"refunded":0.75}},"results":[{"qualification":"valid","u":1},{"index":1},{"index":3}]}`)
	source.Set("b", mismatched)
	source.Set("c", `{"general":{"id":"c","status":"completed"},"stats":{"credits_cost":0.5},"results":[{"u":null}]}`)
	source.Set("d", pipelinetest.Ongoing("d", 1, 2))
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.AllowMismatch = true
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "a", "b", "c", "d", "none")
	if err != nil {
		t.Fatal(err)
	}
	if s.Exported != 3 || s.Failed != 1 || s.Ongoing != 1 || s.Rows != 6 || s.Found != 2 || s.Warned != 1 || s.Credits != (answer.Credits{Spent: 1.75, Refunded: 0.75}) {
		t.Errorf("summary %+v", s)
	}
	if len(s.Leftovers) != 1 || s.Leftovers[0].Count != 2 {
		t.Errorf("leftovers %+v", s.Leftovers)
	}
	if _, s, _ = pipelinetest.RunAll(t.Context(), t, cfg, "a", "b", "c"); s.Done != 3 || s.Found != 0 || s.Credits != (answer.Credits{}) {
		t.Errorf("summary of a run that did nothing: %+v", s)
	}
}

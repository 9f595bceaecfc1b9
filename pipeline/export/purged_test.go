package export_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
)

// Of a batch that is exported Enrow may have nothing any more when another file of it is
// wanted, or one was lost. Its files stay good, and asking for it comes to an end as it
// does for any other batch.
func TestPurgedAtEnrow(t *testing.T) {
	refused := &pipeline.Error{Op: "fetch", Batch: "b", Class: pipeline.Refused, Err: errors.New("no results")}
	cases := map[string]struct {
		answer any
		runs   int // until that is permanent
		lost   bool
	}{
		"another format, unknown": {refused, 3, false},
		"another format, failed":  {pipelinetest.FailedAtEnrow("b"), 1, false},
		"a lost file, unknown":    {refused, 3, true},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
			source.Set("b", pipelinetest.Finished("b", "x", 2))
			csv := pipelinetest.NewConfig(t, source, store, "csv")
			pipelinetest.Export(t, csv, "b", export.Exported)
			wants := pipelinetest.NewConfig(t, source, store, "csv", "ndjson")
			if tt.lost {
				wants = csv
				pipelinetest.RemoveObject(t, store, "email_find/b.csv")
			}
			files := pipelinetest.Files(t, store)
			// left tells in which list the batch is.
			left := func(cfg export.Config, want string) {
				t.Helper()
				l, err := export.Pending(t.Context(), cfg, false)
				if err != nil {
					t.Fatal(err)
				}
				for name, ids := range map[string][]string{"fresh": l.Fresh, "failed": l.FailedBefore, "given up": l.GivenUp} {
					if slices.Contains(ids, "b") != (name == want) {
						t.Errorf("%s: %v, want it in %q", name, ids, want)
					}
				}
			}
			source.Set("b", tt.answer)
			now := time.Now()
			for n := 1; n <= tt.runs; n++ {
				if n == 1 {
					left(wants, "fresh")
				} else {
					left(wants, "failed")
				}
				at := now.Add(time.Duration(n) * time.Hour)
				cfg := pipelinetest.With(wants, func(c *export.Config) { c.Now = func() time.Time { return at } })
				res := pipelinetest.Export(t, cfg, "b", export.Failed)
				if got := pipeline.IsPermanent(res.Err); got != (n == tt.runs) {
					t.Fatalf("run %d: permanent %t, %v", n, got, res.Err)
				}
			}
			left(wants, "given up")
			e := pipelinetest.ReadEntry(t, store, "b")
			if e.State != manifest.StateExported || *e.Rows != 2 || !e.NeedsAttention() || e.Error == "" {
				t.Errorf("entry %+v", e)
			}
			source.Set("b", errors.New("API returned 502 Bad Gateway"))
			pipelinetest.Export(t, wants, "b", export.Failed)
			left(wants, "given up")
			if isNew, _, _, err := dismissed(t.Context(), store, "b"); len(isNew) != 1 || err != nil {
				t.Errorf("dismissed %v, error %v", isNew, err)
			}
			left(wants, "")
			if !tt.lost {
				left(csv, "")
				pipelinetest.Export(t, csv, "b", export.Done)
				pipelinetest.Sound(t, store, "b")
			}
			if isNew, _, _, err := enqueued(t.Context(), store, "b"); len(isNew) != 1 || err != nil {
				t.Errorf("enqueued %v, error %v", isNew, err)
			}
			left(wants, "fresh")
			if e := pipelinetest.ReadEntry(t, store, "b"); e.State != manifest.StateExported || e.Permanent != nil || e.Dismissed || e.Refusals != nil {
				t.Errorf("entry %+v", e)
			}
			if now := pipelinetest.Files(t, store); len(now) != len(files) {
				t.Errorf("%d files, want %d", len(now), len(files))
			}
			source.Set("b", pipelinetest.Finished("b", "x", 2))
			pipelinetest.Export(t, wants, "b", export.Exported)
			left(wants, "")
			pipelinetest.Sound(t, store, "b")
		})
	}
}

package export_test

import (
	"errors"
	"testing"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
)

// That Enrow does not know a batch is permanent when it says so in three runs in a row,
// each half an hour at least after the one before. A clock that is wrong once makes that
// neither at once nor never.
func TestRefusalsArePermanentInTheEnd(t *testing.T) {
	fetch := func(class pipeline.Class) error {
		return &pipeline.Error{Op: "fetch", Batch: "b", Class: class, Err: errors.New("no results")}
	}
	var refused, trouble any = fetch(pipeline.Refused), fetch(pipeline.Transient)
	const ongoing, lagging = `{"general":{"id":"b","status":"ongoing"}}`, `{"general":{"id":"b","status":"completed"},"stats":{"requested":2},"results":[]}`
	const year = 365 * 24 * 60
	type run struct {
		minute    int // of the clock
		reply     any
		permanent bool
	}
	cases := map[string][]run{
		"three runs in an hour":      {{0, refused, false}, {30, refused, false}, {60, refused, true}, {61, refused, true}},
		"three runs in less":         {{0, refused, false}, {1, refused, false}, {59, refused, false}, {60, refused, false}, {88, refused, false}, {89, refused, true}},
		"two runs":                   {{0, refused, false}, {600, refused, false}, {601, refused, false}, {630, refused, true}},
		"every quarter of an hour":   {{0, refused, false}, {15, refused, false}, {30, refused, false}, {45, refused, false}, {60, refused, true}},
		"trouble between":            {{0, refused, false}, {30, trouble, false}, {60, refused, false}, {61, trouble, false}, {90, refused, true}, {91, trouble, true}, {92, refused, true}},
		"ongoing between":            {{0, refused, false}, {30, refused, false}, {60, ongoing, false}, {90, refused, false}, {120, refused, false}, {149, refused, false}, {150, refused, true}},
		"totals lag between":         {{0, refused, false}, {30, refused, false}, {60, lagging, false}, {90, refused, false}, {120, refused, false}, {150, refused, true}},
		"the clock was ahead":        {{year, refused, false}, {0, refused, false}, {1, refused, false}, {30, refused, false}, {60, refused, true}},
		"it was ahead between":       {{0, refused, false}, {year, refused, false}, {1, refused, false}, {2, refused, false}, {31, refused, true}},
		"it is ahead in the end":     {{0, refused, false}, {1, refused, false}, {year, refused, false}, {2, refused, false}, {32, refused, true}},
		"the clock was behind":       {{-year, refused, false}, {0, refused, false}, {1, refused, false}, {30, refused, true}},
		"it was behind between":      {{0, refused, false}, {-year, refused, false}, {1, refused, false}, {2, refused, false}, {31, refused, true}},
		"it is set back":             {{100, refused, false}, {0, refused, false}, {29, refused, false}, {30, refused, false}, {60, refused, true}},
		"failed at Enrow afterwards": {{0, refused, false}, {1, pipelinetest.FailedAtEnrow("b"), true}, {2, refused, false}},
	}
	for name, runs := range cases {
		t.Run(name, func(t *testing.T) {
			store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
			start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			for n, r := range runs {
				source.Set("b", r.reply)
				cfg := pipelinetest.NewConfig(t, source, store, "csv")
				cfg.Now = func() time.Time { return start.Add(time.Duration(r.minute) * time.Minute) }
				want := export.Failed
				if r.reply == ongoing {
					want = export.Ongoing
				}
				res := pipelinetest.Export(t, cfg, "b", want)
				e := pipelinetest.ReadEntry(t, store, "b")
				if e.IsPermanent() != r.permanent || pipeline.IsPermanent(res.Err) != r.permanent {
					t.Fatalf("run %d: entry is permanent: %t, error: %t, want %t; refusals %+v", n+1, e.IsPermanent(), pipeline.IsPermanent(res.Err), r.permanent, e.Refusals)
				}
				if r.reply == lagging && e.Refusals != nil {
					t.Errorf("run %d: refusals %+v", n+1, e.Refusals)
				}
			}
			source.Set("b", pipelinetest.Finished("b", "x", 1))
			pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "b", export.Exported)
			if e := pipelinetest.ReadEntry(t, store, "b"); e.Refusals != nil || e.Permanent != nil {
				t.Errorf("entry of an exported batch has refusals %+v", e.Refusals)
			}
			source.Set("b", refused)
			cfg := pipelinetest.NewConfig(t, source, store, "csv")
			cfg.Force = true
			pipelinetest.Export(t, cfg, "b", export.Failed)
			if e := pipelinetest.ReadEntry(t, store, "b"); e.State != manifest.StateExported || e.Refusals == nil || e.Refusals.Runs != 1 {
				t.Errorf("entry after a forced run is %s, with refusals %+v, want one", e.State, e.Refusals)
			}
		})
	}
}

package export_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/prune"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// laterRuns are the runs after one that died: they bring back the bytes and the paths of
// before, in every way that there is.
func laterRuns(t *testing.T, store sinks.Store) []func() {
	otherLayout, err := manifest.ParseLayout("{table}/{ext}/{batch_id}.{ext}")
	if err != nil {
		t.Fatal(err)
	}
	run := func(content string, change func(*export.Config)) func() {
		return func() {
			source := pipelinetest.NewAnswers()
			source.Set(pipelinetest.FaultID, pipelinetest.Finished(pipelinetest.FaultID, content, 3))
			cfg := pipelinetest.NewConfig(t, source, store, "csv", "ndjson")
			change(&cfg)
			if results, _, err := pipelinetest.RunAll(t.Context(), t, cfg, pipelinetest.FaultID); err != nil || results[pipelinetest.FaultID].Err != nil {
				t.Errorf("export: %v, %v", err, results[pipelinetest.FaultID].Err)
			}
		}
	}
	force := func(c *export.Config) { c.Force = true }
	return []func(){
		run("old", func(*export.Config) {}),
		run("old", force),
		run("new", force),
		run("old", func(c *export.Config) { c.Force, c.KeepRaw = true, true }),
		run("old", func(c *export.Config) { c.Layout = otherLayout }),
		run("old", func(*export.Config) {}),
		func() {
			layout, _ := manifest.ParseLayout(manifest.DefaultLayout)
			cfg := prune.Config{Tables: schema.Tables(), Store: store, Layout: layout, Delete: true, AtMost: 100}
			if _, err := prune.Run(t.Context(), cfg, func(prune.Unnamed) {}); err != nil {
				t.Errorf("prune: %v", err)
			}
		},
		run("old", func(*export.Config) {}),
	}
}

// A process dies while one of its requests is under way, and the store meets the request
// while later runs work, at any of their operations: each leaves a manifest that is true,
// also where the versions that the request names have come back.
func TestLateRequestIsHarmless(t *testing.T) {
	scenarios := pipelinetest.Scenarios()
	for kind, open := range pipelinetest.Stores {
		if !strings.HasPrefix(kind, "memory") {
			continue // the protocol is that of one of these, and conditions are kept as there
		}
		for n, sc := range scenarios {
			if sc.Damaged || sc.Gone {
				continue // not true to begin with
			}
			t.Run(kind+"/"+sc.Name, func(t *testing.T) {
				t.Parallel()
				points := 0
				for dies := 1; ; dies++ {
					for at := range pipelinetest.FaultPoints(n + dies) {
						store := open(t)
						if sc.Before != nil {
							sc.Before(t, store)
						}
						ctx, cancel := context.WithCancel(t.Context())
						late := &pipelinetest.Late{Faulty: storetest.Faulty{Store: store}, At: dies, Die: cancel}
						_, _, _ = pipelinetest.RunAll(ctx, t, sc.Run(t, late), pipelinetest.FaultID) // however it ends
						cancel()
						if !late.Died() {
							if points == 0 && sc.Name != "nothing to do" {
								t.Error("no request was late")
							}
							return
						}
						what := fmt.Sprintf("request %d arrives at operation %d", dies, at)
						met := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: store}, At: at, Do: late.Arrive}
						for _, run := range laterRuns(t, met) {
							run()
							pipelinetest.Truthful(t, store, pipelinetest.FaultID)
						}
						pipelinetest.Sound(t, store, pipelinetest.FaultID)
						points++
						if t.Failed() {
							t.Fatal(what)
						}
						if !met.Happened() {
							break
						}
					}
				}
			})
		}
	}
}

// A forced run dies at any operation, and the next run is an ordinary one. Whatever the
// answer, there is one file of each format afterwards, and the entry names it.
func TestOrdinaryRunAfterAForcedOne(t *testing.T) {
	pipelinetest.ForEachStore(t, "forced", func(t *testing.T, store sinks.Store) {
		for at := 1; ; at++ {
			id := fmt.Sprintf("batch-%d", at)
			run := func(ctx context.Context, s sinks.Store, content string, force bool) {
				source := pipelinetest.NewAnswers()
				source.Set(id, pipelinetest.Finished(id, content, 3))
				cfg := pipelinetest.NewConfig(t, source, s, "csv", "ndjson")
				cfg.Force = force
				results, _, err := pipelinetest.RunAll(ctx, t, cfg, id)
				if ctx.Err() == nil && (err != nil || results[id].Err != nil) {
					t.Errorf("operation %d: %v, %v", at, err, results[id].Err)
				}
			}
			run(t.Context(), store, "old", false)
			ctx, cancel := context.WithCancel(t.Context())
			faulty := &storetest.Faulty{Store: store, At: at, Mode: storetest.CancelBefore, Cancel: cancel}
			run(ctx, faulty, "new", true)
			cancel()
			run(t.Context(), store, []string{"old", "new"}[at%2], false)
			e := pipelinetest.ReadEntry(t, store, id)
			for path := range pipelinetest.Files(t, store) {
				if strings.Contains(path, id+".") || strings.Contains(path, id+"~") {
					if !slices.Contains(e.Named(), path) {
						t.Errorf("operation %d: %s is there, and no entry names it", at, path)
					}
				}
			}
			if len(e.Replacing)+len(e.Superseded) > 0 {
				t.Errorf("operation %d: entry %+v", at, e)
			}
			pipelinetest.Sound(t, store, id)
			if !faulty.Fired() {
				return
			}
		}
	})
}

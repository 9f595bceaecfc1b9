package export_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
			continue // every other store follows the protocol of one of these two
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
		for _, last := range []string{"old", "new"} {
			for at := 1; ; at++ {
				id := fmt.Sprintf("%s-%d", last, at)
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
				run(t.Context(), store, last, false)
				e := pipelinetest.ReadEntry(t, store, id)
				for path := range pipelinetest.Files(t, store) {
					isOfBatch := strings.Contains(path, id+".") || strings.Contains(path, id+"~")
					if isOfBatch && !slices.Contains(e.Named(), path) {
						t.Errorf("operation %d, then %s: %s is there, and no entry names it", at, last, path)
					}
				}
				if len(e.Replacing)+len(e.Superseded) > 0 {
					t.Errorf("operation %d, then %s: entry %+v", at, last, e)
				}
				pipelinetest.Sound(t, store, id)
				if !faulty.Fired() {
					break
				}
			}
		}
	})
}

// entryTimes is a Store that keeps updated_at of each entry that is put.
type entryTimes struct {
	sinks.Store
	times []time.Time
}

func (s *entryTimes) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	info, err := s.Store.Put(ctx, name, data, cond)
	var e struct {
		UpdatedAt time.Time `json:"updated_at"`
	}
	if strings.HasSuffix(name, "/batch.json") && err == nil && json.Unmarshal(data, &e) == nil {
		s.times = append(s.times, e.UpdatedAt)
	}
	return info, err
}

// Where an entry's version is the digest of its bytes, every writing has a later time than
// the one before, the claim among them, also while the clock stands still.
func TestEveryWritingOfAnEntryIsLater(t *testing.T) {
	store := &entryTimes{Store: sinks.NewContentMemory()}
	source := pipelinetest.NewAnswers()
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.Force = true
	cfg.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	for _, content := range []string{"old", "new"} {
		source.Set("batch", pipelinetest.Finished("batch", content, 3))
		pipelinetest.Export(t, cfg, "batch", export.Exported)
	}
	if len(store.times) != 4 { // exported, claimed, exported, the old file deleted
		t.Errorf("the entry was put %d times, want 4", len(store.times))
	}
	for i := 1; i < len(store.times); i++ {
		if !store.times[i].After(store.times[i-1]) {
			t.Errorf("times %v, want each later than the one before", store.times)
		}
	}
}

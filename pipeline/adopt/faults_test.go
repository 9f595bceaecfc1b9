package adopt

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/prune"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// lost makes a root whose manifest was lost: two batches with copies of their answers,
// one without.
func lost(t *testing.T, store sinks.Store) (cfg export.Config) {
	t.Helper()
	source := pipelinetest.NewAnswers()
	cfg = pipelinetest.NewConfig(t, source, store, "csv", "parquet")
	for _, id := range []string{"a", "b", "c"} {
		source.Set(id, pipelinetest.Finished(id, "x", 2))
		cfg.KeepRaw = id != "c"
		pipelinetest.Export(t, cfg, id, export.Exported)
	}
	cfg.KeepRaw = true
	lose(t, store)
	return cfg
}

// oneByOne makes the order of the operations certain.
func oneByOne(c *Config) { c.Concurrency = 1 }

// refuses fails the test unless pruning deletes nothing, by refusal or since nothing is
// to go, and returns whether it refuses.
func refuses(t *testing.T, store sinks.Store, layout manifest.Layout) bool {
	t.Helper()
	before := pipelinetest.Files(t, store)
	refusal, err := prune.Run(t.Context(), prune.Config{Tables: schema.Tables(), Store: store, Layout: layout, Delete: true}, func(prune.Unnamed) {})
	if (err != nil) != (refusal != nil) {
		t.Errorf("refusal %v, error %v", refusal, err)
	}
	if refusal != nil {
		if diff := cmp.Diff(before, pipelinetest.Files(t, store)); diff != "" {
			t.Errorf("prune refuses, and changes files:\n%s", diff)
		}
	}
	return refusal != nil
}

// The manifest is lost, adopted, and the batches are exported again, with each operation
// of adopting failed in each way: no entry ever lies, and the next adoption does the
// rest. Pruning deletes nothing before.
func TestFaultsWhileAdopting(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			quiet := open(t)
			lost(t, quiet)
			if _, err := adopted(t.Context(), t, quiet); err != nil {
				t.Fatal(err)
			}
			points := 0
			for mode := storetest.FailBefore; mode <= storetest.CancelBefore; mode++ {
				for at := range pipelinetest.FaultPoints(int(mode)) {
					what := fmt.Sprintf("mode %d at operation %d", mode, at)
					store := open(t)
					cfg := lost(t, store)
					files := pipelinetest.Files(t, store)
					if !refuses(t, store, cfg.Layout) {
						t.Error("pruning does not refuse")
					}
					ctx, cancel := context.WithCancel(t.Context())
					faulty := &storetest.Faulty{Store: store, At: at, Mode: mode, Cancel: cancel}
					lines, err := adopted(ctx, t, pipelinetest.NewHurried(faulty), oneByOne)
					cancel()
					if !faulty.Fired() {
						break
					}
					points++
					if mode == storetest.CancelBefore && err == nil {
						t.Errorf("%s: no error", what)
					}
					pipelinetest.Truthful(t, store, "a", "b", "c")
					if _, err := adopted(t.Context(), t, store); err != nil {
						t.Errorf("%s: the next adoption fails: %v", what, err)
					}
					for _, id := range []string{"a", "b", "c"} {
						if diff := cmp.Diff(pipelinetest.ReadEntry(t, quiet, id), pipelinetest.ReadEntry(t, store, id), pipelinetest.EntryIgnore); diff != "" {
							t.Errorf("%s, %q: entry (-undisturbed +got):\n%s", what, lines, diff)
						}
					}
					pipelinetest.Export(t, cfg, "a", export.Done)
					pipelinetest.Export(t, cfg, "b", export.Done)
					pipelinetest.Export(t, cfg, "c", export.Exported)
					after := pipelinetest.Files(t, store)
					delete(after, manifest.RawPath(cfg.Table, "c"))
					if diff := cmp.Diff(files, after); diff != "" {
						t.Errorf("%s: files have changed:\n%s", what, diff)
					}
					nothingLeft(t, store, cfg.Layout)
				}
			}
			if points == 0 {
				t.Error("no operation was failed")
			}
			t.Logf("%d faults", points)
		})
	}
}

// Whatever a run is doing while its batch is adopted, at any of its operations: it ends
// as one that was not disturbed.
func TestAdoptBesideAnExport(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		for _, sc := range pipelinetest.Scenarios() {
			t.Run(kind+"/"+sc.Name, func(t *testing.T) {
				t.Parallel()
				run := func(at int) (store sinks.Store, operations int) {
					store = open(t)
					if sc.Before != nil {
						sc.Before(t, store)
					}
					adopting := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: store}, At: at, Do: func() {
						if _, err := adopted(t.Context(), t, store); err != nil {
							t.Error(err)
						}
						if !sc.Damaged {
							pipelinetest.TruthfulOf(t, store, sc.Gone, pipelinetest.FaultID)
						}
					}}
					results, _, err := pipelinetest.RunAll(t.Context(), t, sc.Run(t, adopting), pipelinetest.FaultID)
					if err != nil || results[pipelinetest.FaultID].Err != nil {
						t.Errorf("adopted at operation %d: %v, %v", at, err, results[pipelinetest.FaultID].Err)
					}
					return store, len(adopting.Ops())
				}
				quiet, operations := run(0)
				want, wantEntry := pipelinetest.Files(t, quiet), pipelinetest.ReadEntry(t, quiet, pipelinetest.FaultID)
				for at := range pipelinetest.FaultPoints(0) {
					if at > operations {
						break
					}
					store, _ := run(at)
					if diff := cmp.Diff(want, pipelinetest.Files(t, store)); diff != "" {
						t.Errorf("adopted at operation %d: files (-undisturbed +got):\n%s", at, diff)
					}
					if diff := cmp.Diff(wantEntry, pipelinetest.ReadEntry(t, store, pipelinetest.FaultID), pipelinetest.EntryIgnore); diff != "" {
						t.Errorf("adopted at operation %d: entry (-undisturbed +got):\n%s", at, diff)
					}
				}
			})
		}
	}
}

// And the other way round: at any operation of adopting another run exports the batches
// otherwise, or prunes them, and its entry is the one that stays.
func TestAdoptIsOvertaken(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		if kind == "s3" {
			continue // memory by content follows the same protocol, and is faster
		}
		for name, other := range map[string]func(t *testing.T, store sinks.Store, cfg export.Config){
			"by an export": func(t *testing.T, store sinks.Store, cfg export.Config) {
				source := pipelinetest.NewAnswers()
				cfg.Source = source
				for _, id := range []string{"a", "b", "c"} {
					source.Set(id, pipelinetest.Finished(id, "new", 3))
				}
				cfg.Force = true
				if _, _, err := pipelinetest.RunAll(t.Context(), t, cfg, "a", "b", "c"); err != nil {
					t.Error(err)
				}
			},
			"by prune": func(t *testing.T, store sinks.Store, cfg export.Config) {
				_, err := prune.Run(t.Context(), prune.Config{Tables: schema.Tables(), Store: store, Layout: cfg.Layout, Delete: true, AtMost: 100}, func(prune.Unnamed) {})
				if err != nil {
					t.Error(err)
				}
			},
			"by another": func(t *testing.T, store sinks.Store, _ export.Config) {
				if _, err := adopted(t.Context(), t, store); err != nil {
					t.Error(err)
				}
			},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				for at := 1; ; at++ {
					store := open(t)
					cfg := lost(t, store)
					raws := pipelinetest.Settled(t, pipelinetest.Files(t, store))
					maps.DeleteFunc(raws, func(path, _ string) bool { return !strings.HasPrefix(path, "_raw/") })
					var then map[string]*manifest.Entry
					overtaken := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: store}, At: at, Do: func() {
						other(t, store, cfg)
						then = map[string]*manifest.Entry{}
						for _, id := range []string{"a", "b", "c"} {
							then[id] = pipelinetest.ReadEntry(t, store, id)
						}
					}, Watch: func() { pipelinetest.Truthful(t, store, "a", "b", "c") }}
					if _, err := adopted(t.Context(), t, overtaken, oneByOne); err != nil {
						t.Errorf("overtaken at operation %d: %v (%s)", at, err, pipeline.Hint(err))
					}
					pipelinetest.Truthful(t, store, "a", "b", "c")
					for id, e := range then {
						now := pipelinetest.ReadEntry(t, store, id)
						if e != nil && e.State == manifest.StateExported && cmp.Diff(e, now) != "" {
							t.Errorf("overtaken at operation %d: entry (-before +after):\n%s", at, cmp.Diff(e, now))
						}
						if now != nil && now.State == manifest.StateExported {
							pipelinetest.Sound(t, store, id)
						}
					}
					for path := range raws {
						if _, there := pipelinetest.Settled(t, pipelinetest.Files(t, store))[path]; !there {
							t.Errorf("overtaken at operation %d: %s is gone", at, path)
						}
					}
					if !overtaken.Happened() {
						return
					}
				}
			})
		}
	}
}

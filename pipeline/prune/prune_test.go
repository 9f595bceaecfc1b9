package prune

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	"enrow-export/sinks/storetest"
)

// pruned prunes and returns what it reports, as "deleted orphan path".
func pruned(ctx context.Context, t *testing.T, store sinks.Store, remove bool) ([]string, error) {
	t.Helper()
	reported, _, err := prunedAtMost(ctx, t, store, remove, 0)
	return reported, err
}

// prunedAtMost is pruned with a number of files, and also returns the refusal.
func prunedAtMost(ctx context.Context, t *testing.T, store sinks.Store, remove bool, atMost int) ([]string, error, error) {
	t.Helper()
	layout, err := manifest.ParseLayout(manifest.DefaultLayout)
	if err != nil {
		t.Fatal(err)
	}
	reported := []string{}
	cfg := Config{Tables: schema.Tables(), Store: store, Layout: layout, Delete: remove, AtMost: atMost, ToolVersion: "test"}
	refusal, err := Run(ctx, cfg, func(u Unnamed) {
		line := fmt.Sprintf("%s %s", u.Reason, u.Path)
		if u.Deleted {
			line = "deleted " + line
		}
		if (u.BatchID == "") != (u.Reason == Foreign) {
			t.Errorf("%s is of batch %q", line, u.BatchID)
		}
		reported = append(reported, line)
	})
	slices.Sort(reported)
	if refusal == nil {
		return reported, nil, err
	}
	return reported, refusal, err
}

// litter exports the batch "done" as csv, and puts beside it what runs that died
// and other people may have left there.
func litter(t *testing.T, store sinks.Store) {
	t.Helper()
	source, made := pipelinetest.NewAnswers(), make(map[string]string)
	source.Set("done", pipelinetest.Finished("done", "x", 2))
	source.Set("died", pipelinetest.Finished("died", "x", 2))
	source.Set("empty", pipelinetest.Finished("empty", "x", 0))
	pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "done", export.Exported)
	for _, formats := range [][]string{{"parquet", "ndjson", "csv"}, {"parquet=snappy", "ndjson=zstd", "csv=gzip"}} {
		elsewhere := sinks.NewMemory()
		for _, id := range []string{"done", "died", "empty"} {
			pipelinetest.Export(t, pipelinetest.NewConfig(t, source, elsewhere, formats...), id, export.Exported)
		}
		maps.Copy(made, pipelinetest.Files(t, elsewhere))
	}
	for _, name := range orphans {
		pipelinetest.PutObject(t, store, name, made[name])
	}
	pipelinetest.PutObject(t, store, "email_find/note.csv", "batch_id,mine\nanother,1\n")       // of another batch than its name
	pipelinetest.PutObject(t, store, "email_find/plan.csv", "who,when\nme,now\n")               // no table of ours
	pipelinetest.PutObject(t, store, "email_find/list.ndjson", "{\"batch_id\":7}\n")            // no id
	pipelinetest.PutObject(t, store, "email_find/cut.parquet", "PAR1")                          // cut, or no Parquet
	pipelinetest.PutObject(t, store, "email_find/died.csv.zst", made["email_find/died.csv.gz"]) // not what it says it is
	pipelinetest.PutObject(t, store, "email_find/README.md", "mine")
	pipelinetest.PutObject(t, store, "email_find/sub/died.csv", made["email_find/died.csv"]) // of another layout
	pipelinetest.PutObject(t, store, "email_find/_SUCCESS", "")
	pipelinetest.PutObject(t, store, "other/died.csv", made["email_find/died.csv"])
}

var (
	orphans = []string{
		"email_find/died.csv", "email_find/died.csv.gz", "email_find/died.ndjson", "email_find/died.ndjson.zst", "email_find/died.parquet",
		"email_find/done.csv.gz", "email_find/done.ndjson", "email_find/done.parquet",
		"email_find/empty.csv", "email_find/empty.ndjson", "email_find/empty.parquet",
	}
	foreigners = []string{
		"email_find/README.md", "email_find/_SUCCESS", "email_find/cut.parquet", "email_find/died.csv.zst", "email_find/list.ndjson",
		"email_find/note.csv", "email_find/plan.csv", "email_find/sub/died.csv",
	}
)

// lines returns what Run reports, given what it finds.
func lines(prefix string, orphans []string) []string {
	lines := []string{}
	for _, name := range orphans {
		lines = append(lines, prefix+"orphan "+name)
	}
	for _, name := range foreigners {
		lines = append(lines, "foreign "+name)
	}
	slices.Sort(lines)
	return lines
}

func TestPrune(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		t.Run(kind, func(t *testing.T) {
			store := open(t)
			litter(t, store)
			before := pipelinetest.Objects(t, store)
			got, err := pruned(t.Context(), t, store, false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines("", orphans), got); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
				t.Errorf("listing changed something:\n%s", diff)
			}

			if got, _, err = prunedAtMost(t.Context(), t, store, true, len(orphans)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines("deleted ", orphans), got); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
			want := pipelinetest.Files(t, store)
			for name, data := range before {
				if _, kept := want[name]; !strings.HasPrefix(name, "_") && kept == slices.Contains(orphans, name) {
					t.Errorf("%s is kept: %v", name, kept)
				} else if kept && want[name] != data {
					t.Errorf("%s was changed", name)
				}
			}
			pipelinetest.Truthful(t, store, "done")

			if got, err = pruned(t.Context(), t, store, true); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines("", nil), got); diff != "" {
				t.Errorf("found again (-want +got):\n%s", diff)
			}
			// What the entries say stays, and nothing is left to do for an export.
			if e := pipelinetest.ReadEntry(t, store, "done"); e.State != manifest.StateExported || len(e.Superseded) > 0 {
				t.Errorf("entry of an exported batch: %+v", e)
			}
			if e := pipelinetest.ReadEntry(t, store, "died"); e.State != manifest.StatePending || len(e.Superseded) > 0 || e.Attempts != 0 {
				t.Errorf("entry of a batch that no run has finished: %+v", e)
			}
			source := pipelinetest.NewAnswers()
			pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "done", export.Done)
		})
	}
}

// Files that an entry says are superseded go, wherever they are.
func TestPruneSuperseded(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 2))
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.Layout, _ = manifest.ParseLayout("old/{table}/{batch_id}.{ext}")
	pipelinetest.Export(t, cfg, "b", export.Exported)
	for at := 2; ; at++ { // until it dies right before the old file is deleted
		faulty := &storetest.Faulty{Store: store, At: at}
		if _, _, err := pipelinetest.RunAll(t.Context(), t, pipelinetest.NewConfig(t, source, faulty, "csv"), "b"); err != nil {
			t.Fatal(err)
		}
		if ops := faulty.Ops(); faulty.Fired() && strings.HasPrefix(ops[at-1], "delete ") {
			break
		}
		if !faulty.Fired() {
			t.Fatal("nothing was deleted")
		}
		clean := sinks.NewMemory()
		pipelinetest.Export(t, pipelinetest.With(cfg, func(c *export.Config) { c.Store = clean }), "b", export.Exported)
		store = clean
	}
	const old = "old/email_find/b.csv"
	got, err := pruned(t.Context(), t, store, false)
	if diff := cmp.Diff([]string{"superseded " + old}, got); diff != "" || err != nil {
		t.Errorf("listed (-want +got), error %v:\n%s", err, diff)
	}
	got, err = pruned(t.Context(), t, store, true)
	if diff := cmp.Diff([]string{"deleted superseded " + old}, got); diff != "" || err != nil {
		t.Errorf("deleted (-want +got), error %v:\n%s", err, diff)
	}
	if e := pipelinetest.ReadEntry(t, store, "b"); len(e.Superseded) > 0 || len(pipelinetest.Files(t, store)) != 1 {
		t.Errorf("entry %+v, files %v", e, pipelinetest.Files(t, store))
	}
	pipelinetest.Truthful(t, store, "b")
}

// Files without any entry are no orphans: their manifest is gone.
func TestPruneWithoutManifest(t *testing.T) {
	store := sinks.NewMemory()
	litter(t, store)
	_, info, err := store.Get(t.Context(), "_manifest/email_find/done.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), info.Name, sinks.IfVersion(info.Version)); err != nil {
		t.Fatal(err)
	}
	before := pipelinetest.Objects(t, store)
	got, err := pruned(t.Context(), t, store, true)
	if err == nil || !strings.Contains(err.Error(), "table email_find has 12 files that no entry names, and no file") || pipeline.Hint(err) == "" {
		t.Errorf("error %v, want that the manifest is gone", err)
	}
	if diff := cmp.Diff(lines("", append([]string{"email_find/done.csv"}, orphans...)), got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
		t.Errorf("something was changed:\n%s", diff)
	}
	if _, err := pruned(t.Context(), t, store, false); err != nil {
		t.Errorf("listing: %v", err)
	}
}

// What an entry names that cannot be read is not known: nothing is deleted.
func TestPruneWithUnreadableEntry(t *testing.T) {
	store := sinks.NewMemory()
	litter(t, store)
	pipelinetest.PutObject(t, store, "_manifest/email_find/cut.json", "{")
	before := pipelinetest.Objects(t, store)
	got, err := pruned(t.Context(), t, store, true)
	var unreadable *UnreadableError
	if !errors.As(err, &unreadable) || len(unreadable.Entries) != 1 || !strings.Contains(err.Error(), "cut.json") {
		t.Errorf("error %v, want one that names the entry", err)
	}
	if diff := cmp.Diff(lines("", orphans), got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
		t.Errorf("something was changed:\n%s", diff)
	}
}

// Whatever a run is doing while files are pruned, at any of its operations: it
// finds out what it is missing, and ends as one that was not disturbed.
func TestPruneBesideAnExport(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		for _, sc := range pipelinetest.Scenarios() {
			t.Run(kind+"/"+sc.Name, func(t *testing.T) {
				t.Parallel()
				run := func(at int) (store sinks.Store, operations int) {
					store = open(t)
					// As many files as the run may put, so that these are not taken for a loss.
					pipelinetest.ExportAll(t, store, "x", false, pipelinetest.SomeBatches(2), "csv", "ndjson", "parquet")
					if sc.Before != nil {
						sc.Before(t, store)
					}
					pruning := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: store}, At: at, Do: func() {
						if _, err := pruned(t.Context(), t, store, true); err != nil {
							t.Error(err)
						}
						if !sc.Damaged {
							pipelinetest.TruthfulOf(t, store, sc.Gone, pipelinetest.FaultID)
						}
					}}
					results, _, err := pipelinetest.RunAll(t.Context(), t, sc.Run(t, pruning), pipelinetest.FaultID)
					if err != nil || results[pipelinetest.FaultID].Err != nil {
						t.Errorf("pruned at operation %d: %v, %v", at, err, results[pipelinetest.FaultID].Err)
					}
					return store, len(pruning.Ops())
				}
				quiet, operations := run(0)
				want, wantEntry := pipelinetest.Settled(t, pipelinetest.Files(t, quiet)), pipelinetest.ReadEntry(t, quiet, pipelinetest.FaultID)
				for at := range pipelinetest.FaultPoints(0) {
					if at > operations {
						break
					}
					store, _ := run(at)
					if diff := cmp.Diff(want, pipelinetest.Settled(t, pipelinetest.Files(t, store))); diff != "" {
						t.Errorf("pruned at operation %d: files (-undisturbed +got):\n%s", at, diff)
					}
					if diff := cmp.Diff(wantEntry, pipelinetest.ReadEntry(t, store, pipelinetest.FaultID), pipelinetest.EntryIgnore); diff != "" {
						t.Errorf("pruned at operation %d: entry (-undisturbed +got):\n%s", at, diff)
					}
				}
			})
		}
	}
}

// And the other way round: a run exports at any operation of the pruning.
func TestExportBesidePrune(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		t.Run(kind, func(t *testing.T) {
			for at := 1; ; at++ {
				store, source := open(t), pipelinetest.NewAnswers()
				source.Set("b", pipelinetest.Finished("b", "x", 2))
				source.Set("other", pipelinetest.Finished("other", "x", 1))
				pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "other", export.Exported)
				elsewhere := sinks.NewMemory()
				pipelinetest.Export(t, pipelinetest.NewConfig(t, source, elsewhere, "csv"), "b", export.Exported)
				pipelinetest.PutObject(t, store, "email_find/b.csv", pipelinetest.Files(t, elsewhere)["email_find/b.csv"])
				exporting := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: store}, At: at, Do: func() {
					pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "b", export.Exported)
				}}
				if _, err := pruned(t.Context(), t, exporting, true); err != nil {
					t.Errorf("exported at operation %d: %v", at, err)
				}
				pipelinetest.Truthful(t, store, "b")
				if !exporting.Happened() {
					return
				}
				if e := pipelinetest.ReadEntry(t, store, "b"); e.State != manifest.StateExported || len(e.Superseded) > 0 {
					t.Errorf("exported at operation %d: entry %+v", at, e)
				}
			}
		})
	}
}

// A fault at any operation of the pruning leaves no lie, and the next pruning
// does the rest.
func TestFaultsWhilePruning(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			points := 0
			for mode := storetest.FailBefore; mode <= storetest.CancelBefore; mode++ {
				for at := 1; ; at++ {
					store, source := open(t), pipelinetest.NewAnswers()
					source.Set("b", pipelinetest.Finished("b", "x", 2))
					pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv", "ndjson"), "b", export.Exported)
					elsewhere := sinks.NewMemory()
					pipelinetest.Export(t, pipelinetest.NewConfig(t, source, elsewhere, "csv=gzip", "ndjson=gzip"), "b", export.Exported)
					for name, data := range pipelinetest.Files(t, elsewhere) {
						pipelinetest.PutObject(t, store, name, data)
					}
					ctx, cancel := context.WithCancel(t.Context())
					faulty := &storetest.Faulty{Store: store, At: at, Mode: mode, Cancel: cancel}
					_, err := pruned(ctx, t, pipelinetest.NewHurried(faulty), true)
					cancel()
					if !faulty.Fired() {
						break
					}
					if mode == storetest.CancelBefore && err == nil {
						t.Errorf("cancelled at operation %d: no error", at)
					}
					points++
					pipelinetest.Truthful(t, store, "b")
					if _, err := pruned(t.Context(), t, store, true); err != nil {
						t.Errorf("mode %d at operation %d: the next pruning fails: %v", mode, at, err)
					}
					pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv", "ndjson"), "b", export.Done)
					if got := pipelinetest.Files(t, store); len(got) != 2 {
						t.Errorf("mode %d at operation %d: %d files are left", mode, at, len(got))
					}
				}
			}
			t.Logf("%d faults", points)
		})
	}
}

package export_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// TestFaultAtEveryOperation fails each operation of each scenario on each store
// in every way, one at a time. Right after it the manifest must be true and
// every visible file whole; after another run all must be as one undisturbed
// run leaves it.
func TestFaultAtEveryOperation(t *testing.T) {
	modes := map[string]storetest.Mode{
		"error before": storetest.FailBefore, "error after": storetest.FailAfter, "cancelled": storetest.CancelBefore,
		"hang before": storetest.HangBefore, "hang after": storetest.HangAfter,
	}
	for kind, open := range pipelinetest.Stores {
		for _, sc := range pipelinetest.Scenarios() {
			t.Run(kind+"/"+sc.Name, func(t *testing.T) {
				t.Parallel()
				quiet := open(t)
				if sc.Before != nil {
					sc.Before(t, quiet)
				}
				initial := pipelinetest.Files(t, quiet)
				if _, _, err := pipelinetest.RunAll(t.Context(), t, sc.Run(t, quiet), pipelinetest.FaultID); err != nil {
					t.Fatal(err)
				}
				want, wantEntry := pipelinetest.Files(t, quiet), pipelinetest.ReadEntry(t, quiet, pipelinetest.FaultID)
				if wantEntry.State != manifest.StateExported {
					t.Fatalf("undisturbed run ends %s: %s", wantEntry.State, wantEntry.Error)
				}
				points := 0
				shift := 0
				for mode, m := range modes {
					for at := range pipelinetest.FaultPoints(shift) {
						if !disturb(t, open(t), sc, m, at, fmt.Sprintf("%s at operation %d", mode, at), initial, want, wantEntry) {
							break
						}
						points++
					}
					shift++
				}
				if points == 0 {
					t.Error("no operation was failed")
				}
				t.Logf("%d faults", points)
			})
		}
	}
}

// disturb fails one operation and reports whether there was one to fail.
func disturb(t *testing.T, store sinks.Store, sc pipelinetest.Scenario, mode storetest.Mode, at int, what string, initial, want map[string]string, wantEntry *manifest.Entry) bool {
	t.Helper()
	if sc.Before != nil {
		sc.Before(t, store)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	faulty := &storetest.Faulty{Store: store, At: at, Mode: mode, Cancel: cancel}
	_, _, err := pipelinetest.RunAll(ctx, t, sc.Run(t, pipelinetest.NewHurried(faulty)), pipelinetest.FaultID)
	if !faulty.Fired() {
		return false
	}
	ops := faulty.Ops()
	if mode == storetest.CancelBefore && err == nil {
		t.Errorf("%s: a cancelled run reports no error", what)
	}
	if !sc.Damaged { // else the manifest is not true to begin with
		pipelinetest.TruthfulOf(t, store, sc.Gone, pipelinetest.FaultID)
	}
	for name, data := range pipelinetest.Files(t, store) {
		if data != initial[name] && data != want[name] {
			t.Errorf("%s: %s is neither as before nor as after", what, name)
		}
	}
	results, _, err := pipelinetest.RunAll(t.Context(), t, sc.Run(t, store), pipelinetest.FaultID)
	if err != nil || results[pipelinetest.FaultID].Err != nil {
		t.Fatalf("%s: the next run fails: %v, %v", what, err, results[pipelinetest.FaultID].Err)
	}
	if diff := cmp.Diff(want, pipelinetest.Files(t, store)); diff != "" {
		t.Errorf("%s: files after the next run (-undisturbed +got):\n%s\noperations: %v", what, diff, ops)
	}
	if diff := cmp.Diff(wantEntry, pipelinetest.ReadEntry(t, store, pipelinetest.FaultID), pipelinetest.EntryIgnore); diff != "" {
		t.Errorf("%s: entry after the next run (-undisturbed +got):\n%s\noperations: %v", what, diff, ops)
	}
	return true
}

// interposed is a Store that calls hooks around the first replacement of a data
// file.
type interposed struct {
	sinks.Store
	before, after func()
	once          sync.Once
}

func (s *interposed) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	mine := false
	if !strings.HasPrefix(name, "_") && !cond.Absent() {
		s.once.Do(func() { mine = true })
	}
	if mine {
		s.before()
		defer s.after()
	}
	return s.Store.Put(ctx, name, data, cond)
}

// A run that has claimed a file and is slow to replace it must find itself
// overtaken by one that has meanwhile published the bytes that were there.
func TestOvertakenReplacementIsRefused(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		t.Run(kind, func(t *testing.T) {
			store := open(t)
			pipelinetest.First("csv")(t, store)
			old, changed := pipelinetest.NewAnswers(), pipelinetest.NewAnswers()
			old.Set(pipelinetest.FaultID, pipelinetest.Finished(pipelinetest.FaultID, "old", 3))
			changed.Set(pipelinetest.FaultID, pipelinetest.Finished(pipelinetest.FaultID, "new", 3))
			slow := &interposed{Store: store}
			slow.before = func() {
				if e := pipelinetest.ReadEntry(t, store, pipelinetest.FaultID); len(e.Replacing) != 1 {
					t.Errorf("replacing without a claim: %+v", e)
				}
				pipelinetest.Export(t, pipelinetest.NewConfig(t, old, store, "csv"), pipelinetest.FaultID, export.Exported)
				pipelinetest.Truthful(t, store, pipelinetest.FaultID)
			}
			slow.after = func() { pipelinetest.Truthful(t, store, pipelinetest.FaultID) }
			cfg := pipelinetest.NewConfig(t, changed, slow, "csv")
			cfg.Force = true
			pipelinetest.Export(t, cfg, pipelinetest.FaultID, export.Exported)
			pipelinetest.Truthful(t, store, pipelinetest.FaultID)
			if e := pipelinetest.ReadEntry(t, store, pipelinetest.FaultID); e.Source.SHA256 != pipelinetest.HexSum(pipelinetest.Finished(pipelinetest.FaultID, "new", 3)) || len(e.Replacing) > 0 {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

// At whichever operation of a forced run another one publishes what was there
// before: the manifest is true after each operation that follows, and the forced
// run ends with its own files.
func TestOvertakenAtAnyOperation(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		t.Run(kind, func(t *testing.T) {
			for at := 1; ; at++ {
				store := open(t)
				pipelinetest.First("csv", "ndjson")(t, store)
				old, changed := pipelinetest.NewAnswers(), pipelinetest.NewAnswers()
				old.Set(pipelinetest.FaultID, pipelinetest.Finished(pipelinetest.FaultID, "old", 3))
				changed.Set(pipelinetest.FaultID, pipelinetest.Finished(pipelinetest.FaultID, "new", 3))
				slow := &pipelinetest.Intruded{
					Faulty: storetest.Faulty{Store: store}, At: at,
					Do: func() {
						again := pipelinetest.NewConfig(t, old, store, "csv", "ndjson")
						again.Force = true
						pipelinetest.Export(t, again, pipelinetest.FaultID, export.Exported)
					},
					Watch: func() { pipelinetest.Truthful(t, store, pipelinetest.FaultID) },
				}
				cfg := pipelinetest.NewConfig(t, changed, slow, "csv", "ndjson")
				cfg.Force = true
				pipelinetest.Export(t, cfg, pipelinetest.FaultID, export.Exported)
				pipelinetest.Truthful(t, store, pipelinetest.FaultID)
				if !slow.Happened() {
					return
				}
				if e := pipelinetest.ReadEntry(t, store, pipelinetest.FaultID); e.Source.SHA256 != pipelinetest.HexSum(pipelinetest.Finished(pipelinetest.FaultID, "new", 3)) || len(e.Replacing) > 0 {
					t.Errorf("overtaken at operation %d: entry %+v", at, e)
				}
			}
		})
	}
}

// A run with other settings dies at any operation, and the next one has the
// settings of before and asks for less: what the dead one may have replaced is
// made again, asked for or not, before the entry vouches for it.
func TestRunAfterACutOffOne(t *testing.T) {
	pipelinetest.ForEachStore(t, "cut off", func(t *testing.T, store sinks.Store) {
		for at := 1; ; at++ {
			old, changed := pipelinetest.NewAnswers(), pipelinetest.NewAnswers()
			id := fmt.Sprintf("batch-%d", at)
			old.Set(id, pipelinetest.Finished(id, "old", 3))
			changed.Set(id, pipelinetest.Finished(id, "new", 3))
			before := pipelinetest.NewConfig(t, old, store, "csv", "ndjson")
			before.KeepRaw, before.Columns = true, []string{"batch_id", "email"}
			pipelinetest.Export(t, before, id, export.Exported)

			faulty := &storetest.Faulty{Store: store, At: at, Mode: storetest.CancelBefore}
			ctx, cancel := context.WithCancel(t.Context())
			faulty.Cancel = cancel
			other := pipelinetest.NewConfig(t, changed, faulty, "csv")
			other.Force = true
			_, _, _ = pipelinetest.RunAll(ctx, t, other, id) // however it ends
			cancel()

			again := pipelinetest.NewConfig(t, old, store, "csv")
			again.Columns = before.Columns
			results, _, err := pipelinetest.RunAll(t.Context(), t, again, id)
			if err != nil || results[id].Err != nil {
				t.Fatalf("operation %d: %v, %v", at, err, results[id].Err)
			}
			pipelinetest.Sound(t, store, id)
			if !faulty.Fired() {
				return
			}
		}
	})
}

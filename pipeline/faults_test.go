package pipeline

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// scenario is a run to be disturbed: what is there before it, and the run.
type scenario struct {
	name    string
	before  func(t *testing.T, store sinks.Store) // may be nil
	run     func(t *testing.T, store sinks.Store) Config
	damaged bool // before leaves a file that is not as the manifest says
	gone    bool // before leaves a file out that the manifest names
}

const faultID = "batch-1"

// first is a store where the batch was exported once.
func first(formats ...string) func(t *testing.T, store sinks.Store) {
	return func(t *testing.T, store sinks.Store) {
		source := newAnswers()
		source.set(faultID, finished(faultID, "old", 3))
		export(t, config(t, source, store, formats...), faultID, Exported)
	}
}

func scenarios() []scenario {
	run := func(content string, change func(*Config), formats ...string) func(*testing.T, sinks.Store) Config {
		return func(t *testing.T, store sinks.Store) Config {
			source := newAnswers()
			source.set(faultID, finished(faultID, content, 3))
			cfg := config(t, source, store, formats...)
			if change != nil {
				change(&cfg)
			}
			return cfg
		}
	}
	otherLayout := func(c *Config) { c.Layout, _ = ParseLayout("{table}/{ext}/{batch_id}.{ext}") }
	force := func(c *Config) { c.Force = true }
	keepRaw := func(c *Config) { c.KeepRaw = true }
	fewColumns := func(c *Config) { c.Columns = []string{"batch_id", "email"} }
	firstWithRaw := func(t *testing.T, store sinks.Store) {
		export(t, run("old", keepRaw, "csv")(t, store), faultID, Exported)
	}
	return []scenario{
		{name: "first export", run: run("old", nil, "parquet", "ndjson", "csv")},
		{name: "nothing to do", before: first("csv"), run: run("old", nil, "csv")},
		{name: "orphan of other bytes", before: func(t *testing.T, store sinks.Store) {
			if _, err := store.Put(t.Context(), "email_find/"+faultID+".csv", []byte("orphan"), sinks.IfAbsent()); err != nil {
				t.Fatal(err)
			}
		}, run: run("old", nil, "csv", "ndjson")},
		{name: "format added", before: first("csv"), run: run("old", nil, "csv", "ndjson")},
		{name: "format added, other source", before: first("csv"), run: run("new", nil, "ndjson")},
		{name: "compression changed", before: first("csv"), run: run("old", nil, "csv=gzip")},
		{name: "compression changed in place", before: first("parquet"), run: run("old", nil, "parquet=snappy")},
		{name: "layout changed", before: first("csv", "ndjson"), run: run("old", otherLayout, "csv", "ndjson")},
		{name: "forced, same source", before: first("csv", "ndjson"), run: run("old", force, "csv", "ndjson")},
		{name: "forced, other source", before: first("csv", "ndjson"), run: run("new", force, "csv", "ndjson")},
		{name: "forced in part, other source", before: first("csv", "ndjson"), run: run("new", force, "csv")},
		{name: "copy kept", run: run("old", keepRaw, "csv")},
		{name: "copy added", before: first("csv"), run: run("old", keepRaw, "csv")},
		{name: "copy kept before, other source", before: firstWithRaw, run: run("new", force, "csv")},
		{name: "columns changed", before: first("csv", "ndjson"), run: run("old", fewColumns, "csv")},
		{name: "file damaged", damaged: true, before: func(t *testing.T, store sinks.Store) {
			first("csv")(t, store)
			name := "email_find/" + faultID + ".csv"
			info, err := store.Stat(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Put(t.Context(), name, []byte("damage"), sinks.IfVersion(info.Version)); err != nil {
				t.Fatal(err)
			}
		}, run: run("old", nil, "csv")},
		{name: "file gone, other source", gone: true, before: func(t *testing.T, store sinks.Store) {
			first("csv", "ndjson")(t, store)
			removeObject(t, store, "email_find/"+faultID+".csv")
		}, run: run("new", nil, "csv")},
		{name: "copy gone, other source", gone: true, before: func(t *testing.T, store sinks.Store) {
			firstWithRaw(t, store)
			removeObject(t, store, RawPath(&schema.EmailFind, faultID))
		}, run: run("new", keepRaw, "csv")},
	}
}

func removeObject(t *testing.T, store sinks.Store, name string) {
	t.Helper()
	info, err := store.Stat(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), name, sinks.IfVersion(info.Version)); err != nil {
		t.Fatal(err)
	}
}

// entryIgnore are the fields in which an undisturbed run may differ.
var entryIgnore = cmpopts.IgnoreFields(Entry{}, "UpdatedAt", "FirstExportedAt", "Attempts", "Error")

// TestFaultAtEveryOperation fails each operation of each scenario on each store
// in every way, one at a time. Right after it the manifest must be true and
// every visible file whole; after another run all must be as one undisturbed
// run leaves it.
func TestFaultAtEveryOperation(t *testing.T) {
	modes := map[string]storetest.Mode{
		"error before": storetest.FailBefore, "error after": storetest.FailAfter, "cancelled": storetest.CancelBefore,
		"hang before": storetest.HangBefore, "hang after": storetest.HangAfter,
	}
	for kind, open := range stores {
		for _, sc := range scenarios() {
			t.Run(kind+"/"+sc.name, func(t *testing.T) {
				t.Parallel()
				quiet := open(t)
				if sc.before != nil {
					sc.before(t, quiet)
				}
				initial := files(t, quiet)
				if _, _, err := runAll(t.Context(), t, sc.run(t, quiet), faultID); err != nil {
					t.Fatal(err)
				}
				want, wantEntry := files(t, quiet), readEntry(t, quiet, faultID)
				if wantEntry.State != StateExported {
					t.Fatalf("undisturbed run ends %s: %s", wantEntry.State, wantEntry.Error)
				}
				points := 0
				for mode, m := range modes {
					for at := 1; ; at++ {
						if !disturb(t, open(t), sc, m, at, fmt.Sprintf("%s at operation %d", mode, at), initial, want, wantEntry) {
							break
						}
						points++
					}
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
func disturb(t *testing.T, store sinks.Store, sc scenario, mode storetest.Mode, at int, what string, initial, want map[string]string, wantEntry *Entry) bool {
	t.Helper()
	if sc.before != nil {
		sc.before(t, store)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	faulty := &storetest.Faulty{Store: store, At: at, Mode: mode, Cancel: cancel}
	_, _, err := runAll(ctx, t, sc.run(t, hurried{faulty, sinks.WithTimeout(faulty, shortTimeout)}), faultID)
	if !faulty.Fired() {
		return false
	}
	ops := faulty.Ops()
	if mode == storetest.CancelBefore && err == nil {
		t.Errorf("%s: a cancelled run reports no error", what)
	}
	if !sc.damaged { // else the manifest is not true to begin with
		truthfulOf(t, store, sc.gone, faultID)
	}
	for name, data := range files(t, store) {
		if data != initial[name] && data != want[name] {
			t.Errorf("%s: %s is neither as before nor as after", what, name)
		}
	}
	results, _, err := runAll(t.Context(), t, sc.run(t, store), faultID)
	if err != nil || results[faultID].Err != nil {
		t.Fatalf("%s: the next run fails: %v, %v", what, err, results[faultID].Err)
	}
	if diff := cmp.Diff(want, files(t, store)); diff != "" {
		t.Errorf("%s: files after the next run (-undisturbed +got):\n%s\noperations: %v", what, diff, ops)
	}
	if diff := cmp.Diff(wantEntry, readEntry(t, store, faultID), entryIgnore); diff != "" {
		t.Errorf("%s: entry after the next run (-undisturbed +got):\n%s\noperations: %v", what, diff, ops)
	}
	return true
}

const shortTimeout = time.Millisecond

// hurried is a Faulty that has next to no time for the operation that is to
// fail, so that one that hangs costs none, and enough for all others.
type hurried struct {
	faulty *storetest.Faulty
	short  sinks.Store // the same, with a timeout
}

func (h hurried) next() sinks.Store {
	hangs := h.faulty.Mode == storetest.HangBefore || h.faulty.Mode == storetest.HangAfter
	if hangs && len(h.faulty.Ops())+1 == h.faulty.At {
		return h.short
	}
	return h.faulty
}

func (h hurried) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	return h.next().Put(ctx, name, data, cond)
}

func (h hurried) PutNoted(ctx context.Context, name string, data []byte, note string, cond sinks.Condition) (sinks.Info, error) {
	return h.next().(sinks.Noter).PutNoted(ctx, name, data, note, cond)
}

func (h hurried) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	return h.next().Get(ctx, name)
}

func (h hurried) Stat(ctx context.Context, name string) (sinks.Info, error) {
	return h.next().Stat(ctx, name)
}

func (h hurried) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return h.next().List(ctx, prefix)
}

func (h hurried) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	return h.next().Delete(ctx, name, cond)
}

func (h hurried) Sweep(ctx context.Context) (int, error) { return h.next().(sinks.Sweeper).Sweep(ctx) }

func (h hurried) Check(ctx context.Context) error { return h.next().(sinks.Checker).Check(ctx) }

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
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			store := open(t)
			first("csv")(t, store)
			old, changed := newAnswers(), newAnswers()
			old.set(faultID, finished(faultID, "old", 3))
			changed.set(faultID, finished(faultID, "new", 3))
			slow := &interposed{Store: store}
			slow.before = func() {
				if e := readEntry(t, store, faultID); len(e.Replacing) != 1 {
					t.Errorf("replacing without a claim: %+v", e)
				}
				export(t, config(t, old, store, "csv"), faultID, Exported)
				truthful(t, store, faultID)
			}
			slow.after = func() { truthful(t, store, faultID) }
			cfg := config(t, changed, slow, "csv")
			cfg.Force = true
			export(t, cfg, faultID, Exported)
			truthful(t, store, faultID)
			if e := readEntry(t, store, faultID); e.Source.SHA256 != hexSum(finished(faultID, "new", 3)) || len(e.Replacing) > 0 {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

// At whichever operation of a forced run another one publishes what was there
// before: the manifest is true after each operation that follows, and the forced
// run ends with its own files.
func TestOvertakenAtAnyOperation(t *testing.T) {
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			for at := 1; ; at++ {
				store := open(t)
				first("csv", "ndjson")(t, store)
				old, changed := newAnswers(), newAnswers()
				old.set(faultID, finished(faultID, "old", 3))
				changed.set(faultID, finished(faultID, "new", 3))
				slow := &intruded{
					Faulty: storetest.Faulty{Store: store}, at: at,
					do: func() {
						again := config(t, old, store, "csv", "ndjson")
						again.Force = true
						export(t, again, faultID, Exported)
					},
					watch: func() { truthful(t, store, faultID) },
				}
				cfg := config(t, changed, slow, "csv", "ndjson")
				cfg.Force = true
				export(t, cfg, faultID, Exported)
				truthful(t, store, faultID)
				if len(slow.Ops()) < at {
					return
				}
				if e := readEntry(t, store, faultID); e.Source.SHA256 != hexSum(finished(faultID, "new", 3)) || len(e.Replacing) > 0 {
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
	forEachStore(t, "cut off", func(t *testing.T, store sinks.Store) {
		for at := 1; ; at++ {
			old, changed := newAnswers(), newAnswers()
			id := fmt.Sprintf("batch-%d", at)
			old.set(id, finished(id, "old", 3))
			changed.set(id, finished(id, "new", 3))
			before := config(t, old, store, "csv", "ndjson")
			before.KeepRaw, before.Columns = true, []string{"batch_id", "email"}
			export(t, before, id, Exported)

			faulty := &storetest.Faulty{Store: store, At: at, Mode: storetest.CancelBefore}
			ctx, cancel := context.WithCancel(t.Context())
			faulty.Cancel = cancel
			other := config(t, changed, faulty, "csv")
			other.Force = true
			_, _, _ = runAll(ctx, t, other, id) // however it ends
			cancel()

			again := config(t, old, store, "csv")
			again.Columns = before.Columns
			results, _, err := runAll(t.Context(), t, again, id)
			if err != nil || results[id].Err != nil {
				t.Fatalf("operation %d: %v, %v", at, err, results[id].Err)
			}
			sound(t, store, id)
			if !faulty.Fired() {
				return
			}
		}
	})
}

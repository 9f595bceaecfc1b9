package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// prune runs Prune and returns what it reports, as "deleted orphan path".
func prune(ctx context.Context, t *testing.T, store sinks.Store, remove bool) ([]string, error) {
	t.Helper()
	layout, err := ParseLayout(DefaultLayout)
	if err != nil {
		t.Fatal(err)
	}
	reported := []string{}
	err = Prune(ctx, PruneConfig{Tables: schema.Tables(), Store: store, Layout: layout, Delete: remove, ToolVersion: "test"}, func(u Unnamed) {
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
	return reported, err
}

func putObject(t *testing.T, store sinks.Store, name, data string) {
	t.Helper()
	if _, err := store.Put(t.Context(), name, []byte(data), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
}

// litter exports the batch "done" as csv, and puts beside it what runs that died
// and other people may have left there.
func litter(t *testing.T, store sinks.Store) {
	t.Helper()
	source, made := newAnswers(), make(map[string]string)
	source.set("done", finished("done", "x", 2))
	source.set("died", finished("died", "x", 2))
	source.set("empty", finished("empty", "x", 0))
	export(t, config(t, source, store, "csv"), "done", Exported)
	for _, formats := range [][]string{{"parquet", "ndjson", "csv"}, {"parquet=snappy", "ndjson=zstd", "csv=gzip"}} {
		elsewhere := sinks.NewMemory()
		for _, id := range []string{"done", "died", "empty"} {
			export(t, config(t, source, elsewhere, formats...), id, Exported)
		}
		maps.Copy(made, files(t, elsewhere))
	}
	for _, name := range orphans {
		putObject(t, store, name, made[name])
	}
	putObject(t, store, "email_find/note.csv", "batch_id,mine\nanother,1\n")       // of another batch than its name
	putObject(t, store, "email_find/plan.csv", "who,when\nme,now\n")               // no table of ours
	putObject(t, store, "email_find/list.ndjson", "{\"batch_id\":7}\n")            // no id
	putObject(t, store, "email_find/cut.parquet", "PAR1")                          // cut, or no Parquet
	putObject(t, store, "email_find/died.csv.zst", made["email_find/died.csv.gz"]) // not what it says it is
	putObject(t, store, "email_find/README.md", "mine")
	putObject(t, store, "email_find/sub/died.csv", made["email_find/died.csv"]) // of another layout
	putObject(t, store, "email_find/_SUCCESS", "")
	putObject(t, store, "other/died.csv", made["email_find/died.csv"])
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

// lines returns what Prune reports, given what it finds.
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
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			store := open(t)
			litter(t, store)
			before := objects(t, store)
			got, err := prune(t.Context(), t, store, false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines("", orphans), got); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, objects(t, store)); diff != "" {
				t.Errorf("listing changed something:\n%s", diff)
			}

			if got, err = prune(t.Context(), t, store, true); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines("deleted ", orphans), got); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
			want := files(t, store)
			for name, data := range before {
				if _, kept := want[name]; !strings.HasPrefix(name, "_") && kept == slices.Contains(orphans, name) {
					t.Errorf("%s is kept: %v", name, kept)
				} else if kept && want[name] != data {
					t.Errorf("%s was changed", name)
				}
			}
			truthful(t, store, "done")

			if got, err = prune(t.Context(), t, store, true); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines("", nil), got); diff != "" {
				t.Errorf("found again (-want +got):\n%s", diff)
			}
			// What the entries say stays, and nothing is left to do for an export.
			if e := readEntry(t, store, "done"); e.State != StateExported || len(e.Superseded) > 0 {
				t.Errorf("entry of an exported batch: %+v", e)
			}
			if e := readEntry(t, store, "died"); e.State != StatePending || len(e.Superseded) > 0 || e.Attempts != 0 {
				t.Errorf("entry of a batch that no run has finished: %+v", e)
			}
			source := newAnswers()
			export(t, config(t, source, store, "csv"), "done", Done)
		})
	}
}

// Files that an entry says are superseded go, wherever they are.
func TestPruneSuperseded(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", finished("b", "x", 2))
	cfg := config(t, source, store, "csv")
	cfg.Layout, _ = ParseLayout("old/{table}/{batch_id}.{ext}")
	export(t, cfg, "b", Exported)
	for at := 1; ; at++ { // until it dies right before the old file is deleted
		faulty := &storetest.Faulty{Store: store, At: at}
		if _, _, err := runAll(t.Context(), t, config(t, source, faulty, "csv"), "b"); err != nil {
			t.Fatal(err)
		}
		if ops := faulty.Ops(); faulty.Fired() && strings.HasPrefix(ops[at-1], "delete ") {
			break
		}
		if !faulty.Fired() {
			t.Fatal("nothing was deleted")
		}
		clean := sinks.NewMemory()
		export(t, cfg.with(func(c *Config) { c.Store = clean }), "b", Exported)
		store = clean
	}
	const old = "old/email_find/b.csv"
	got, err := prune(t.Context(), t, store, false)
	if diff := cmp.Diff([]string{"superseded " + old}, got); diff != "" || err != nil {
		t.Errorf("listed (-want +got), error %v:\n%s", err, diff)
	}
	got, err = prune(t.Context(), t, store, true)
	if diff := cmp.Diff([]string{"deleted superseded " + old}, got); diff != "" || err != nil {
		t.Errorf("deleted (-want +got), error %v:\n%s", err, diff)
	}
	if e := readEntry(t, store, "b"); len(e.Superseded) > 0 || len(files(t, store)) != 1 {
		t.Errorf("entry %+v, files %v", e, files(t, store))
	}
	truthful(t, store, "b")
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
	before := objects(t, store)
	got, err := prune(t.Context(), t, store, true)
	if err == nil || !strings.Contains(err.Error(), "no entry at all") || Hint(err) == "" {
		t.Errorf("error %v, want that the manifest is gone", err)
	}
	if diff := cmp.Diff(lines("", append([]string{"email_find/done.csv"}, orphans...)), got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, objects(t, store)); diff != "" {
		t.Errorf("something was changed:\n%s", diff)
	}
	if _, err := prune(t.Context(), t, store, false); err != nil {
		t.Errorf("listing: %v", err)
	}
}

// What an entry names that cannot be read is not known: nothing is deleted.
func TestPruneWithUnreadableEntry(t *testing.T) {
	store := sinks.NewMemory()
	litter(t, store)
	putObject(t, store, "_manifest/email_find/cut.json", "{")
	before := objects(t, store)
	got, err := prune(t.Context(), t, store, true)
	var unreadable *UnreadableError
	if !errors.As(err, &unreadable) || len(unreadable.Entries) != 1 || !strings.Contains(err.Error(), "cut.json") {
		t.Errorf("error %v, want one that names the entry", err)
	}
	if diff := cmp.Diff(lines("", orphans), got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, objects(t, store)); diff != "" {
		t.Errorf("something was changed:\n%s", diff)
	}
}

// Whatever a run is doing while files are pruned, at any of its operations: it
// finds out what it is missing, and ends as one that was not disturbed.
func TestPruneBesideAnExport(t *testing.T) {
	for kind, open := range stores {
		for _, sc := range scenarios() {
			t.Run(kind+"/"+sc.name, func(t *testing.T) {
				t.Parallel()
				run := func(at int) (store sinks.Store, operations int) {
					store = open(t)
					source := newAnswers()
					source.set("other", finished("other", "x", 1))
					export(t, config(t, source, store, "csv"), "other", Exported)
					if sc.before != nil {
						sc.before(t, store)
					}
					pruning := &intruded{Faulty: storetest.Faulty{Store: store}, at: at, do: func() {
						if _, err := prune(t.Context(), t, store, true); err != nil {
							t.Error(err)
						}
						if !sc.damaged {
							truthfulOf(t, store, sc.gone, faultID)
						}
					}}
					results, _, err := runAll(t.Context(), t, sc.run(t, pruning), faultID)
					if err != nil || results[faultID].Err != nil {
						t.Errorf("pruned at operation %d: %v, %v", at, err, results[faultID].Err)
					}
					return store, len(pruning.Ops())
				}
				quiet, operations := run(0)
				want, wantEntry := files(t, quiet), readEntry(t, quiet, faultID)
				for at := 1; at <= operations; at++ {
					store, _ := run(at)
					if diff := cmp.Diff(want, files(t, store)); diff != "" {
						t.Errorf("pruned at operation %d: files (-undisturbed +got):\n%s", at, diff)
					}
					if diff := cmp.Diff(wantEntry, readEntry(t, store, faultID), entryIgnore); diff != "" {
						t.Errorf("pruned at operation %d: entry (-undisturbed +got):\n%s", at, diff)
					}
				}
			})
		}
	}
}

// And the other way round: a run exports at any operation of the pruning.
func TestExportBesidePrune(t *testing.T) {
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			for at := 1; ; at++ {
				store, source := open(t), newAnswers()
				source.set("b", finished("b", "x", 2))
				source.set("other", finished("other", "x", 1))
				export(t, config(t, source, store, "csv"), "other", Exported)
				elsewhere := sinks.NewMemory()
				export(t, config(t, source, elsewhere, "csv"), "b", Exported)
				putObject(t, store, "email_find/b.csv", files(t, elsewhere)["email_find/b.csv"])
				exporting := &intruded{Faulty: storetest.Faulty{Store: store}, at: at, do: func() {
					export(t, config(t, source, store, "csv"), "b", Exported)
				}}
				if _, err := prune(t.Context(), t, exporting, true); err != nil {
					t.Errorf("exported at operation %d: %v", at, err)
				}
				truthful(t, store, "b")
				if len(exporting.Ops()) < at {
					return
				}
				if e := readEntry(t, store, "b"); e.State != StateExported || len(e.Superseded) > 0 {
					t.Errorf("exported at operation %d: entry %+v", at, e)
				}
			}
		})
	}
}

// intruded is a Store at whose operation number at something else happens first.
type intruded struct {
	storetest.Faulty
	at    int
	do    func()
	watch func() // called before each operation, unless it is nil
	begun atomic.Bool
}

func (s *intruded) intrude() {
	if s.watch != nil {
		s.watch()
	}
	if len(s.Ops())+1 == s.at && s.begun.CompareAndSwap(false, true) {
		s.do()
	}
}

func (s *intruded) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	s.intrude()
	return s.Faulty.Put(ctx, name, data, cond)
}

func (s *intruded) PutNoted(ctx context.Context, name string, data []byte, note string, cond sinks.Condition) (sinks.Info, error) {
	s.intrude()
	return s.Faulty.PutNoted(ctx, name, data, note, cond)
}

func (s *intruded) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	s.intrude()
	return s.Faulty.Get(ctx, name)
}

func (s *intruded) Stat(ctx context.Context, name string) (sinks.Info, error) {
	s.intrude()
	return s.Faulty.Stat(ctx, name)
}

func (s *intruded) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	s.intrude()
	return s.Faulty.List(ctx, prefix)
}

func (s *intruded) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	s.intrude()
	return s.Faulty.Delete(ctx, name, cond)
}

// A fault at any operation of the pruning leaves no lie, and the next pruning
// does the rest.
func TestFaultsWhilePruning(t *testing.T) {
	for kind, open := range stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			points := 0
			for mode := storetest.FailBefore; mode <= storetest.CancelBefore; mode++ {
				for at := 1; ; at++ {
					store, source := open(t), newAnswers()
					source.set("b", finished("b", "x", 2))
					export(t, config(t, source, store, "csv", "ndjson"), "b", Exported)
					elsewhere := sinks.NewMemory()
					export(t, config(t, source, elsewhere, "csv=gzip", "ndjson=gzip"), "b", Exported)
					for name, data := range files(t, elsewhere) {
						putObject(t, store, name, data)
					}
					ctx, cancel := context.WithCancel(t.Context())
					faulty := &storetest.Faulty{Store: store, At: at, Mode: mode, Cancel: cancel}
					_, err := prune(ctx, t, hurried{faulty, sinks.WithTimeout(faulty, shortTimeout)}, true)
					cancel()
					if !faulty.Fired() {
						break
					}
					if mode == storetest.CancelBefore && err == nil {
						t.Errorf("cancelled at operation %d: no error", at)
					}
					points++
					truthful(t, store, "b")
					if _, err := prune(t.Context(), t, store, true); err != nil {
						t.Errorf("mode %d at operation %d: the next pruning fails: %v", mode, at, err)
					}
					export(t, config(t, source, store, "csv", "ndjson"), "b", Done)
					if got := files(t, store); len(got) != 2 {
						t.Errorf("mode %d at operation %d: %d files are left", mode, at, len(got))
					}
				}
			}
			t.Logf("%d faults", points)
		})
	}
}

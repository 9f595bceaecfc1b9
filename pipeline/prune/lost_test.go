package prune

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// exportTo exports some batches of a table, with copies of their answers.
func exportTo(t *testing.T, store sinks.Store, table *schema.Table, layout string, ids ...string) {
	t.Helper()
	source := pipelinetest.NewAnswers()
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.Table, cfg.KeepRaw = table, true
	var err error
	if cfg.Layout, err = manifest.ParseLayout(layout); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		source.Set(id, pipelinetest.Finished(id, "x", 1))
		pipelinetest.Export(t, cfg, id, export.Exported)
	}
}

// lose deletes the entries of batches.
func lose(t *testing.T, store sinks.Store, table *schema.Table, ids ...string) {
	t.Helper()
	for _, id := range ids {
		pipelinetest.RemoveObject(t, store, manifest.Manifest{Table: table}.Name(id))
	}
}

// Whatever entries are there or have come back: when a table's own do not account for
// its files, nothing of any table is deleted.
func TestPruneAfterALoss(t *testing.T) {
	find, phone := &schema.EmailFind, &schema.PhoneFind
	for name, test := range map[string]struct {
		scene func(t *testing.T, store sinks.Store)
		why   string // empty when all may go
		files int    // to go
	}{
		"entries of another table": {func(t *testing.T, store sinks.Store) {
			exportTo(t, store, phone, manifest.DefaultLayout, "p", "q", "r")
			exportTo(t, store, find, manifest.DefaultLayout, "a", "b")
			lose(t, store, find, "a", "b")
		}, "table email_find has 2 files that no entry names, and no file", 2},
		"enqueued since": {func(t *testing.T, store sinks.Store) {
			exportTo(t, store, find, manifest.DefaultLayout, "a")
			lose(t, store, find, "a")
			if err := export.Enqueue(t.Context(), export.EnqueueConfig{Table: find, Store: store}, []string{"a", "c", "d"}, func(export.Recorded) {}); err != nil {
				t.Fatal(err)
			}
		}, "table email_find has 1 file that no entry names, and no file", 1},
		"entries of another root": {func(t *testing.T, store sinks.Store) {
			exportTo(t, store, find, manifest.DefaultLayout, "a", "b", "c")
			for _, id := range []string{"b", "c"} {
				pipelinetest.RemoveObject(t, store, "email_find/"+id+".csv")
				pipelinetest.RemoveObject(t, store, manifest.RawPath(find, id))
			}
			lose(t, store, find, "a")
		}, "table email_find has 1 file that no entry names, and no file", 1},
		"most entries lost": {func(t *testing.T, store sinks.Store) {
			exportTo(t, store, find, manifest.DefaultLayout, "a", "b", "c", "d")
			lose(t, store, find, "a", "b", "c")
		}, "of table email_find would be deleted (3) than kept (2)", 3},
		"few entries lost": {func(t *testing.T, store sinks.Store) {
			exportTo(t, store, find, manifest.DefaultLayout, "a", "b", "c", "d")
			lose(t, store, find, "a", "b")
		}, "", 2},
		"files that stay are elsewhere": {func(t *testing.T, store sinks.Store) {
			exportTo(t, store, find, "old/{table}/{batch_id}.{ext}", "a", "b", "c")
			exportTo(t, store, find, manifest.DefaultLayout, "d", "e", "f")
			for _, id := range []string{"a", "b", "c"} {
				pipelinetest.RemoveObject(t, store, manifest.RawPath(find, id))
			}
			lose(t, store, find, "d", "e", "f")
		}, "", 3},
		"nothing to go": {func(t *testing.T, store sinks.Store) {
			exportTo(t, store, phone, manifest.DefaultLayout, "p")
			pipelinetest.PutObject(t, store, "email_find/mine.csv", "mine\n")
		}, "", 0},
	} {
		pipelinetest.ForEachStore(t, name, func(t *testing.T, store sinks.Store) {
			t.Parallel()
			test.scene(t, store)
			before := pipelinetest.Objects(t, store)
			listed, refusal, err := prunedAtMost(t.Context(), t, store, false, 0)
			if err != nil || (refusal != nil) != (test.why != "") {
				t.Fatalf("listing: refusal %v, error %v", refusal, err)
			}
			got, err := pruned(t.Context(), t, store, true)
			if test.why == "" {
				if deleted := strings.Count(strings.Join(got, "\n"), "deleted "); deleted != test.files || err != nil {
					t.Errorf("%d files deleted, error %v", deleted, err)
				}
				return
			}
			if failure := (*pipeline.Error)(nil); !errors.As(err, &failure) || failure.Class != pipeline.Fatal ||
				!strings.Contains(err.Error(), test.why) || !strings.Contains(failure.Hint, "adopt") || refusal.Error() != err.Error() {
				t.Errorf("error %v, hint %q, want %s; the listing says %v", err, pipeline.Hint(err), test.why, refusal)
			}
			if diff := cmp.Diff(listed, got); diff != "" {
				t.Errorf("listed otherwise (-listing +deleting):\n%s", diff)
			}
			if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
				t.Errorf("something was changed:\n%s", diff)
			}

			// A number says that they may go: all, or none.
			_, refusal, err = prunedAtMost(t.Context(), t, store, true, max(test.files-1, 1))
			if test.files > 1 && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d files would be deleted, more than --at-most %d", test.files, test.files-1)) || refusal == nil) {
				t.Errorf("at most %d: error %v", test.files-1, err)
			}
			if test.files > 1 {
				if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
					t.Errorf("something was changed:\n%s", diff)
				}
			}
			if _, _, err := prunedAtMost(t.Context(), t, store, true, test.files); err != nil {
				t.Errorf("at most %d: %v", test.files, err)
			}
			for path := range before {
				if _, kept := pipelinetest.Objects(t, store)[path]; !kept && strings.HasPrefix(path, "_") {
					t.Errorf("%s is deleted", path)
				}
			}
		})
	}
}

// A path that two entries have is deleted for neither, nor what another batch, or
// somebody, has put at a superseded one.
func TestPruneLeavesWhatAnotherBatchHas(t *testing.T) {
	pipelinetest.ForEachStore(t, "taken over", func(t *testing.T, store sinks.Store) {
		exportTo(t, store, &schema.EmailFind, manifest.DefaultLayout, "ab", "ab-v2", "c", "d")
		pipelinetest.PutObject(t, store, "email_find/ab-v3.csv", pipelinetest.Files(t, store)["email_find/c.csv"])
		pipelinetest.PutObject(t, store, "email_find/ab.ndjson", "mine\n")
		m := manifest.Manifest{Store: store, Table: &schema.EmailFind}
		err := m.Change(t.Context(), "ab", func(e *manifest.Entry) {
			e.Superseded = []string{"email_find/ab-v2.csv", "email_find/ab-v3.csv", "email_find/ab.ndjson"}
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := pruned(t.Context(), t, store, true)
		if diff := cmp.Diff([]string{"foreign email_find/ab-v3.csv", "foreign email_find/ab.ndjson"}, got); diff != "" || err != nil {
			t.Errorf("found (-want +got), error %v:\n%s", err, diff)
		}
		pipelinetest.Sound(t, store, "ab-v2")
	})
}

// An entry that was restored, or a file that was moved, leaves a batch with a file that its
// entry does not name, and without the one that it does.
func TestPruneKeepsTheOnlyFile(t *testing.T) {
	table := &schema.EmailFind
	const elsewhere = "{table}/old/{batch_id}.{ext}"
	for name, scene := range map[string]func(t *testing.T, store sinks.Store){
		"moved": func(t *testing.T, store sinks.Store) {
			exportTo(t, store, table, elsewhere, "a")
			data := pipelinetest.Objects(t, store)["email_find/old/a.csv"]
			pipelinetest.RemoveObject(t, store, "email_find/old/a.csv")
			pipelinetest.PutObject(t, store, "email_find/a.csv", data)
		},
		"damaged": func(t *testing.T, store sinks.Store) {
			exportTo(t, store, table, elsewhere, "a")
			pipelinetest.PutObject(t, store, "email_find/a.csv", pipelinetest.Objects(t, store)["email_find/old/a.csv"])
			pipelinetest.Overwrite(t, store, "email_find/old/a.csv", func(s string) string { return strings.Repeat("x", len(s)) })
		},
		"restored": func(t *testing.T, store sinks.Store) {
			entry := manifest.Manifest{Table: table}.Name("a")
			exportTo(t, store, table, elsewhere, "a")
			before := pipelinetest.Objects(t, store)[entry]
			pipelinetest.RemoveObject(t, store, entry)
			exportTo(t, store, table, manifest.DefaultLayout, "a")
			pipelinetest.RemoveObject(t, store, "email_find/old/a.csv")
			pipelinetest.Overwrite(t, store, entry, func(string) string { return before })
		},
	} {
		pipelinetest.ForEachStore(t, name, func(t *testing.T, store sinks.Store) {
			t.Parallel()
			exportTo(t, store, table, manifest.DefaultLayout, "b", "c", "d")
			lose(t, store, table, "d") // an orphan that may go
			pipelinetest.RemoveObject(t, store, manifest.RawPath(table, "d"))
			scene(t, store)
			for range 2 {
				got, err := pruned(t.Context(), t, store, true)
				if err != nil || !strings.Contains(strings.Join(got, "\n"), "only-copy email_find/a.csv") {
					t.Errorf("error %v:\n%s", err, strings.Join(got, "\n"))
				}
			}
			objects := pipelinetest.Objects(t, store)
			if _, kept := objects["email_find/a.csv"]; !kept {
				t.Error("the only file of a batch is deleted")
			}
			if _, kept := objects["email_find/d.csv"]; kept {
				t.Error("an orphan stays")
			}
		})
	}
}

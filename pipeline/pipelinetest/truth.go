package pipelinetest

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Objects returns the content of every object of the store.
func Objects(t *testing.T, store sinks.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for info, err := range store.List(context.WithoutCancel(t.Context()), "") {
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := store.Get(context.WithoutCancel(t.Context()), info.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Name] = string(data)
	}
	return all
}

// Files returns the content of the data files and of the copies of answers.
func Files(t *testing.T, store sinks.Store) map[string]string {
	t.Helper()
	all := Objects(t, store)
	maps.DeleteFunc(all, func(name, _ string) bool {
		return strings.HasPrefix(name, "_manifest/") || strings.HasPrefix(name, "_cache/")
	})
	return all
}

// ReadEntry returns the entry of a bulk e-mail search, nil when there is none.
func ReadEntry(t *testing.T, store sinks.Store, id string) *manifest.Entry {
	t.Helper()
	e, _, err := emailFind(store).Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func emailFind(store sinks.Store) manifest.Manifest {
	return manifest.Manifest{Store: store, Table: &schema.EmailFind}
}

// HexSum returns the digest of data as entries have it.
func HexSum(data string) string { return manifest.SHA256([]byte(data)) }

// EntryIgnore is in what an undisturbed run may differ from another: some fields, and the
// generations of paths.
var EntryIgnore = cmp.Options{
	cmpopts.IgnoreFields(manifest.Entry{}, "UpdatedAt", "RecordedAt", "FirstExportedAt", "Attempts", "Error", "Generations"),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Path" }, cmp.Comparer(func(a, b string) bool {
		x, _ := manifest.Generation(a)
		y, _ := manifest.Generation(b)
		return x == y
	})),
}

// Settled returns files by the paths of generation 0. There may be one generation of each.
func Settled(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	settled := make(map[string]string)
	for path, data := range files {
		base, _ := manifest.Generation(path)
		if _, twice := settled[base]; twice {
			t.Errorf("%s is there in two generations", base)
		}
		settled[base] = data
	}
	return settled
}

// SummaryOf returns what manifest.Summaries has at least of an entry.
func SummaryOf(e *manifest.Entry) *manifest.Entry {
	out := *e
	if table, ok := schema.TableByKind(e.Kind); ok {
		out.Totals = manifest.Manifest{Table: table}.Totals(e)
	}
	out.Batch, out.Source, out.ContentSHA256, out.ToolVersion = nil, nil, "", ""
	out.Generations = nil
	if e.Schema != nil {
		ref := *e.Schema
		ref.Columns = nil
		out.Schema = &ref
	}
	return &out
}

// Truthful fails the test if the manifest names a file that is missing, or is neither
// what it says nor what it says is about to replace it; or if the cache says something
// else of an entry than the entry.
func Truthful(t *testing.T, store sinks.Store, ids ...string) {
	t.Helper()
	TruthfulOf(t, store, false, ids...)
}

// TruthfulOf is Truthful, but that files may be missing if gone is set.
func TruthfulOf(t *testing.T, store sinks.Store, gone bool, ids ...string) {
	t.Helper()
	all := Objects(t, store)
	checkCache(t, store)
	for _, id := range ids {
		e := ReadEntry(t, store, id)
		if e == nil {
			continue
		}
		for format, f := range e.Published() {
			data, ok := all[f.Path]
			sum := HexSum(data)
			if !ok && !gone || ok && sum != f.SHA256 && e.Replacing[format].SHA256 != sum {
				t.Errorf("manifest names %s, which is missing (%v) or different", f.Path, !ok)
			}
		}
	}
}

// checkCache fails the test if the cache says something else than an entry.
func checkCache(t *testing.T, store sinks.Store) {
	t.Helper()
	for l, err := range emailFind(store).List(context.WithoutCancel(t.Context())) {
		if err != nil {
			t.Fatal(err)
		}
		cached, more := l.Cached(context.WithoutCancel(t.Context()))
		if cached == nil {
			continue // as in a folder
		}
		e := ReadEntry(t, store, l.BatchID)
		switch {
		case e == nil:
		case more && cached.State != e.State:
			t.Errorf("the cache says of %s that it is %s, the entry %s", l.BatchID, cached.State, e.State)
		case !more:
			if diff := cmp.Diff(SummaryOf(e), cached); diff != "" {
				t.Errorf("the cache of %s (-entry +cache):\n%s", l.BatchID, diff)
			}
		}
	}
}

// Known returns what the manifest knows of a batch.
func Known(t *testing.T, store sinks.Store, table *schema.Table, id string) manifest.Known {
	t.Helper()
	for k, err := range manifest.EntriesOf(t.Context(), store, []*schema.Table{table}, []string{id}) {
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	panic("EntriesOf yields each id")
}

// Verify compares the files of a batch with its entry. batches is passed on to verify.New.
func Verify(t *testing.T, store sinks.Store, depth verify.Depth, batches int, table *schema.Table, id string) verify.Checked {
	t.Helper()
	v := verify.New(store, depth, batches)
	defer v.Close()
	checked, err := v.Verify(t.Context(), Known(t, store, table, id))
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// Sound fails the test unless verification at full depth finds nothing.
func Sound(t *testing.T, store sinks.Store, id string) {
	t.Helper()
	if checked := Verify(t, store, verify.Full, 1, &schema.EmailFind, id); len(checked.Differences) > 0 {
		t.Errorf("differences %v", checked.Differences)
	}
}

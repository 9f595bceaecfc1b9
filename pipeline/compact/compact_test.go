package compact

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/prune"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// compactConfig returns a Config whose memory must be given back. Packed files of
// the target size have some four batches each.
func compactConfig(t *testing.T, from, into sinks.Store) Config {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	enc, err := sinks.NewEncoding("parquet", "")
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Tables: schema.Tables(), From: from, Into: into, Encoding: enc, TargetSize: 18_000,
		Mem: mem, ToolVersion: "test",
	}
}

// compact runs and returns what was packed, and why batches were not, by id.
func compact(t *testing.T, cfg Config) (Summary, []Packed, map[string]string) {
	t.Helper()
	var packed []Packed
	refused := make(map[string]string)
	s, err := Run(t.Context(), cfg, func(p Packed) {
		if p.Err != nil {
			refused[p.BatchID] = p.Err.Error() + " | " + pipeline.Hint(p.Err)
			return
		}
		packed = append(packed, p)
	})
	if err != nil {
		t.Fatalf("compact: %v", err)
	}
	return s, packed, refused
}

// visibleRows returns, as a reader of all Parquet files under a root sees it, the
// digest of each batch's rows, once for each file that has some.
func visibleRows(t *testing.T, store sinks.Store) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	for info, err := range store.List(t.Context(), "email_find/") {
		if err != nil {
			t.Fatal(err)
		}
		name := info.Name
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		content, _, err := store.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := sinks.NewParquetReader(content, memory.DefaultAllocator)
		if err != nil {
			t.Fatalf("%s is not whole: %v", name, err)
		}
		for group := range r.RowGroups() {
			rec, err := r.ReadGroup(group, &schema.EmailFind)
			if err != nil {
				t.Fatalf("%s is not whole: %v", name, err)
			}
			ids := rec.Column(0).(*array.String)
			for from := 0; from < ids.Len(); {
				to := from
				for to < ids.Len() && ids.Value(to) == ids.Value(from) {
					to++
				}
				part := rec.NewSlice(int64(from), int64(to))
				all[ids.Value(from)] = append(all[ids.Value(from)], sinks.ContentSHA256(part))
				from = to
			}
		}
	}
	return all
}

// packedTrue fails the test unless the root has the rows of each batch that its
// manifest names, once, and no others.
func packedTrue(t *testing.T, into sinks.Store) {
	t.Helper()
	visible := visibleRows(t, into)
	v := verify.New(into, verify.Full, -1)
	defer v.Close()
	for _, id := range listedIDs(t, into) {
		e := pipelinetest.ReadEntry(t, into, id)
		if n := *e.Rows; n > 0 && !slices.Equal(visible[id], []string{e.ContentSHA256}) {
			t.Errorf("batch %s: its rows are visible as %q, want once %s", id, visible[id], e.ContentSHA256)
		}
		delete(visible, id)
		checked, err := v.Verify(t.Context(), pipelinetest.Known(t, into, &schema.EmailFind, id))
		if err != nil || len(checked.Differences) > 0 {
			t.Errorf("batch %s: differences %v, error %v", id, checked.Differences, err)
		}
	}
	if len(visible) > 0 {
		t.Errorf("rows of %q are visible", slices.Sorted(maps.Keys(visible)))
	}
	if faults, err := manifest.PackFaults(t.Context(), into, schema.Tables(), true); err != nil || len(faults) > 0 {
		t.Errorf("packs are not as the entries say: %+v, error %v", faults, err)
	}
}

// packedRight fails the test unless the root has these batches, with the rows that they
// have where they come from.
func packedRight(t *testing.T, from, into sinks.Store, ids []string) {
	t.Helper()
	packedTrue(t, into)
	if listed := listedIDs(t, into); !slices.Equal(listed, ids) {
		t.Fatalf("the manifest has %q, want %q", listed, ids)
	}
	for _, id := range ids {
		want, got := pipelinetest.ReadEntry(t, from, id), pipelinetest.ReadEntry(t, into, id)
		if got.ContentSHA256 != want.ContentSHA256 || *got.Rows != *want.Rows {
			t.Errorf("batch %s: the entry is of other rows", id)
		}
	}
}

// sums returns the digest of each object.
func sums(objects map[string]string) map[string]string {
	all := make(map[string]string)
	for name, content := range objects {
		all[name] = pipelinetest.HexSum(content)
	}
	return all
}

func listedIDs(t *testing.T, store sinks.Store) (ids []string) {
	t.Helper()
	for l, err := range (manifest.Manifest{Store: store, Table: &schema.EmailFind}).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, l.BatchID)
	}
	return ids
}

func TestCompact(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, into sinks.Store) {
		from := sinks.NewMemory()
		rows := pipelinetest.SomeBatches(20)
		pipelinetest.ExportAll(t, from, "a", false, rows, "parquet", "csv")
		before := pipelinetest.Objects(t, from)
		s, packed, refused := compact(t, compactConfig(t, from, into))
		if len(refused) > 0 || s.Batches != 20 || s.Files != len(packed) || s.Files < 3 || s.Files > 10 {
			t.Errorf("%+v, refused %v", s, refused)
		}
		packedRight(t, from, into, slices.Sorted(maps.Keys(rows)))
		if diff := cmp.Diff(sums(before), sums(pipelinetest.Objects(t, from))); diff != "" {
			t.Errorf("the source has changed:\n%s", diff)
		}
		// In the order of the batches.
		last := ""
		for _, p := range packed {
			for _, id := range slices.Sorted(maps.Keys(rows)) {
				if f := pipelinetest.ReadEntry(t, into, id).Files["parquet"]; f.Path == p.Path {
					if id < last {
						t.Errorf("batch %s is in %s, behind %s", id, f.Path, last)
					}
					last = id
				}
			}
		}

		// Once more: there is nothing to do, and nothing is written.
		all := pipelinetest.Objects(t, into)
		if s, packed, _ := compact(t, compactConfig(t, from, into)); s.Already != 20 || len(packed) > 0 {
			t.Errorf("again: %+v", s)
		}
		if diff := cmp.Diff(sums(all), sums(pipelinetest.Objects(t, into))); diff != "" {
			t.Errorf("once more, the root has changed:\n%s", diff)
		}

		// New batches are added, and nothing else changes.
		pipelinetest.ExportAll(t, from, "a", false, map[string]int{"another": 4, "batch-05b": 3}, "parquet")
		if s, packed, _ := compact(t, compactConfig(t, from, into)); s.Already != 20 || s.Batches != 2 || len(packed) != 1 {
			t.Errorf("with new ones: %+v", s)
		}
		for name, content := range all {
			if now := pipelinetest.Objects(t, into)[name]; now != content {
				t.Errorf("%s has changed", name)
			}
		}
		packedRight(t, from, into, slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(rows)), "another", "batch-05b"))))
	})
}

// The same batches make the same files, whatever else is different.
func TestCompactIsDeterministic(t *testing.T) {
	var all []map[string]string
	for range 2 {
		from, into := sinks.NewMemory(), sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(20), "parquet")
		compact(t, compactConfig(t, from, into))
		data := pipelinetest.Files(t, into)
		maps.DeleteFunc(data, func(name, _ string) bool { return strings.HasPrefix(name, "_") })
		all = append(all, data)
	}
	if diff := cmp.Diff(sums(all[0]), sums(all[1])); diff != "" || len(all[0]) < 3 {
		t.Errorf("%d files differ:\n%s", len(all[0]), diff)
	}
}

// changedReason is why a batch is refused that was exported again with other rows.
func changedReason(id string) string {
	return "pack batch " + id + ": was exported again with other rows | its packed rows stay as they are, because a packed file is never replaced: pack into a new root with --into"
}

// A batch that was exported again with other rows is reported, and what is packed stays
// as it is. A new root has all as it is now.
func TestCompactChangedBatch(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, into sinks.Store) {
		from := sinks.NewMemory()
		rows := pipelinetest.SomeBatches(12)
		pipelinetest.ExportAll(t, from, "a", false, rows, "parquet")
		compact(t, compactConfig(t, from, into))
		// The same rows in a file of another compression are no change.
		pipelinetest.ExportAll(t, from, "a", true, map[string]int{"batch-03": rows["batch-03"]}, "parquet=snappy")
		pipelinetest.ExportAll(t, from, "b", true, map[string]int{"batch-05": 9, "batch-10": 0}, "parquet")
		all := pipelinetest.Files(t, into)
		s, packed, refused := compact(t, compactConfig(t, from, into))
		if diff := cmp.Diff(map[string]string{"batch-05": changedReason("batch-05"), "batch-10": changedReason("batch-10")}, refused); diff != "" {
			t.Errorf("refused (-want +got):\n%s", diff)
		}
		if s.Already != 10 || s.Failed != 2 || len(packed) > 0 {
			t.Errorf("%+v", s)
		}
		if diff := cmp.Diff(sums(all), sums(pipelinetest.Files(t, into))); diff != "" {
			t.Errorf("the root has changed:\n%s", diff)
		}
		packedTrue(t, into)
		fresh := sinks.NewMemory()
		compact(t, compactConfig(t, from, fresh))
		packedRight(t, from, fresh, slices.Sorted(maps.Keys(rows)))
	})
}

// What cannot be packed is told, and the rest is packed.
func TestCompactTellsWhatIsWrong(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"good": 3, "damaged": 4, "missing": 5, "untrue": 5}, "parquet")
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"no-parquet": 3}, "csv")
	pipelinetest.Overwrite(t, from, "email_find/damaged.parquet", func(data string) string { return data[:200] + "x" + data[201:] })
	pipelinetest.RemoveObject(t, from, "email_find/missing.parquet")
	entryWith := func(id string, change func(*manifest.Entry)) {
		e := pipelinetest.ReadEntry(t, from, id)
		change(e)
		_, cond, err := manifest.Manifest{Store: from, Table: &schema.EmailFind}.Read(t.Context(), id)
		if err == nil {
			_, err = manifest.Manifest{Store: from, Table: &schema.EmailFind}.Put(t.Context(), e, cond)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	entryWith("untrue", func(e *manifest.Entry) { e.ContentSHA256 = pipelinetest.HexSum("other rows") })
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"old": 3, "unknown": 3, "unreadable": 2}, "parquet")
	entryWith("old", func(e *manifest.Entry) { e.Schema.Version, e.Schema.Fingerprint = 7, pipelinetest.HexSum("old") })
	pipelinetest.Overwrite(t, from, "_manifest/email_find/unreadable.json", func(string) string { return "{" })
	source := pipelinetest.NewAnswers()
	source.Set("waiting", pipelinetest.Ongoing("waiting", 1, 2))
	pipelinetest.Export(t, pipelinetest.NewConfig(t, source, from, "parquet"), "waiting", export.Ongoing)

	s, packed, refused := compact(t, compactConfig(t, from, into))
	const verify = " | run verify for details; export --force writes the files again"
	want := map[string]string{
		"damaged":    "pack batch damaged: email_find/damaged.parquet has another sha256 than the manifest records" + verify,
		"missing":    "pack batch missing: email_find/missing.parquet is missing" + verify,
		"untrue":     "pack batch untrue: email_find/untrue.parquet has other rows than the manifest records: the content_sha256 differs" + verify,
		"no-parquet": "pack batch no-parquet: has no parquet file | run export --format parquet to add one",
		"old":        "pack batch old: has files of another version of the table: it was written under version 7 of table email_find, and this program has version 1; export --force writes it again" + verify,
		"unreadable": "pack batch unreadable: manifest entry _manifest/email_find/unreadable.json: is not valid JSON: it may have been cut off" + verify,
	}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if s.Failed != len(want) || s.Batches != 2 || s.NotExported != 1 || len(packed) != 1 {
		t.Errorf("%+v", s)
	}
	packedRight(t, from, into, []string{"good", "unknown"})
}

// Roots are told apart: nothing is packed into one that is exported to, or from
// one that is packed, and nothing is exported to a packed one.
func TestCompactedRootsAreNotExportedTo(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"one": 3}, "parquet")
	compact(t, compactConfig(t, from, into))
	fails := func(what string, err error) {
		t.Helper()
		var failure *pipeline.Error
		if !errors.As(err, &failure) || failure.Class != pipeline.Fatal || failure.Hint == "" {
			t.Errorf("%s: error %v", what, err)
		}
	}
	all := pipelinetest.Objects(t, into)
	_, err := Run(t.Context(), compactConfig(t, into, sinks.NewMemory()), func(Packed) {})
	fails("packed again", err)
	_, err = Run(t.Context(), compactConfig(t, from, from), func(Packed) {})
	fails("packed into itself", err)
	source := pipelinetest.NewAnswers()
	for _, id := range []string{"one", "two"} {
		source.Set(id, pipelinetest.Finished(id, "b", 2))
	}
	cfg := pipelinetest.NewConfig(t, source, into, "parquet")
	for _, force := range []bool{false, true} {
		for _, id := range []string{"one", "two"} {
			cfg.Force = force
			_, _, err = pipelinetest.RunAll(t.Context(), t, cfg, id)
			fails("export", err)
			err = export.Plan(t.Context(), cfg, []string{id}, func(p export.Planned) { t.Errorf("%+v", p) })
			fails("export --dry-run", err)
		}
	}
	_, err = export.Pending(t.Context(), cfg, false)
	fails("export --pending", err)
	err = export.Enqueue(t.Context(), export.EnqueueConfig{Table: &schema.EmailFind, Store: into}, []string{"two"}, func(export.Recorded) {})
	fails("enqueue", err)
	_, err = prune.Run(t.Context(), prune.Config{Tables: schema.Tables(), Store: into, Layout: cfg.Layout, Delete: true}, func(u prune.Unnamed) { t.Errorf("%+v", u) })
	fails("prune", err)
	if diff := cmp.Diff(sums(all), sums(pipelinetest.Objects(t, into))); diff != "" {
		t.Errorf("the root has changed:\n%s", diff)
	}
}

// Columns that were chosen part the batches into files of their own.
func TestCompactChosenColumns(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"a1": 3, "a3": 4}, "parquet")
	source := pipelinetest.NewAnswers()
	source.Set("a2", pipelinetest.Finished("a2", "x", 5))
	source.Set("a4", pipelinetest.Finished("a4", "x", 1))
	cfg := pipelinetest.NewConfig(t, source, from, "parquet")
	cfg.Columns = []string{"batch_id", "email"}
	pipelinetest.Export(t, cfg, "a2", export.Exported)
	pipelinetest.Export(t, cfg, "a4", export.Exported)
	s, packed, refused := compact(t, compactConfig(t, from, into))
	if len(packed) != 2 || s.Batches != 4 || len(refused) > 0 {
		t.Fatalf("%+v, refused %v", s, refused)
	}
	if a, b := pipelinetest.ReadEntry(t, into, "a1").Files["parquet"], pipelinetest.ReadEntry(t, into, "a3").Files["parquet"]; a.Path != b.Path || b.FirstRow != 3 || b.FileRows != 7 {
		t.Errorf("a1 is %+v, a3 %+v", a, b)
	}
	v := verify.New(into, verify.Full, 3)
	defer v.Close()
	for _, id := range []string{"a3", "a2", "a1"} { // back and forth
		checked, err := v.Verify(t.Context(), pipelinetest.Known(t, into, &schema.EmailFind, id))
		if err != nil || len(checked.Differences) > 0 {
			t.Errorf("batch %s: differences %v, error %v", id, checked.Differences, err)
		}
	}

	// A batch with other columns than before has changed.
	pipelinetest.ExportAll(t, from, "x", true, map[string]int{"a2": 5}, "parquet")
	all := pipelinetest.Files(t, into)
	_, _, refused = compact(t, compactConfig(t, from, into))
	if diff := cmp.Diff(map[string]string{"a2": changedReason("a2")}, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sums(all), sums(pipelinetest.Files(t, into))); diff != "" {
		t.Errorf("the root has changed:\n%s", diff)
	}
}

// A stop leaves nothing of the memory and the spool files behind, and tells its
// cause.
func TestCompactStops(t *testing.T) {
	from := sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(8), "parquet")
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	_, err := Run(ctx, compactConfig(t, from, sinks.NewMemory()), func(Packed) { cancel(cause) })
	if !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
}

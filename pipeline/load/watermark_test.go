package load

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/compact"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// printed makes the script of what is new, and returns its mark.
func printed(t *testing.T, store sinks.Store) (Mark, Plan) {
	t.Helper()
	cfg := loadConfig(store)
	if err := OnlyNew(t.Context(), &cfg, "w"); err != nil {
		t.Fatal(err)
	}
	plan, err := Prepare(t.Context(), cfg)
	var changes int64
	if err == nil {
		changes, err = Doubt(t.Context(), cfg, "w", plan.Loads)
	}
	if err != nil {
		t.Fatal(err)
	}
	begin, end := Mark{Watermark: "w", Target: Target{Dialect: "duckdb"}, Root: "/data", Changes: changes, Loads: plan.Loads}.Comments()
	m, err := ReadMark(strings.NewReader("-- Made by\n" + begin + "SELECT 1;\n" + end))
	if err != nil {
		t.Fatal(err)
	}
	return m, plan
}

func confirm(t *testing.T, store sinks.Store, m Mark) {
	t.Helper()
	if _, overtaken, err := Confirm(t.Context(), store, m); err != nil || overtaken {
		t.Fatalf("overtaken %t, error %v", overtaken, err)
	}
}

// isNew fails the test unless so many batches are new.
func isNew(t *testing.T, store sinks.Store, want int) Mark {
	t.Helper()
	m, plan := printed(t, store)
	if plan.Batches != want || m.Batches != want {
		t.Errorf("%d batches are new, %d in the mark, want %d", plan.Batches, m.Batches, want)
	}
	return m
}

// What is new is what was not confirmed, whatever any clock says.
func TestOnlyNew(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, store sinks.Store) {
		pipelinetest.ExportAll(t, store, "a", false, pipelinetest.SomeBatches(60), "parquet")
		isNew(t, store, 60)
		m := isNew(t, store, 60) // the first was never confirmed
		// A run whose clock is years behind exports one meanwhile, another is replaced.
		source := pipelinetest.NewAnswers()
		source.Set("late", pipelinetest.Finished("late", "x", 2))
		cfg := pipelinetest.NewConfig(t, source, store, "parquet")
		cfg.Now = func() time.Time { return time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) }
		pipelinetest.Export(t, cfg, "late", export.Exported)
		pipelinetest.ExportAll(t, store, "b", true, map[string]int{"batch-07": 4}, "parquet")
		confirm(t, store, m)
		confirm(t, store, m)
		m = isNew(t, store, 2)
		confirm(t, store, m)
		isNew(t, store, 0)
		// The same file under another entry is not new.
		pipelinetest.ExportAll(t, store, "b", true, map[string]int{"batch-07": 4}, "parquet", "csv")
		isNew(t, store, 0)
	})
}

// Contents come back to what they were, and a load of those in between was printed and
// perhaps run, but never confirmed: the warehouse may have any.
func TestOnlyNewOfContentsThatReturn(t *testing.T) {
	store := sinks.NewMemory()
	export := func(custom string) {
		pipelinetest.ExportAll(t, store, custom, true, map[string]int{"b": 4}, "parquet")
	}
	export("first")
	confirm(t, store, isNew(t, store, 1))
	export("second")
	isNew(t, store, 1)
	export("first")
	confirm(t, store, isNew(t, store, 1))
	isNew(t, store, 0)
}

// A root whose compaction is interrupted, and carried on with much later, has its batches
// new when their entries are there.
func TestOnlyNewAfterALateCompaction(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	rows := pipelinetest.SomeBatches(8)
	pipelinetest.ExportAll(t, from, "a", false, rows, "parquet")
	enc, err := sinks.NewEncoding("parquet", "")
	if err == nil {
		_, err = compact.Run(t.Context(), compact.Config{Tables: schema.Tables(), From: from, Into: into, Encoding: enc}, func(compact.Packed) {})
	}
	if err != nil {
		t.Fatal(err)
	}
	entry, info, err := into.Get(t.Context(), "_manifest/email_find/batch-03.json")
	if err == nil {
		err = into.Delete(t.Context(), "_manifest/email_find/batch-03.json", sinks.IfVersion(info.Version))
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg := loadConfig(into)
	if err := OnlyNew(t.Context(), &cfg, "w"); err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "the entries of its batches name") {
		t.Errorf("a pack without all entries is loaded: error %v", err)
	}
	if _, err := into.Put(t.Context(), "_manifest/email_find/batch-03.json", entry, sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	confirm(t, into, isNew(t, into, 8))
	isNew(t, into, 0)
}

// A watermark of version 1 is carried over: what it calls loaded is, but for packed
// batches, whose time may be older than their entry.
func TestOnlyNewAfterAWatermarkOfVersion1(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, store sinks.Store) {
		start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
		for i, id := range []string{"a", "b", "c"} {
			source := pipelinetest.NewAnswers()
			source.Set(id, pipelinetest.Finished(id, "x", 2))
			cfg := pipelinetest.NewConfig(t, source, store, "parquet")
			cfg.Now = func() time.Time { return start.Add(time.Duration(i) * time.Hour) }
			pipelinetest.Export(t, cfg, id, export.Exported)
		}
		const old = `{"watermark_version": 1, "tables": {"email_find": "2026-01-31T13:30:00Z"}}`
		if _, err := store.Put(t.Context(), "_loads/w.json", []byte(old), sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		confirm(t, store, isNew(t, store, 1))
		isNew(t, store, 0)
	})
}

// A script that was printed before another one was confirmed, or printed with other
// contents of its batches, is confirmed too late: which of both ran last is not known.
func TestConfirmationIsOvertaken(t *testing.T) {
	for name, between := range map[string]func(t *testing.T, store sinks.Store, export func(custom string)){
		"confirmed": func(t *testing.T, store sinks.Store, export func(custom string)) {
			export("second")
			confirm(t, store, isNew(t, store, 2))
		},
		"confirmed before, and printed": func(t *testing.T, store sinks.Store, export func(custom string)) {
			export("second")
			confirm(t, store, isNew(t, store, 2))
			export("third")
			isNew(t, store, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := sinks.NewMemory()
			export := func(custom string) {
				pipelinetest.ExportAll(t, store, custom, true, map[string]int{"b": 4}, "parquet")
			}
			export("first")
			pipelinetest.ExportAll(t, store, "a", false, map[string]int{"a": 4}, "parquet")
			m := isNew(t, store, 2)
			between(t, store, export)
			if _, overtaken, err := Confirm(t.Context(), store, m); err != nil || !overtaken {
				t.Errorf("overtaken %t, error %v", overtaken, err)
			}
			export("first")
			confirm(t, store, isNew(t, store, 2))
			isNew(t, store, 0)
		})
	}
	t.Run("confirmed again", func(t *testing.T) {
		store := sinks.NewMemory()
		pipelinetest.ExportAll(t, store, "first", false, map[string]int{"b": 4}, "parquet")
		m := isNew(t, store, 1)
		confirm(t, store, m)
		confirm(t, store, m)
		pipelinetest.ExportAll(t, store, "second", true, map[string]int{"b": 4}, "parquet")
		isNew(t, store, 1)
		if _, overtaken, err := Confirm(t.Context(), store, m); err != nil || !overtaken {
			t.Errorf("overtaken %t, error %v", overtaken, err)
		}
		pipelinetest.ExportAll(t, store, "first", true, map[string]int{"b": 4}, "parquet")
		isNew(t, store, 1)
	})
}

// Scripts that are printed and confirmed at the same time call nothing loaded that was
// not, and in the end all is.
func TestConfirmationsRace(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, store sinks.Store) {
		pipelinetest.ExportAll(t, store, "a", false, pipelinetest.SomeBatches(12), "parquet")
		m, _ := printed(t, store)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, overtaken, err := Confirm(t.Context(), store, m); err != nil || overtaken {
					t.Errorf("overtaken %t, error %v", overtaken, err)
				}
			})
		}
		all.Wait()
		isNew(t, store, 0)
		before := pipelinetest.Objects(t, store)
		confirm(t, store, m)
		if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
			t.Errorf("it was written again:\n%s", diff)
		}
	})
}

// Any operation of the three steps fails: nothing that was not confirmed is called
// loaded, and done again all is as it should be.
func TestOnlyNewFaults(t *testing.T) {
	for _, mode := range []storetest.Mode{storetest.FailBefore, storetest.FailAfter} {
		for at := 1; ; at++ {
			store := sinks.NewMemory()
			pipelinetest.ExportAll(t, store, "a", false, map[string]int{"a": 2, "b": 3}, "parquet")
			confirm(t, store, isNew(t, store, 2))
			pipelinetest.ExportAll(t, store, "b", true, map[string]int{"b": 3}, "parquet")
			pipelinetest.ExportAll(t, store, "a", false, map[string]int{"c": 1}, "parquet")
			faulty := &storetest.Faulty{Store: store, At: at, Mode: mode}
			cfg := loadConfig(faulty)
			err := OnlyNew(t.Context(), &cfg, "w")
			var plan Plan
			if err == nil {
				plan, err = Prepare(t.Context(), cfg)
			}
			var changes int64
			if err == nil {
				changes, err = Doubt(t.Context(), cfg, "w", plan.Loads)
			}
			confirmed := false
			if err == nil {
				_, _, err = Confirm(t.Context(), faulty, Mark{Watermark: "w", Target: cfg.target(), Changes: changes, Loads: plan.Loads})
				confirmed = err == nil || mode == storetest.FailAfter && faulty.Fired() && strings.HasPrefix(faulty.Ops()[at-1], "put ")
			}
			want := 2
			if confirmed {
				want = 0
			}
			m := isNew(t, store, want)
			confirm(t, store, m)
			isNew(t, store, 0)
			if t.Failed() {
				t.Fatalf("operation %d of %v: %v", at, faulty.Ops(), err)
			}
			if !faulty.Fired() {
				break
			}
		}
	}
}

// A watermark is input: one that this program does not write is refused.
func TestWatermarksAreChecked(t *testing.T) {
	for _, text := range []string{
		"", "{", `{"watermark_version": 3, "loaded": {}}`, `{"watermark_version": 2}`, `{"watermark_version": 2, "loaded": {}}`, `{"watermark_version": 2, "changes": -1, "loaded": {}}`, `{"watermark_version": 1, "loaded": {}}`,
		`{"watermark_version": 2, "changes": 1, "loaded": {"x; DROP": ""}}`, `{"watermark_version": 2, "changes": 1, "loaded": {"email_find": "!"}}`,
		`{"watermark_version": 2, "changes": 1, "loaded": {"email_find": "AAAA"}}`, `{"watermark_version": 2, "changes": 1, "loaded": {}, "more": 1}`,
		`{"watermark_version": 2, "changes": 1, "dialect": "db2", "loaded": {}}`, `{"watermark_version": 2, "changes": 1, "namespace": "n", "loaded": {}}`,
		`{"watermark_version": 2, "changes": 1, "dialect": "duckdb", "namespace": "\u001b[2J", "loaded": {}}`,
		`{"watermark_version": 2, "changes": 1, "loaded": {"email_find": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}`, // twice the same batch
	} {
		store := sinks.NewMemory()
		if _, err := store.Put(t.Context(), "_loads/w.json", []byte(text), sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		cfg := loadConfig(store)
		err := OnlyNew(t.Context(), &cfg, "w")
		if err == nil || !strings.HasPrefix(err.Error(), "load: watermark _loads/w.json cannot be used: ") || pipeline.Hint(err) == "" {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// A script that is not whole is not confirmed.
func TestReadMark(t *testing.T) {
	loads := make(Loaded)
	for i := range 20 {
		loads.add("email_find", fmt.Sprint(i), manifest.File{SHA256: pipelinetest.HexSum(fmt.Sprint(i))})
	}
	loads.add("phone_find", "b", manifest.File{SHA256: pipelinetest.HexSum("b")})
	begin, end := Mark{Watermark: "w", Target: Target{Dialect: "duckdb"}, Root: "/data", Loads: loads}.Comments()
	script := begin + "SELECT '" + strings.Repeat("x", 2*longestMark) + "';\n" + end
	m, err := ReadMark(strings.NewReader(script))
	if diff := cmp.Diff(loads, m.Loads); diff != "" || err != nil || m.Root != "/data" {
		t.Errorf("%+v, error %v", m, err)
	}
	lines := strings.SplitAfter(script, "\n")
	for i := range lines[:len(lines)-1] {
		if strings.HasPrefix(lines[i], "SELECT") {
			continue
		}
		cut := strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "")
		if m, err := ReadMark(strings.NewReader(cut)); err == nil {
			t.Errorf("without line %d: %+v", i, m)
		}
	}
	for what, text := range map[string]string{
		"other contents": strings.Replace(script, "email_find ", "email_find A", 1),
		"other table":    strings.Replace(script, "phone_find ", "phones ", 1),
		"a long line":    begin + markPrefix + strings.Repeat("x", longestMark) + "\n" + end,
		"version 1":      strings.ReplaceAll(script, `"batches"`, `"up_to"`),
	} {
		if m, err := ReadMark(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", what, m)
		}
	}
}

func TestWatermarkNames(t *testing.T) {
	for _, name := range []string{"duckdb", "A-1_b"} {
		if !ValidWatermarkName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", "-a", "a/b", "..", "a b", "é", strings.Repeat("a", 65)} {
		if ValidWatermarkName(name) {
			t.Errorf("%q is a name", name)
		}
	}
}

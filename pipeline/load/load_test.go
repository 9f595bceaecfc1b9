package load

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/schema/dialect"
	"enrow-export/sinks"
)

// loadConfig returns one for DuckDB.
func loadConfig(store sinks.Store) Config {
	d, _ := dialect.ByName("duckdb")
	return Config{Store: store, Tables: schema.Tables(), Dialect: d, Root: "/data"}
}

// refusals returns why batches cannot be loaded, by id.
func refusals(t *testing.T, cfg Config) map[string]string {
	t.Helper()
	plan, err := Prepare(t.Context(), cfg)
	var refused *RefusedError
	if !errors.As(err, &refused) || plan.Scripts != nil {
		t.Fatalf("%d scripts, error %v", len(plan.Scripts), err)
	}
	all := make(map[string]string)
	for _, r := range refused.Batches {
		all[r.BatchID] = r.Problem
	}
	return all
}

func TestPlanLoad(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, store sinks.Store) {
		pipelinetest.ExportAll(t, store, "a", false, pipelinetest.SomeBatches(60), "parquet", "csv=gzip") // enough for a listing
		plan, err := Prepare(t.Context(), loadConfig(store))
		if err != nil || plan.Batches != 60 || plan.Files != 60 || len(plan.Scripts) != 1 {
			t.Fatalf("%+v, error %v", plan, err)
		}
		for id := range pipelinetest.SomeBatches(60) {
			if n := strings.Count(plan.Scripts[0].SQL, "'/data/email_find/"+id+".parquet'"); n != 1 {
				t.Errorf("the file of %s is loaded %d times", id, n)
			}
		}
		if strings.Contains(plan.Scripts[0].SQL, ".csv") {
			t.Error("a batch is loaded twice")
		}
		one := loadConfig(store)
		one.IDs, one.Format = []string{"batch-07", "batch-03", "batch-07"}, "csv"
		plan, err = Prepare(t.Context(), one)
		if err != nil || plan.Batches != 2 || plan.Rows != 7*7%11+3*7%11 || !strings.Contains(plan.Scripts[0].SQL, "compression = 'gzip'") {
			t.Errorf("%+v, error %v", plan, err)
		}
	})
}

// What changed since a time is chosen by the time of the entry.
func TestPlanLoadSince(t *testing.T) {
	store := sinks.NewMemory()
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for i, id := range []string{"a", "b", "c"} {
		source := pipelinetest.NewAnswers()
		source.Set(id, pipelinetest.Finished(id, "x", 2))
		cfg := pipelinetest.NewConfig(t, source, store, "parquet")
		cfg.Now = func() time.Time { return start.Add(time.Duration(i) * time.Hour) }
		pipelinetest.Export(t, cfg, id, export.Exported)
	}
	for hours, want := range []int{3, 2, 1, 0} {
		cfg := loadConfig(store)
		cfg.Since = map[string]time.Time{"email_find": start.Add(time.Duration(hours) * time.Hour)}
		plan, err := Prepare(t.Context(), cfg)
		if err != nil || plan.Batches != want {
			t.Errorf("since hour %d: %d batches, want %d, error %v", hours, plan.Batches, want, err)
		}
	}
}

func TestPlanLoadRefuses(t *testing.T) {
	store := sinks.NewMemory()
	pipelinetest.ExportAll(t, store, "a", false, map[string]int{"good": 2, "gone": 2, "short": 2, "old": 2, "claimed": 2, "unreadable": 2}, "parquet")
	pipelinetest.ExportAll(t, store, "a", false, map[string]int{"texts": 2}, "csv")
	pipelinetest.RemoveObject(t, store, "email_find/gone.parquet")
	pipelinetest.Overwrite(t, store, "email_find/short.parquet", func(s string) string { return s[1:] })
	pipelinetest.Overwrite(t, store, "_manifest/email_find/unreadable.json", func(string) string { return "{" })
	pipelinetest.Overwrite(t, store, "_manifest/email_find/old.json", func(s string) string {
		return strings.Replace(s, schema.EmailFind.Fingerprint(), pipelinetest.HexSum("old"), 1)
	})
	pipelinetest.Overwrite(t, store, "_manifest/email_find/claimed.json", func(s string) string {
		return strings.Replace(s, `"attempts"`, `"replacing": {"parquet": {"path": "email_find/claimed.parquet", "rows": 1, "bytes": 1, "sha256": "`+pipelinetest.HexSum("")+`", "crc32c": "AAAAAA==", "compression": "zstd"}}, "attempts"`, 1)
	})
	cfg := loadConfig(store)
	cfg.Format = "parquet"
	want := map[string]string{
		"gone":       "does not match the manifest: email_find/gone.parquet is missing",
		"short":      "does not match the manifest: email_find/short.parquet has another size than recorded",
		"old":        "has files of another version of the table: it was written under version 1 of table email_find, and this program has version 1; export --force writes it again",
		"claimed":    "does not match the manifest: _manifest/email_find/claimed.json records that files are being replaced: an export is running, or was interrupted and must run again",
		"unreadable": "has an entry that cannot be used: manifest entry _manifest/email_find/unreadable.json: is not valid JSON: it may have been cut off",
		"texts":      "has only csv, and DuckDB loads parquet: run export --format parquet to add it",
	}
	if diff := cmp.Diff(want, refusals(t, cfg)); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	cfg.IDs = []string{"good"}
	if plan, err := Prepare(t.Context(), cfg); err != nil || plan.Batches != 1 {
		t.Errorf("%+v, error %v", plan, err)
	}
}

// The sidecars of a load are put once, whoever prints the same load.
func TestPutSidecars(t *testing.T) {
	store := sinks.NewMemory()
	pipelinetest.ExportAll(t, store, "a", false, map[string]int{"one": 2, "two": 3}, "parquet")
	cfg := loadConfig(store)
	cfg.Dialect, _ = dialect.ByName("redshift")
	cfg.Root = "s3://bucket"
	for range 2 {
		plan, err := Prepare(t.Context(), cfg)
		if err == nil {
			err = PutSidecars(t.Context(), store, plan.Scripts)
		}
		if err != nil {
			t.Fatal(err)
		}
		name := plan.Scripts[0].Sidecars[0].Name
		if data := pipelinetest.Objects(t, store)[name]; data != string(plan.Scripts[0].Sidecars[0].Data) || !strings.Contains(plan.Scripts[0].SQL, "s3://bucket/"+name) {
			t.Errorf("%s has %q", name, data)
		}
	}
	names := slices.DeleteFunc(slices.Collect(maps.Keys(pipelinetest.Objects(t, store))), func(name string) bool { return !strings.HasPrefix(name, "_loads/") })
	if len(names) != 1 {
		t.Errorf("sidecars %q", names)
	}
}

package pipelinetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// NewConfig returns a Config for tests, with formats such as "csv" or "csv=gzip". Its
// allocator fails the test over a leak.
func NewConfig(t *testing.T, source pipeline.Source, store sinks.Store, formats ...string) export.Config {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	cfg := export.Config{
		Table: &schema.EmailFind, Source: source, Store: store,
		Mem: mem, ToolVersion: "test", PollInterval: time.Millisecond, Encoders: 2,
	}
	if store != nil {
		cfg.Cache = manifest.NewCache(store, nil)
	}
	var err error
	if cfg.Layout, err = manifest.ParseLayout(manifest.DefaultLayout); err != nil {
		t.Fatal(err)
	}
	for _, f := range formats {
		name, compression, _ := strings.Cut(f, "=")
		enc, err := sinks.NewEncoding(name, compression)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Encodings = append(cfg.Encodings, enc)
	}
	return cfg
}

// With returns a Config that is changed.
func With(cfg export.Config, change func(*export.Config)) export.Config {
	change(&cfg)
	return cfg
}

// RunAll runs and returns the results by batch.
func RunAll(ctx context.Context, t *testing.T, cfg export.Config, ids ...string) (map[string]export.Result, export.Summary, error) {
	t.Helper()
	results := make(map[string]export.Result)
	s, err := export.Run(ctx, cfg, ids, func(r export.Result) {
		if _, twice := results[r.BatchID]; twice {
			t.Errorf("batch %s is reported twice", r.BatchID)
		}
		results[r.BatchID] = r
	})
	return results, s, err
}

// Export runs for one batch and expects an outcome, one of several if there are more.
func Export(t *testing.T, cfg export.Config, id string, want ...export.Outcome) export.Result {
	t.Helper()
	results, _, err := RunAll(t.Context(), t, cfg, id)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	if got := results[id]; !slices.Contains(want, got.Outcome) {
		t.Fatalf("batch %s is %s (%v), want %v", id, got.Outcome, got.Err, want)
	}
	return results[id]
}

// ExportAll exports batches with some rows each, whose content tells them apart.
func ExportAll(t *testing.T, store sinks.Store, content string, force bool, rows map[string]int, formats ...string) {
	t.Helper()
	source := NewAnswers()
	for id, n := range rows {
		source.Set(id, Finished(id, content+id, n))
	}
	cfg := NewConfig(t, source, store, formats...)
	cfg.Force = force
	results, _, err := RunAll(t.Context(), t, cfg, slices.Sorted(maps.Keys(rows))...)
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range results {
		if r.Outcome != export.Exported {
			t.Fatalf("batch %s is %s: %v", id, r.Outcome, r.Err)
		}
	}
}

// SomeBatches returns n batches of few rows, one of none.
func SomeBatches(n int) map[string]int {
	rows := make(map[string]int)
	for i := range n {
		rows[fmt.Sprintf("batch-%02d", i)] = i * 7 % 11
	}
	return rows
}

// ManyIDs returns n ids. Their order is not the order of a listing.
func ManyIDs(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%x-%d", i*7919%4099, i))
	}
	return ids
}

// Many exports that many batches of one row, to be counted afterwards.
func Many(t *testing.T, store sinks.Store, n int, formats ...string) (*Counted, export.Config, []string) {
	t.Helper()
	c, source, ids := Counting(store), NewAnswers(), ManyIDs(n)
	for _, id := range ids {
		source.Set(id, Finished(id, "x", 1))
	}
	cfg := NewConfig(t, source, c, formats...)
	if _, s, err := RunAll(t.Context(), t, cfg, ids...); err != nil || s.Exported != n {
		t.Fatalf("%+v, error %v", s, err)
	}
	c.Taken()
	return c, cfg, ids
}

package pipelinetest

import (
	"testing"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Scenario is a run to be disturbed: what is there before it, and the run.
type Scenario struct {
	Name    string
	Before  func(t *testing.T, store sinks.Store) // may be nil
	Run     func(t *testing.T, store sinks.Store) export.Config
	Damaged bool // before leaves a file that is not as the manifest says
	Gone    bool // before leaves a file out that the manifest names
}

// FaultID is the batch of all scenarios.
const FaultID = "batch-1"

// First makes a store where the batch was exported once.
func First(formats ...string) func(t *testing.T, store sinks.Store) {
	return func(t *testing.T, store sinks.Store) {
		source := NewAnswers()
		source.Set(FaultID, Finished(FaultID, "old", 3))
		Export(t, NewConfig(t, source, store, formats...), FaultID, export.Exported)
	}
}

// Scenarios returns all there are.
func Scenarios() []Scenario {
	run := func(content string, change func(*export.Config), formats ...string) func(*testing.T, sinks.Store) export.Config {
		return func(t *testing.T, store sinks.Store) export.Config {
			source := NewAnswers()
			source.Set(FaultID, Finished(FaultID, content, 3))
			cfg := NewConfig(t, source, store, formats...)
			if change != nil {
				change(&cfg)
			}
			return cfg
		}
	}
	otherLayout := func(c *export.Config) { c.Layout, _ = manifest.ParseLayout("{table}/{ext}/{batch_id}.{ext}") }
	force := func(c *export.Config) { c.Force = true }
	keepRaw := func(c *export.Config) { c.KeepRaw = true }
	fewColumns := func(c *export.Config) { c.Columns = []string{"batch_id", "email"} }
	firstWithRaw := func(t *testing.T, store sinks.Store) {
		Export(t, run("old", keepRaw, "csv")(t, store), FaultID, export.Exported)
	}
	return []Scenario{
		{Name: "first export", Run: run("old", nil, "parquet", "ndjson", "csv")},
		{Name: "nothing to do", Before: First("csv"), Run: run("old", nil, "csv")},
		{Name: "orphan of other bytes", Before: func(t *testing.T, store sinks.Store) {
			died := sinks.NewMemory()
			Export(t, run("orphan", keepRaw, "csv")(t, died), FaultID, export.Exported)
			for name, data := range Files(t, died) {
				PutObject(t, store, name, data)
			}
		}, Run: run("old", keepRaw, "csv", "ndjson")},
		{Name: "format added", Before: First("csv"), Run: run("old", nil, "csv", "ndjson")},
		{Name: "format added, other source", Before: First("csv"), Run: run("new", nil, "ndjson")},
		{Name: "compression changed", Before: First("csv"), Run: run("old", nil, "csv=gzip")},
		{Name: "compression changed in place", Before: First("parquet"), Run: run("old", nil, "parquet=snappy")},
		{Name: "layout changed", Before: First("csv", "ndjson"), Run: run("old", otherLayout, "csv", "ndjson")},
		{Name: "forced, same source", Before: First("csv", "ndjson"), Run: run("old", force, "csv", "ndjson")},
		{Name: "forced, other source", Before: First("csv", "ndjson"), Run: run("new", force, "csv", "ndjson")},
		{Name: "forced in part, other source", Before: First("csv", "ndjson"), Run: run("new", force, "csv")},
		{Name: "copy kept", Run: run("old", keepRaw, "csv")},
		{Name: "copy added", Before: First("csv"), Run: run("old", keepRaw, "csv")},
		{Name: "copy kept before, other source", Before: firstWithRaw, Run: run("new", force, "csv")},
		{Name: "columns changed", Before: First("csv", "ndjson"), Run: run("old", fewColumns, "csv")},
		{Name: "entry lost", Before: func(t *testing.T, store sinks.Store) {
			firstWithRaw(t, store)
			RemoveObject(t, store, "_manifest/email_find/"+FaultID+".json")
		}, Run: run("old", keepRaw, "csv", "ndjson")},
		{Name: "entry lost, forced, other source", Before: func(t *testing.T, store sinks.Store) {
			firstWithRaw(t, store)
			RemoveObject(t, store, "_manifest/email_find/"+FaultID+".json")
		}, Run: run("new", func(c *export.Config) { c.KeepRaw, c.Force = true, true }, "csv")},
		{Name: "file damaged", Damaged: true, Before: func(t *testing.T, store sinks.Store) {
			First("csv")(t, store)
			ReplaceObject(t, store, "email_find/"+FaultID+".csv", "damage")
		}, Run: run("old", nil, "csv")},
		{Name: "file gone, other source", Gone: true, Before: func(t *testing.T, store sinks.Store) {
			First("csv", "ndjson")(t, store)
			RemoveObject(t, store, "email_find/"+FaultID+".csv")
		}, Run: run("new", nil, "csv")},
		{Name: "copy gone, other source", Gone: true, Before: func(t *testing.T, store sinks.Store) {
			firstWithRaw(t, store)
			RemoveObject(t, store, manifest.RawPath(&schema.EmailFind, FaultID))
		}, Run: run("new", keepRaw, "csv")},
	}
}

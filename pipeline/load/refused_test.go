package load

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/compact"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// A packed batch whose entry is damaged is refused alone: the other batches of its file can
// be loaded by their ids.
func TestPlanLoadDamagedEntryOfAPackedBatch(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, into sinks.Store) {
		from := sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
		enc, err := sinks.NewEncoding("parquet", "")
		if err == nil {
			_, err = compact.Run(t.Context(), compact.Config{Tables: schema.Tables(), From: from, Into: into, Encoding: enc}, func(p compact.Packed) {
				if p.Err != nil {
					t.Error(p.Err)
				}
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		pipelinetest.Overwrite(t, into, "_manifest/email_find/batch-02.json", func(string) string { return "{" })
		cfg := loadConfig(into)
		want := map[string]string{
			"batch-02": "has an entry that cannot be used: manifest entry _manifest/email_find/batch-02.json: is not valid JSON: it may have been cut off",
		}
		if diff := cmp.Diff(want, refusals(t, cfg)); diff != "" {
			t.Errorf("refused (-want +got):\n%s", diff)
		}
		cfg.IDs = []string{"batch-00", "batch-01", "batch-03"}
		if plan, err := Prepare(t.Context(), cfg); err != nil || plan.Batches != 3 || plan.Files != 1 {
			t.Errorf("%+v, error %v", plan, err)
		}
	})
}

// Whenever a batch is exported again with other columns, it is loaded as it was listed, with
// the columns of its file, or refused alone.
func TestPlanLoadOtherColumnsMeanwhile(t *testing.T) {
	few := []string{"batch_id", "email"}
	for what, columns := range map[string][2][]string{"fewer": {nil, few}, "more": {few, nil}} {
		refused := 0
		for at := 1; ; at++ {
			store := sinks.NewMemory()
			pipelinetest.ExportAll(t, store, "a", false, pipelinetest.SomeBatches(3), "parquet")
			source := pipelinetest.NewAnswers()
			source.Set("batch-0", pipelinetest.Finished("batch-0", "a", 2))
			cfg := pipelinetest.NewConfig(t, source, store, "parquet")
			cfg.Columns = columns[0]
			pipelinetest.Export(t, cfg, "batch-0", export.Exported)
			cfg.Columns = columns[1]
			meanwhile := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: store}, At: at, Do: func() {
				pipelinetest.Export(t, cfg, "batch-0", export.Exported)
			}}
			plan, err := Prepare(t.Context(), loadConfig(meanwhile))
			var why *RefusedError
			switch {
			case err == nil && plan.Batches == 4:
			case errors.As(err, &why) && len(why.Batches) == 1 && why.Batches[0].BatchID == "batch-0":
				refused++
			default:
				t.Errorf("%s columns at operation %d: %+v, error %v", what, at, plan, err)
			}
			if !meanwhile.Happened() {
				break
			}
		}
		if refused == 0 {
			t.Errorf("%s columns: it was never between listing and reading", what)
		}
	}
}

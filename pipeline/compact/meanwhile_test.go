package compact

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// A batch that is exported again with other columns, after it was listed and before it is
// read, is refused alone, also when it would be the first of its file.
func TestCompactOtherColumnsMeanwhile(t *testing.T) {
	refused := 0
	for at := 1; ; at++ {
		from, into := sinks.NewMemory(), sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
		source := pipelinetest.NewAnswers()
		source.Set("batch-00", pipelinetest.Finished("batch-00", "a", 2))
		again := pipelinetest.NewConfig(t, source, from, "parquet")
		again.Columns = []string{"batch_id", "email"}
		meanwhile := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: from}, At: at, Do: func() {
			pipelinetest.Export(t, again, "batch-00", export.Exported)
		}}
		s, _, why := compact(t, compactConfig(t, meanwhile, into))
		switch {
		case len(why) == 0 && s.Batches == 4:
		case s.Batches == 3 && s.Failed == 1 && strings.Contains(why["batch-00"], errOtherColumns.Error()):
			refused++
			packedRight(t, from, into, []string{"batch-01", "batch-02", "batch-03"})
		case s.Batches == 3 && s.Failed == 1 && strings.Contains(why["batch-00"], errUnderWay.Error()):
		default:
			t.Errorf("at operation %d: %+v, refused %v", at, s, why)
		}
		if !meanwhile.Happened() {
			break
		}
	}
	if refused == 0 {
		t.Error("it was never between listing and reading")
	}
}

// A packed batch whose entry is damaged where it comes from is told as that, and not as
// one that has changed. All packed rows stay as they are.
func TestCompactDamagedEntryOfAPackedBatch(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, from sinks.Store) {
		into := sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
		compact(t, compactConfig(t, from, into))
		all := pipelinetest.Objects(t, into)
		pipelinetest.Overwrite(t, from, "_manifest/email_find/batch-02.json", func(string) string { return "{" })
		s, packed, refused := compact(t, compactConfig(t, from, into))
		want := map[string]string{
			"batch-02": "pack batch batch-02: manifest entry _manifest/email_find/batch-02.json: is not valid JSON: it may have been cut off | its packed rows stay as they are",
		}
		if diff := cmp.Diff(want, refused); diff != "" || s.Already != 3 || s.Failed != 1 || len(packed) > 0 {
			t.Errorf("%+v, refused (-want +got):\n%s", s, diff)
		}
		if diff := cmp.Diff(sums(all), sums(pipelinetest.Objects(t, into))); diff != "" {
			t.Errorf("the root has changed:\n%s", diff)
		}
	})
}

// Whenever another compaction takes the number: each batch is counted once, as packed by
// the run whose file it is in or as packed before.
func TestCompactCountsAfterALostRace(t *testing.T) {
	lost := 0
	for at := 1; ; at++ {
		from, into := sinks.NewMemory(), sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(12), "parquet")
		source := pipelinetest.NewAnswers()
		source.Set("waiting", pipelinetest.Ongoing("waiting", 1, 2))
		pipelinetest.Export(t, pipelinetest.NewConfig(t, source, from, "parquet"), "waiting", export.Ongoing)
		overtaken := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: into}, At: at, Do: func() {
			compact(t, compactConfig(t, from, into)) // makes other files: longer ones
		}}
		cfg := compactConfig(t, from, overtaken)
		cfg.TargetSize = 6000
		var told Summary
		s, err := Run(t.Context(), cfg, func(p Packed) {
			if p.Err != nil {
				t.Errorf("at operation %d: batch %s: %v", at, p.BatchID, p.Err)
			}
			told.Files++
			told.Batches += p.Batches
			told.Rows += p.Rows
			told.Bytes += p.Bytes
			told.From += p.From
		})
		if err != nil {
			t.Fatalf("at operation %d: %v, hint %q", at, err, pipeline.Hint(err))
		}
		told.Already, told.NotExported = len(listedIDs(t, into))-told.Batches, 1
		if diff := cmp.Diff(told, s); diff != "" {
			t.Errorf("at operation %d: the summary (-what was told +got):\n%s", at, diff)
		}
		if s.Files > 0 && s.Already > 0 {
			lost++
		}
		if !overtaken.Happened() {
			break
		}
	}
	if lost == 0 {
		t.Error("no run that had packed something lost the race")
	}
}

// An entry of the packed root that cannot be used is named as that. Its file has rows that
// no entry names then, and nothing is packed beside it; the other batches are as they were.
// Without it, the record has the entry.
func TestCompactIntoARootWithADamagedEntry(t *testing.T) {
	const damaged = "_manifest/email_find/batch-02.json"
	pipelinetest.ForEachStore(t, "", func(t *testing.T, into sinks.Store) {
		from := sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
		compact(t, compactConfig(t, from, into))
		pipelinetest.Overwrite(t, into, damaged, func(string) string { return "{" })
		all := pipelinetest.Objects(t, into)
		_, err := Run(t.Context(), compactConfig(t, from, into), func(Packed) {})
		if err == nil || !strings.Contains(err.Error(), damaged) || !strings.Contains(pipeline.Hint(err), "move the entry away") {
			t.Errorf("error %v, hint %q", err, pipeline.Hint(err))
		}
		if diff := cmp.Diff(sums(all), sums(pipelinetest.Objects(t, into))); diff != "" {
			t.Errorf("the root has changed:\n%s", diff)
		}
		faults, err := manifest.PackFaults(t.Context(), into, schema.Tables(), true)
		want := []manifest.PackFault{{
			Path:    "email_find/packed-000001.parquet",
			Problem: "has 20 rows, but the entries of its batches name 17 of them; entry " + damaged + " cannot be used",
		}}
		if diff := cmp.Diff(want, faults); diff != "" || err != nil {
			t.Errorf("error %v, faults (-want +got):\n%s", err, diff)
		}
		for _, depth := range verify.Depths() {
			for _, id := range []string{"batch-00", "batch-01", "batch-03"} {
				if c := pipelinetest.Verify(t, into, depth, 1, &schema.EmailFind, id); len(c.Differences) > 0 {
					t.Errorf("%s: batch %s: differences %v", depth, id, c.Differences)
				}
			}
		}
		pipelinetest.RemoveObject(t, into, damaged)
		compact(t, compactConfig(t, from, into))
		packedRight(t, from, into, []string{"batch-00", "batch-01", "batch-02", "batch-03"})
	})
}

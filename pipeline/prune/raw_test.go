package prune

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
)

// Copies that no entry names are found like data, and only those that are what
// their path says.
func TestPruneFindsRaw(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 1))
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.KeepRaw = true
	pipelinetest.Export(t, cfg, "b", export.Exported)
	copied := func(body string) string { return pipelinetest.CopyOf(t, []byte(body)) }
	put := func(name, data string) { pipelinetest.PutObject(t, store, name, data) }
	put("_raw/email_find/c.json.zst", copied(pipelinetest.Finished("c", "x", 1)))
	put("_raw/phone_find/p.json.zst", copied(pipelinetest.Finished("p", "x", 1)))
	put("_raw/email_find/d.json.zst", copied(pipelinetest.Finished("other", "x", 1)))
	put("_raw/email_find/e.json.zst", copied("[1"))
	put("_raw/email_find/f.json.zst", "notes")
	put("_raw/email_find/notes.txt", "notes")
	want := []string{
		"deleted orphan _raw/email_find/c.json.zst", "deleted orphan _raw/phone_find/p.json.zst",
		"foreign _raw/email_find/d.json.zst", "foreign _raw/email_find/e.json.zst", "foreign _raw/email_find/f.json.zst",
		"foreign _raw/email_find/notes.txt",
	}
	got, err := pruned(t.Context(), t, store, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	pipelinetest.Sound(t, store, "b")
}

package prune

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Copies that no entry names are found like data, and only those that are what
// their path says. One whose batch is not exported is never deleted.
func TestPruneFindsRaw(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 1))
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.KeepRaw = true
	pipelinetest.Export(t, cfg, "b", export.Exported)
	cfg.KeepRaw = false
	source.Set("k", pipelinetest.Finished("k", "x", 1))
	pipelinetest.Export(t, cfg, "k", export.Exported)
	copied := func(body string) string { return pipelinetest.CopyOf(t, []byte(body)) }
	put := func(name, data string) { pipelinetest.PutObject(t, store, name, data) }
	put("_raw/email_find/k.json.zst", copied(pipelinetest.Finished("k", "x", 1)))
	put("_raw/email_find/c.json.zst", copied(pipelinetest.Finished("c", "x", 1)))
	put("_raw/phone_find/p.json.zst", copied(pipelinetest.Finished("p", "x", 1)))
	put("_raw/email_find/d.json.zst", copied(pipelinetest.Finished("other", "x", 1)))
	put("_raw/email_find/e.json.zst", copied("[1"))
	put("_raw/email_find/f.json.zst", "notes")
	put("_raw/email_find/notes.txt", "notes")
	want := []string{
		"deleted orphan _raw/email_find/k.json.zst",
		"foreign _raw/email_find/d.json.zst", "foreign _raw/email_find/e.json.zst", "foreign _raw/email_find/f.json.zst",
		"foreign _raw/email_find/notes.txt", "only-copy _raw/email_find/c.json.zst", "only-copy _raw/phone_find/p.json.zst",
	}
	// A batch that is only asked for has no other copy either.
	m := manifest.Manifest{Store: store, Table: &schema.EmailFind}
	if _, err := m.Put(t.Context(), m.Next(nil, "c"), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
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

package export_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// Where a listing shows versions, a run over batches that are done makes a request for
// a thousand objects and reads the cache, a plan and a search for pending ones the same; and
// what is told of each batch is what the entry tells.
func TestDoneBatchesTakeListingsAlone(t *testing.T) {
	const n = 3000
	c, cfg, ids := pipelinetest.Many(t, sinks.NewMemory(), n, "csv")
	// The lists are of entries, of files, of the cache, and whether the root is compacted.
	want := map[string]int{"list": n/1000 + n/1000 + 2, "get": 1}
	results, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	if err != nil || s.Done != n || s.Asked != n {
		t.Fatalf("%+v, error %v", s, err)
	}
	if diff := cmp.Diff(want, c.Taken()); diff != "" {
		t.Errorf("operations of a second run (-want +got):\n%s", diff)
	}
	for _, id := range ids[:50] {
		e, got := pipelinetest.ReadEntry(t, c, id), results[id].Entry
		if diff := cmp.Diff(e.Files, got.Files); diff != "" || *got.Rows != *e.Rows || got.Raw != nil {
			t.Errorf("batch %s: files (-entry +result):\n%s", id, diff)
		}
	}
	c.Taken()
	planned := 0
	err = export.Plan(t.Context(), cfg, ids, func(p export.Planned) {
		if p.Export || p.Err != nil || p.BatchID != ids[planned] {
			t.Errorf("plan %+v, want %s to be done", p, ids[planned])
		}
		planned++
	})
	if diff := cmp.Diff(want, c.Taken()); diff != "" || err != nil || planned != n {
		t.Errorf("operations of a plan of %d, error %v (-want +got):\n%s", planned, err, diff)
	}
	left, err := export.Pending(t.Context(), cfg, true)
	if diff := cmp.Diff(want, c.Taken()); diff != "" || err != nil || !cmp.Equal(left, export.Left{}) {
		t.Errorf("operations of the search for pending batches %v, error %v (-want +got):\n%s", left, err, diff)
	}
}

// unversioned is a Store whose listings show no versions, as those of a folder.
type unversioned struct{ sinks.Store }

func (unversioned) Traits() sinks.Traits { return sinks.FolderTraits }

// Elsewhere the entries are read, and the files listed all the same.
func TestDoneBatchesWithoutCacheTakeOneReadEach(t *testing.T) {
	const n = 1200
	c, cfg, ids := pipelinetest.Many(t, unversioned{sinks.NewMemory()}, n, "csv", "ndjson")
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	if err != nil || s.Done != n {
		t.Fatalf("%+v, error %v", s, err)
	}
	if diff := cmp.Diff(map[string]int{"list": 2 + 3 + 1, "get": n}, c.Taken()); diff != "" {
		t.Errorf("operations of a second run (-want +got):\n%s", diff)
	}
}

// A run that finds no cache, or one of other versions, reads the entries once and writes the
// cache. The next one reads the cache.
func TestRunWritesTheCache(t *testing.T) {
	const n = 300
	c, cfg, ids := pipelinetest.Many(t, sinks.NewMemory(), n, "csv")
	const segment = "_cache/email_find/-.zst"
	for what, spoil := range map[string]func(){
		"lost":    func() { pipelinetest.RemoveObject(t, c, segment) },
		"foreign": func() { pipelinetest.ReplaceObject(t, c, segment, "x") },
		"old": func() {
			for _, id := range ids[:manifest.LearningPays] {
				name := "_manifest/email_find/" + id + ".json"
				pipelinetest.Overwrite(t, c, name, func(entry string) string { return entry + "\n" })
			}
		},
	} {
		spoil()
		c.Taken()
		for _, wantGets := range []func(int) bool{
			func(gets int) bool { return gets >= manifest.LearningPays },
			func(gets int) bool { return gets == 1 },
		} {
			if _, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...); err != nil || s.Done != n {
				t.Fatalf("%s: %+v, error %v", what, s, err)
			}
			if ops := c.Taken(); !wantGets(ops["get"]) {
				t.Errorf("%s: operations %v", what, ops)
			}
		}
	}
}

// Among many that are done, those that are not are found on every store: other
// settings, lost and cut files, copies that are missing, entries without a note.
func TestSurveyFindsWhatIsNotDone(t *testing.T) {
	pipelinetest.ForEachStore(t, "survey", func(t *testing.T, store sinks.Store) {
		const n = manifest.ListingPays + 10
		c, cfg, ids := pipelinetest.Many(t, store, n, "csv", "ndjson")
		gone, cut, unnoted, unreadable, removed := ids[3], ids[5], ids[7], ids[9], ids[11]
		pipelinetest.RemoveObject(t, c, "email_find/"+gone+".csv")
		pipelinetest.ReplaceObject(t, c, "email_find/"+cut+".ndjson", "cut")
		entry, _, err := c.Get(t.Context(), "_manifest/email_find/"+unnoted+".json")
		if err != nil {
			t.Fatal(err)
		}
		pipelinetest.ReplaceObject(t, c, "_manifest/email_find/"+unnoted+".json", string(entry)+"\n")
		pipelinetest.ReplaceObject(t, c, "_manifest/email_find/"+unreadable+".json", "{")
		pipelinetest.RemoveObject(t, c, "_manifest/email_find/"+removed+".json")

		left, err := export.Pending(t.Context(), cfg, false)
		want := []string{gone, cut, unreadable}
		slices.Sort(want)
		if diff := cmp.Diff(export.Left{Fresh: want}, left); diff != "" || err != nil {
			t.Errorf("pending, error %v (-want +got):\n%s", err, diff)
		}
		plans := make(map[string]string)
		if err := export.Plan(t.Context(), cfg, ids, func(p export.Planned) {
			switch {
			case p.Err != nil:
				plans[p.BatchID] = "error"
			case p.Export:
				plans[p.BatchID] = p.Reason
			}
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{
			gone: "csv file is missing", cut: "ndjson file has another size than recorded", unreadable: "error", removed: "new",
		}, plans); diff != "" {
			t.Errorf("plans (-want +got):\n%s", diff)
		}
		results, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
		if err != nil || s.Asked != n || s.Done != n-4 || s.Exported != 3 || s.Failed != 1 || s.NotTried != 0 {
			t.Errorf("%+v, error %v", s, err)
		}
		var unusable *manifest.EntryError
		if !errors.As(results[unreadable].Err, &unusable) {
			t.Errorf("batch with an unreadable entry: %v", results[unreadable].Err)
		}
		pipelinetest.Truthful(t, c, gone, cut, removed)
		withRaw := cfg
		withRaw.KeepRaw = true
		pipelinetest.RemoveObject(t, c, "_manifest/email_find/"+unreadable+".json")
		for _, want := range []export.Summary{{Exported: n}, {Done: n}} {
			_, s, err = pipelinetest.RunAll(t.Context(), t, withRaw, ids...)
			if err != nil || s.Exported != want.Exported || s.Done != want.Done {
				t.Errorf("with copies of answers: %+v, error %v, want %+v", s, err, want)
			}
		}
	})
}

// A survey that fails costs time alone; one at an unusable destination ends the
// run.
func TestSurveyThatFails(t *testing.T) {
	const n = manifest.ListingPays
	c, cfg, ids := pipelinetest.Many(t, sinks.NewMemory(), n, "csv")
	for at, what := range []string{"list _manifest/email_find/", "list email_find/"} {
		faulty := &pipelinetest.FailingList{Store: c.Store, Prefix: strings.TrimPrefix(what, "list "), Err: storetest.ErrInjected}
		cfg.Store = faulty
		_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
		if err != nil || s.Done != n || !faulty.Failed {
			t.Errorf("%d: %s fails: %+v, error %v", at, what, s, err)
		}
		faulty.Err = fmt.Errorf("%w: gone", sinks.ErrUnreachable)
		_, s, err = pipelinetest.RunAll(t.Context(), t, cfg, ids...)
		if prefix := "_manifest/email_find/"; faulty.Prefix == prefix && (!errors.Is(err, sinks.ErrUnreachable) || s.NotTried == 0 || s.Done+s.NotTried != n) {
			t.Errorf("destination is gone: %+v, error %v", s, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, s, err := pipelinetest.RunAll(ctx, t, cfg, ids...); !errors.Is(err, context.Canceled) || s.NotTried != n {
		t.Errorf("cancelled: %+v, error %v", s, err)
	}
}

// A listing of the files that is older than the listing of the entries, or the
// other way round, makes no batch look done that is not.
func TestSurveyBesideOtherRuns(t *testing.T) {
	const n = manifest.ListingPays
	_, cfg, ids := pipelinetest.Many(t, sinks.NewMemory(), n, "csv")
	base := cfg.Store.(*pipelinetest.Counted).Store
	other, source := ids[n/2], pipelinetest.NewAnswers()
	source.Set(other, pipelinetest.Finished(other, "longer than before", 2))
	again := pipelinetest.NewConfig(t, source, base, "csv")
	again.Force = true
	var once sync.Once
	cfg.Store = &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: base}, Watch: func() {
		once.Do(func() { pipelinetest.Export(t, again, other, export.Exported) })
	}}
	if _, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...); err != nil || s.Done != n {
		t.Errorf("%+v, error %v", s, err)
	}
	pipelinetest.Truthful(t, base, other)
	if e := pipelinetest.ReadEntry(t, base, other); e.Source.SHA256 != pipelinetest.HexSum(pipelinetest.Finished(other, "longer than before", 2)) {
		t.Errorf("entry %+v", e)
	}
}

// What a run leaves that fails at any operation of a survey among many others is
// made good by the next.
func TestFaultsWhileSurveying(t *testing.T) {
	const n = manifest.ListingPays
	_, cfg, ids := pipelinetest.Many(t, sinks.NewMemory(), n, "csv")
	base := cfg.Store.(*pipelinetest.Counted).Store
	pipelinetest.RemoveObject(t, base, "email_find/"+ids[0]+".csv")
	for at := 1; ; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		faulty := &storetest.Faulty{Store: base, At: at, Mode: storetest.Mode(at % 2), Cancel: cancel}
		cfg.Store = faulty
		_, s, err := pipelinetest.RunAll(ctx, t, cfg, ids...)
		cancel()
		if at == 1 { // whether the root is compacted cannot be told
			if err == nil || s.NotTried != n {
				t.Errorf("%+v, error %v", s, err)
			}
			continue
		}
		if err != nil || s.Done+s.Exported+s.Failed != n || s.Failed > 1 {
			t.Errorf("operation %d of %v: %+v, error %v", at, faulty.Ops(), s, err)
		}
		pipelinetest.TruthfulOf(t, base, true, ids[0])
		if !faulty.Fired() {
			return
		}
	}
}

package manifest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// knownIDs collects what is yielded, as ids, and checks that it is what the manifest
// has: whole entries, or summaries.
func knownIDs(t *testing.T, store sinks.Store, seq iter.Seq2[manifest.Known, error], whole bool) (ids []string) {
	t.Helper()
	for k, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		what := k.Table.Kind + " " + k.BatchID
		want, _, err := manifest.Manifest{Store: store, Table: k.Table}.Read(t.Context(), k.BatchID)
		got := k.Entry
		switch {
		case want == nil && got == nil && err == nil && k.Err == nil:
			what += " unknown"
		case err != nil && got == nil && k.Err != nil && err.Error() == k.Err.Error():
			what += " unusable"
		case want == nil || got == nil:
			t.Fatalf("%s: %+v, error %v; the manifest has %+v, error %v", what, got, k.Err, want, err)
		case !whole && got.ToolVersion == "":
			want = pipelinetest.SummaryOf(want)
			fallthrough
		default:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-manifest +yielded):\n%s", what, diff)
			}
		}
		ids = append(ids, what)
	}
	return ids
}

// All that is known is yielded in its order, and what is asked for in the order
// of the question, by many ids as by few.
func TestEntriesComeInOrder(t *testing.T) {
	pipelinetest.ForEachStore(t, "entries", func(t *testing.T, store sinks.Store) {
		const n = manifest.ListingPays + 20
		_, _, ids := pipelinetest.Many(t, store, n, "csv")
		tables := []*schema.Table{&schema.EmailFind, &schema.PhoneFind}
		both, unusable, failed := ids[2], ids[3], ids[4]
		queue := func(table *schema.Table, ids ...string) {
			if err := export.Enqueue(t.Context(), export.EnqueueConfig{Table: table, Store: store, ToolVersion: "test"}, ids, func(export.Recorded) {}); err != nil {
				t.Fatal(err)
			}
		}
		queue(&schema.PhoneFind, both, "another")
		pipelinetest.ReplaceObject(t, store, "_manifest/email_find/"+unusable+".json", "{")
		forced := pipelinetest.NewConfig(t, pipelinetest.NewAnswers(), store, "csv")
		forced.Force = true
		pipelinetest.Export(t, forced, failed, export.Failed)

		said := func(kind, id string) string {
			if id == unusable {
				return kind + " " + id + " unusable"
			}
			return kind + " " + id
		}
		var all, asked []string
		for _, id := range slices.Sorted(slices.Values(ids)) {
			all = append(all, said("email-find", id))
		}
		phones := []string{"phone-find another", "phone-find " + both}
		slices.Sort(phones)
		all = append(all, phones...)
		for _, id := range ids {
			asked = append(asked, said("email-find", id))
			if id == both {
				asked = append(asked, "phone-find "+id)
			}
		}
		asked = append(asked, "email-find nobody unknown", "phone-find another")
		question := append(slices.Clone(ids), "nobody", "another", ids[0])
		few := []string{"nobody", "another"}
		for _, c := range []struct {
			what  string
			want  []string
			seq   iter.Seq2[manifest.Known, error]
			whole bool
		}{
			{"Entries", all, manifest.Entries(t.Context(), store, tables), true},
			{"Summaries", all, manifest.Summaries(t.Context(), store, tables), false},
			{"EntriesOf many", asked, manifest.EntriesOf(t.Context(), store, tables, question), true},
			{"SummariesOf many", asked, manifest.SummariesOf(t.Context(), store, tables, question), false},
			{"EntriesOf few", asked[len(asked)-2:], manifest.EntriesOf(t.Context(), store, tables, few), true},
			{"SummariesOf few", asked[len(asked)-2:], manifest.SummariesOf(t.Context(), store, tables, few), false},
		} {
			if diff := cmp.Diff(c.want, knownIDs(t, store, c.seq, c.whole)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.what, diff)
			}
		}
	})
}

// Where there is a cache, what is known of batches about which all is well takes listings
// and the cache alone, and so does a look at the sizes of their files.
func TestCachedEntriesTakeListingsAlone(t *testing.T) {
	const n = 2500
	c, _, ids := pipelinetest.Many(t, sinks.NewMemory(), n, "csv")
	tables := []*schema.Table{&schema.EmailFind, &schema.PhoneFind}
	want := map[string]int{"list": 3 + 1 + 2, "get": 1} // of entries and of the caches
	for what, seq := range map[string]iter.Seq2[manifest.Known, error]{
		"all": manifest.Summaries(t.Context(), c, tables), "asked for": manifest.SummariesOf(t.Context(), c, tables, ids),
	} {
		known := 0
		for k, err := range seq {
			if err != nil || k.Entry == nil || k.Entry.State != manifest.StateExported {
				t.Fatalf("%+v, error %v", k, err)
			}
			known++
		}
		if diff := cmp.Diff(want, c.Taken()); diff != "" || known != n {
			t.Errorf("%s: operations for %d entries (-want +got):\n%s", what, known, diff)
		}
	}
	v := verify.New(c, verify.Size, -1)
	for k, err := range manifest.Summaries(t.Context(), c, tables) {
		if err != nil {
			t.Fatal(err)
		}
		if checked, err := v.Verify(t.Context(), k); err != nil || len(checked.Differences) > 0 || len(checked.Entry.Files) != 1 {
			t.Fatalf("%+v, error %v", checked, err)
		}
	}
	if diff := cmp.Diff(map[string]int{"list": 3 + 1 + 2 + 6, "get": 1}, c.Taken()); diff != "" {
		t.Errorf("operations of a look at sizes (-want +got):\n%s", diff)
	}
}

// Whoever has seen enough leaves nothing running, and an error ends the sequence.
func TestEntriesStop(t *testing.T) {
	c, _, ids := pipelinetest.Many(t, sinks.NewMemory(), manifest.ListingPays, "csv")
	tables := []*schema.Table{&schema.EmailFind}
	for _, seq := range []iter.Seq2[manifest.Known, error]{manifest.Entries(t.Context(), c, tables), manifest.EntriesOf(t.Context(), c, tables, ids)} {
		for _, err := range seq {
			if err != nil {
				t.Error(err)
			}
			break
		}
		before := c.Taken()
		if len(c.Taken()) > 0 {
			t.Errorf("operations go on after the last: %v", before)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	var errs []error
	for _, err := range manifest.Entries(ctx, c, tables) {
		if seen++; seen == 3 {
			cancel()
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	cancel()
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("errors %v, want one of the cancellation", errs)
	}
	broken := &pipelinetest.FailingList{Store: c, Prefix: "_manifest/email_find/", Err: errors.New("broken")}
	for _, seq := range []iter.Seq2[manifest.Known, error]{manifest.Entries(t.Context(), broken, tables), manifest.EntriesOf(t.Context(), broken, tables, ids)} {
		errs = nil
		for _, err := range seq {
			if err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) != 1 || !errors.Is(errs[0], broken.Err) {
			t.Errorf("errors %v, want one of the listing", errs)
		}
	}
}

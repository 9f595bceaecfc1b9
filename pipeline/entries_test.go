package pipeline

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// knownIDs collects what is yielded, as ids, and checks that complete entries are
// what the manifest has, and others their essence.
func knownIDs(t *testing.T, store sinks.Store, whole bool, seq iter.Seq2[Known, error]) (ids []string) {
	t.Helper()
	for k, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		what := k.Table.Kind + " " + k.BatchID
		want, _, err := Manifest{store, k.Table}.Read(t.Context(), k.BatchID)
		got := k.Entry
		switch {
		case want == nil && got == nil && err == nil && k.Err == nil:
			what += " unknown"
		case err != nil && got == nil && k.Err != nil && err.Error() == k.Err.Error():
			what += " unusable"
		case want == nil || got == nil:
			t.Fatalf("%s: %+v, error %v; the manifest has %+v, error %v", what, got, k.Err, want, err)
		case !whole && got.ToolVersion == "":
			want, _ = want.essence()
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
	forEachStore(t, "entries", func(t *testing.T, store sinks.Store) {
		const n = listingPays + 20
		_, _, ids := many(t, store, n, "csv")
		tables := []*schema.Table{&schema.EmailFind, &schema.PhoneFind}
		both, unusable, failed := ids[2], ids[3], ids[4]
		queue := func(table *schema.Table, ids ...string) {
			if err := Enqueue(t.Context(), EnqueueConfig{Table: table, Store: store, ToolVersion: "test"}, ids, func(Enqueued) {}); err != nil {
				t.Fatal(err)
			}
		}
		queue(&schema.PhoneFind, both, "another")
		replaceObject(t, store, "_manifest/email_find/"+unusable+".json", "{")
		forced := config(t, newAnswers(), store, "csv")
		forced.Force = true
		export(t, forced, failed, FailedBatch)

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
		for _, whole := range []bool{true, false} {
			if diff := cmp.Diff(all, knownIDs(t, store, whole, Entries(t.Context(), store, tables, whole))); diff != "" {
				t.Errorf("all, whole %v (-want +got):\n%s", whole, diff)
			}
			question := append(slices.Clone(ids), "nobody", "another", ids[0])
			if diff := cmp.Diff(asked, knownIDs(t, store, whole, EntriesOf(t.Context(), store, tables, question, whole))); diff != "" {
				t.Errorf("asked for, whole %v (-want +got):\n%s", whole, diff)
			}
			if diff := cmp.Diff(asked[len(asked)-2:], knownIDs(t, store, whole, EntriesOf(t.Context(), store, tables, []string{"nobody", "another"}, whole))); diff != "" {
				t.Errorf("few, whole %v (-want +got):\n%s", whole, diff)
			}
		}
	})
}

// Where a store keeps notes, what is known of batches about which all is well
// takes listings alone, and so does a look at the sizes of their files.
func TestEntriesOfNotesTakeListingsAlone(t *testing.T) {
	const n = 2500
	c, _, ids := many(t, sinks.NewMemory(), n, "csv")
	tables := []*schema.Table{&schema.EmailFind, &schema.PhoneFind}
	want := map[string]int{"list": 3 + 1}
	for what, seq := range map[string]iter.Seq2[Known, error]{
		"all": Entries(t.Context(), c, tables, false), "asked for": EntriesOf(t.Context(), c, tables, ids, false),
	} {
		known := 0
		for k, err := range seq {
			if err != nil || k.Entry == nil || k.Entry.State != StateExported {
				t.Fatalf("%+v, error %v", k, err)
			}
			known++
		}
		if diff := cmp.Diff(want, c.taken()); diff != "" || known != n {
			t.Errorf("%s: operations for %d entries (-want +got):\n%s", what, known, diff)
		}
	}
	v := NewVerifier(c, DepthSize, -1)
	for k, err := range Entries(t.Context(), c, tables, false) {
		if err != nil {
			t.Fatal(err)
		}
		if checked, err := v.VerifyKnown(t.Context(), k); err != nil || len(checked.Differences) > 0 || len(checked.Entry.Files) != 1 {
			t.Fatalf("%+v, error %v", checked, err)
		}
	}
	if diff := cmp.Diff(map[string]int{"list": 3 + 1 + 5}, c.taken()); diff != "" {
		t.Errorf("operations of a look at sizes (-want +got):\n%s", diff)
	}
}

// Whoever has seen enough leaves nothing running, and an error ends the sequence.
func TestEntriesStop(t *testing.T) {
	c, _, ids := many(t, sinks.NewMemory(), listingPays, "csv")
	tables := []*schema.Table{&schema.EmailFind}
	for _, seq := range []iter.Seq2[Known, error]{Entries(t.Context(), c, tables, true), EntriesOf(t.Context(), c, tables, ids, true)} {
		for _, err := range seq {
			if err != nil {
				t.Error(err)
			}
			break
		}
		before := c.taken()
		if len(c.taken()) > 0 {
			t.Errorf("operations go on after the last: %v", before)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	var errs []error
	for _, err := range Entries(ctx, c, tables, true) {
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
	broken := &failingList{Store: c, prefix: "_manifest/email_find/", err: errors.New("broken")}
	for _, seq := range []iter.Seq2[Known, error]{Entries(t.Context(), broken, tables, true), EntriesOf(t.Context(), broken, tables, ids, true)} {
		errs = nil
		for _, err := range seq {
			if err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) != 1 || !errors.Is(errs[0], broken.err) {
			t.Errorf("errors %v, want one of the listing", errs)
		}
	}
}

package overview_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// put writes an entry as a run would have left it at that time.
func put(t testing.TB, store sinks.Store, table *schema.Table, id string, at time.Time, change func(*manifest.Entry)) {
	t.Helper()
	m := manifest.Manifest{Store: store, Table: table, Now: func() time.Time { return at }, Cache: manifest.NewCache(store, nil)}
	e := m.Next(nil, id)
	change(e)
	if _, err := m.Put(t.Context(), e, sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
}

func exported(rows, bytes int64, stats string) func(*manifest.Entry) {
	return func(e *manifest.Entry) {
		e.State, e.Rows = manifest.StateExported, &rows
		table, _ := schema.TableByKind(e.Kind)
		e.Schema = &manifest.SchemaRef{Table: table.Name, Version: table.Version, Fingerprint: table.Fingerprint()}
		e.Source = &manifest.SourceRef{SHA256: pipelinetest.HexSum("x"), Bytes: 9}
		e.Files = map[string]manifest.File{"csv": {
			Path: table.Name + "/" + e.BatchID + ".csv", Rows: rows, Bytes: bytes, SHA256: pipelinetest.HexSum("x"), CRC32C: manifest.EncodeCRC32C(1), Compression: "none",
		}}
		e.Batch = []byte(`{"general":{"status":"completed"},"stats":` + stats + `}`)
	}
}

func failed(permanent, dismissed bool) func(*manifest.Entry) {
	return func(e *manifest.Entry) {
		e.State, e.Permanent, e.Dismissed, e.Error, e.Attempts = manifest.StateFailed, &permanent, dismissed, "fetch: why", 2
	}
}

func state(s manifest.State) func(*manifest.Entry) {
	return func(e *manifest.Entry) { e.State = s }
}

// fill makes a root with a batch in every state.
func fill(t *testing.T, store sinks.Store) {
	find, phone := &schema.EmailFind, &schema.PhoneFind
	day := 24 * time.Hour
	put(t, store, find, "a", noon.Add(-2*day), exported(4, 1<<10, `{"requested":4,"valid":3,"credits_cost":{"initial":4,"refunded":1,"final":3}}`))
	put(t, store, find, "b", noon.Add(-time.Hour), exported(6, 1<<20, `{"requested":6,"credits_cost":{"initial":6,"refunded":0,"final":6}}`)) // found is not said
	put(t, store, phone, "c", noon.Add(-2*time.Hour), exported(2, 1<<30, `{"found":2,"credits_cost":0.25}`))
	put(t, store, find, "d", noon.Add(-5*time.Hour), state(manifest.StatePending))
	put(t, store, find, "e", noon.Add(-6*time.Hour), state(manifest.StateOngoing))
	put(t, store, phone, "f", noon.Add(-7*time.Hour), failed(false, false))
	put(t, store, find, "g", noon.Add(-8*time.Hour), failed(true, false))
	put(t, store, find, "h", noon.Add(-9*time.Hour), failed(true, true))
	pipelinetest.PutObject(t, store, "_manifest/email_find/i.json", "{")
}

// Every batch is counted once, in its state, on its day, with what it brought.
func TestOverview(t *testing.T) {
	store := sinks.NewMemory()
	fill(t, store)
	got, err := overview.Of(t.Context(), store, schema.Tables(), noon)
	if err != nil {
		t.Fatal(err)
	}
	find, phone := overview.Kind{
		Kind:   "email-find",
		States: overview.States{Exported: 2, Pending: 1, Ongoing: 1, NeedAttention: 1, Dismissed: 1, Unreadable: 1},
		Sums:   overview.Sums{Rows: 10, Found: 3, FoundOf: 4, Bytes: 1<<20 + 1<<10, Spent: 9, Refunded: 1}, OldestWaiting: noon.Add(-6 * time.Hour),
	}, overview.Kind{
		Kind:   "phone-find",
		States: overview.States{Exported: 1, Failed: 1},
		Sums:   overview.Sums{Rows: 2, Found: 2, FoundOf: 2, Bytes: 1 << 30, Spent: 0.25}, OldestWaiting: noon.Add(-7 * time.Hour),
	}
	want := &overview.Overview{
		At: noon, Kinds: []overview.Kind{find, phone},
		Days: []overview.Day{
			{Date: noon.Add(-60 * time.Hour), Batches: 1, Sums: overview.Sums{Rows: 4, Found: 3, FoundOf: 4, Bytes: 1 << 10, Spent: 3, Refunded: 1}},
			{Date: noon.Add(-12 * time.Hour), Batches: 2, Sums: overview.Sums{Rows: 8, Found: 2, FoundOf: 2, Bytes: 1<<30 + 1<<20, Spent: 6.25}},
		},
		Sizes: []overview.Size{{10 << 10, 1}, {100 << 10, 0}, {1 << 20, 0}, {10 << 20, 1}, {0, 1}},
		Failed: []overview.Batch{
			{Kind: "email-find", BatchID: "g", State: "failed", Since: noon.Add(-8 * time.Hour), Attempts: 2, Error: "fetch: why", NeedAttention: true},
			{Kind: "email-find", BatchID: "i", Error: got.Failed[1].Error, NeedAttention: true},
			{Kind: "phone-find", BatchID: "f", State: "failed", Since: noon.Add(-7 * time.Hour), Attempts: 2, Error: "fetch: why"},
		},
		Waiting: []overview.Batch{
			{Kind: "phone-find", BatchID: "f", State: "failed", Since: noon.Add(-7 * time.Hour), Attempts: 2, Error: "fetch: why"},
			{Kind: "email-find", BatchID: "e", State: "ongoing", Since: noon.Add(-6 * time.Hour)},
			{Kind: "email-find", BatchID: "d", State: "pending", Since: noon.Add(-5 * time.Hour)},
		},
		LastExport: noon.Add(-time.Hour),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("overview (-want +got):\n%s", diff)
	}
	all := got.Total()
	if all.Total() != 9 || all.Waiting() != 3 || all.Rows != 12 || !all.OldestWaiting.Equal(noon.Add(-7*time.Hour)) {
		t.Errorf("the sum of all kinds is %+v", all)
	}
	for _, k := range got.Kinds {
		all.Exported -= k.Exported
	}
	if all.Exported != 0 {
		t.Error("the sum of the kinds is not the total")
	}
}

// What the cache says is what the entries say.
func TestOverviewFromCache(t *testing.T) {
	store := sinks.NewMemory()
	fill(t, store)
	want, err := overview.Of(t.Context(), store, schema.Tables(), noon)
	if err != nil {
		t.Fatal(err)
	}
	cache := manifest.NewCache(store, nil)
	for n := range manifest.LearningPays { // or the cache is not written
		put(t, store, &schema.EmailVerify, fmt.Sprintf("v%d", n), noon.Add(-time.Hour), state(manifest.StatePending))
	}
	for _, table := range schema.Tables() {
		for l, err := range (manifest.Manifest{Store: store, Table: table, Cache: cache}).List(t.Context()) {
			if err == nil {
				_, err = l.Read(t.Context())
			}
			if err != nil && l.BatchID != "i" {
				t.Fatal(err)
			}
		}
	}
	cache.Flush(t.Context())
	counted := pipelinetest.Counting(store)
	got, err := overview.Of(t.Context(), counted, schema.Tables(), noon)
	if err != nil {
		t.Fatal(err)
	}
	// Of the first batches only those with an error are read, and each segment.
	if reads := counted.Taken()["get"]; reads > 8 {
		t.Errorf("%d objects were read", reads)
	}
	verify := got.Kinds[1]
	if verify.Kind != "email-verify" || verify.Pending != manifest.LearningPays {
		t.Errorf("kinds %+v", got.Kinds)
	}
	got.Kinds = append(got.Kinds[:1], got.Kinds[2:]...)
	got.Waiting = want.Waiting // the new ones are among them
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("overview (-entries +cache):\n%s", diff)
	}
}

// Lists name the batches that a person has to look at first, however many there are.
func TestOverviewNamesFew(t *testing.T) {
	b := overview.NewBuilder(noon)
	permanent, transient := true, false
	for n := range 20 * overview.MostNamed {
		e := &manifest.Entry{Kind: "email-find", BatchID: fmt.Sprintf("b%04d", n), State: manifest.StateFailed, Permanent: &transient, Error: "why", UpdatedAt: noon.Add(time.Duration(n) * time.Second)}
		if n == 7 {
			e.Permanent = &permanent
		}
		b.Add(manifest.Known{Table: &schema.EmailFind, BatchID: e.BatchID, Entry: e})
	}
	o := b.Overview()
	if len(o.Failed) != overview.MostNamed || o.Failed[0].BatchID != "b0007" || o.Failed[1].BatchID != fmt.Sprintf("b%04d", 20*overview.MostNamed-1) {
		t.Errorf("%d named, the first %+v", len(o.Failed), o.Failed[:2])
	}
	if o.Kinds[0].Failed != 20*overview.MostNamed-1 || o.Kinds[0].NeedAttention != 1 {
		t.Errorf("counts %+v", o.Kinds[0])
	}
}

// A clock that was a little ahead makes no export of the future. One that was far ahead does
// not hide how old the last export is.
func TestOverviewOfTheFuture(t *testing.T) {
	store := sinks.NewMemory()
	expect := func(want time.Time) {
		t.Helper()
		o, err := overview.Of(t.Context(), store, schema.Tables(), noon)
		if err != nil || !o.LastExport.Equal(want) {
			t.Errorf("last export %v, want %v, error %v", o.LastExport, want, err)
		}
	}
	put(t, store, &schema.EmailFind, "a", noon.Add(10000*time.Hour), exported(1, 1, `{}`))
	expect(time.Time{})
	put(t, store, &schema.EmailFind, "b", noon.Add(-3*time.Hour), exported(1, 1, `{}`))
	expect(noon.Add(-3 * time.Hour))
	put(t, store, &schema.EmailFind, "c", noon.Add(time.Minute), exported(1, 1, `{}`))
	expect(noon)
}

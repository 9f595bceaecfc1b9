package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// counted is a Store that counts its operations, a listing once for every
// thousand objects, as a bucket does.
type counted struct {
	sinks.Store
	mu  sync.Mutex
	ops map[string]int
}

func counting(store sinks.Store) *counted { return &counted{Store: store, ops: make(map[string]int)} }

func (c *counted) add(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops[op]++
}

// taken returns the operations since the last call.
func (c *counted) taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	ops := c.ops
	c.ops = make(map[string]int)
	return ops
}

func (c *counted) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	c.add("put")
	return c.Store.Put(ctx, name, data, cond)
}

func (c *counted) PutNoted(ctx context.Context, name string, data []byte, note string, cond sinks.Condition) (sinks.Info, error) {
	if n, ok := c.Store.(sinks.Noter); ok {
		c.add("put")
		return n.PutNoted(ctx, name, data, note, cond)
	}
	return c.Put(ctx, name, data, cond)
}

func (c *counted) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	c.add("get")
	return c.Store.Get(ctx, name)
}

func (c *counted) Stat(ctx context.Context, name string) (sinks.Info, error) {
	c.add("stat")
	return c.Store.Stat(ctx, name)
}

func (c *counted) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	c.add("delete")
	return c.Store.Delete(ctx, name, cond)
}

func (c *counted) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		n := 0
		for info, err := range c.Store.List(ctx, prefix) {
			if n%1000 == 0 {
				c.add("list")
			}
			if n++; !yield(info, err) {
				return
			}
		}
		if n == 0 {
			c.add("list")
		}
	}
}

// manyIDs returns ids of which no listing is in the order given.
func manyIDs(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%x-%d", i*7919%4099, i))
	}
	return ids
}

// many exports that many batches of one row, to be counted afterwards.
func many(t *testing.T, store sinks.Store, n int, formats ...string) (*counted, Config, []string) {
	t.Helper()
	c, source, ids := counting(store), newAnswers(), manyIDs(n)
	for _, id := range ids {
		source.set(id, finished(id, "x", 1))
	}
	cfg := config(t, source, c, formats...)
	if _, s, err := runAll(t.Context(), t, cfg, ids...); err != nil || s.Exported != n {
		t.Fatalf("%+v, error %v", s, err)
	}
	c.taken()
	return c, cfg, ids
}

// Where a store keeps notes, a run over batches that are done makes a request for
// a thousand objects, a plan and a search for pending ones the same; and what is
// told of each batch is what the entry tells.
func TestDoneBatchesTakeListingsAlone(t *testing.T) {
	const n = 3000
	c, cfg, ids := many(t, sinks.NewMemory(), n, "csv")
	want := map[string]int{"list": n/1000 + n/1000} // entries, and files
	results, s, err := runAll(t.Context(), t, cfg, ids...)
	if err != nil || s.Done != n || s.Asked != n {
		t.Fatalf("%+v, error %v", s, err)
	}
	if diff := cmp.Diff(want, c.taken()); diff != "" {
		t.Errorf("operations of a second run (-want +got):\n%s", diff)
	}
	for _, id := range ids[:50] {
		e, got := readEntry(t, c, id), results[id].Entry
		if diff := cmp.Diff(e.Files, got.Files); diff != "" || *got.Rows != *e.Rows || got.Raw != nil {
			t.Errorf("batch %s: files (-entry +result):\n%s", id, diff)
		}
	}
	c.taken()
	planned := 0
	err = Plan(t.Context(), cfg, ids, func(p Planned) {
		if p.Export || p.Err != nil || p.BatchID != ids[planned] {
			t.Errorf("plan %+v, want %s to be done", p, ids[planned])
		}
		planned++
	})
	if diff := cmp.Diff(want, c.taken()); diff != "" || err != nil || planned != n {
		t.Errorf("operations of a plan of %d, error %v (-want +got):\n%s", planned, err, diff)
	}
	pending, err := Pending(t.Context(), cfg, true)
	if diff := cmp.Diff(want, c.taken()); diff != "" || err != nil || len(pending) > 0 {
		t.Errorf("operations of the search for pending batches %v, error %v (-want +got):\n%s", pending, err, diff)
	}
}

// Elsewhere the entries are read, and the files listed all the same.
func TestDoneBatchesWithoutNotesTakeOneReadEach(t *testing.T) {
	const n = 1200
	c, cfg, ids := many(t, struct{ sinks.Store }{sinks.NewMemory()}, n, "csv", "ndjson")
	_, s, err := runAll(t.Context(), t, cfg, ids...)
	if err != nil || s.Done != n {
		t.Fatalf("%+v, error %v", s, err)
	}
	if diff := cmp.Diff(map[string]int{"list": 2 + 3, "get": n}, c.taken()); diff != "" {
		t.Errorf("operations of a second run (-want +got):\n%s", diff)
	}
}

// Among many that are done, those that are not are found on every store: other
// settings, lost and cut files, copies that are missing, entries without a note.
func TestSurveyFindsWhatIsNotDone(t *testing.T) {
	forEachStore(t, "survey", func(t *testing.T, store sinks.Store) {
		const n = listingPays + 10
		c, cfg, ids := many(t, store, n, "csv", "ndjson")
		gone, cut, unnoted, unreadable, removed := ids[3], ids[5], ids[7], ids[9], ids[11]
		removeObject(t, c, "email_find/"+gone+".csv")
		replaceObject(t, c, "email_find/"+cut+".ndjson", "cut")
		entry, _, err := c.Get(t.Context(), "_manifest/email_find/"+unnoted+".json")
		if err != nil {
			t.Fatal(err)
		}
		replaceObject(t, c, "_manifest/email_find/"+unnoted+".json", string(entry)+"\n")
		replaceObject(t, c, "_manifest/email_find/"+unreadable+".json", "{")
		removeObject(t, c, "_manifest/email_find/"+removed+".json")

		pending, err := Pending(t.Context(), cfg, false)
		want := []string{gone, cut, unreadable}
		slices.Sort(want)
		if diff := cmp.Diff(want, pending); diff != "" || err != nil {
			t.Errorf("pending, error %v (-want +got):\n%s", err, diff)
		}
		plans := make(map[string]string)
		if err := Plan(t.Context(), cfg, ids, func(p Planned) {
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
		results, s, err := runAll(t.Context(), t, cfg, ids...)
		if err != nil || s.Asked != n || s.Done != n-4 || s.Exported != 3 || s.Failed != 1 || s.NotTried != 0 {
			t.Errorf("%+v, error %v", s, err)
		}
		var unusable *EntryError
		if !errors.As(results[unreadable].Err, &unusable) {
			t.Errorf("batch with an unreadable entry: %v", results[unreadable].Err)
		}
		truthful(t, c, gone, cut, removed)
		withRaw := cfg
		withRaw.KeepRaw = true
		removeObject(t, c, "_manifest/email_find/"+unreadable+".json")
		for _, want := range []Summary{{Exported: n}, {Done: n}} {
			_, s, err = runAll(t.Context(), t, withRaw, ids...)
			if err != nil || s.Exported != want.Exported || s.Done != want.Done {
				t.Errorf("with copies of answers: %+v, error %v, want %+v", s, err, want)
			}
		}
	})
}

func replaceObject(t *testing.T, store sinks.Store, name, data string) {
	t.Helper()
	info, err := store.Stat(t.Context(), name)
	if err == nil {
		_, err = store.Put(t.Context(), name, []byte(data), sinks.IfVersion(info.Version))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A survey that fails costs time alone; one at an unusable destination ends the
// run.
func TestSurveyThatFails(t *testing.T) {
	const n = listingPays
	c, cfg, ids := many(t, sinks.NewMemory(), n, "csv")
	for at, what := range []string{"list _manifest/email_find/", "list email_find/"} {
		faulty := &failingList{Store: c.Store, prefix: strings.TrimPrefix(what, "list "), err: storetest.ErrInjected}
		cfg.Store = faulty
		_, s, err := runAll(t.Context(), t, cfg, ids...)
		if err != nil || s.Done != n || !faulty.failed {
			t.Errorf("%d: %s fails: %+v, error %v", at, what, s, err)
		}
		faulty.err = fmt.Errorf("%w: gone", sinks.ErrUnreachable)
		_, s, err = runAll(t.Context(), t, cfg, ids...)
		if prefix := "_manifest/email_find/"; faulty.prefix == prefix && (!errors.Is(err, sinks.ErrUnreachable) || s.NotTried == 0 || s.Done+s.NotTried != n) {
			t.Errorf("destination is gone: %+v, error %v", s, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, s, err := runAll(ctx, t, cfg, ids...); !errors.Is(err, context.Canceled) || s.NotTried != n {
		t.Errorf("cancelled: %+v, error %v", s, err)
	}
}

// failingList is a Store without notes whose listing of one prefix ends in an
// error after some objects.
type failingList struct {
	sinks.Store
	prefix string
	err    error
	failed bool
}

func (s *failingList) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		n := 0
		for info, err := range s.Store.List(ctx, prefix) {
			if n++; n == 10 && prefix == s.prefix {
				s.failed = true
				yield(sinks.Info{}, s.err)
				return
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// A listing of the files that is older than the listing of the entries, or the
// other way round, makes no batch look done that is not.
func TestSurveyBesideOtherRuns(t *testing.T) {
	const n = listingPays
	_, cfg, ids := many(t, sinks.NewMemory(), n, "csv")
	base := cfg.Store.(*counted).Store
	other, source := ids[n/2], newAnswers()
	source.set(other, finished(other, "longer than before", 2))
	again := config(t, source, base, "csv")
	again.Force = true
	var once sync.Once
	cfg.Store = &intruded{Faulty: storetest.Faulty{Store: base}, watch: func() {
		once.Do(func() { export(t, again, other, Exported) })
	}}
	if _, s, err := runAll(t.Context(), t, cfg, ids...); err != nil || s.Done != n {
		t.Errorf("%+v, error %v", s, err)
	}
	truthful(t, base, other)
	if e := readEntry(t, base, other); e.Source.SHA256 != hexSum(finished(other, "longer than before", 2)) {
		t.Errorf("entry %+v", e)
	}
}

// What a run leaves that fails at any operation of a survey among many others is
// made good by the next.
func TestFaultsWhileSurveying(t *testing.T) {
	const n = listingPays
	_, cfg, ids := many(t, sinks.NewMemory(), n, "csv")
	base := cfg.Store.(*counted).Store
	removeObject(t, base, "email_find/"+ids[0]+".csv")
	for at := 1; ; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		faulty := &storetest.Faulty{Store: base, At: at, Mode: storetest.Mode(at % 2), Cancel: cancel}
		cfg.Store = faulty
		_, s, err := runAll(ctx, t, cfg, ids...)
		cancel()
		if err != nil || s.Done+s.Exported+s.Failed != n || s.Failed > 1 {
			t.Errorf("operation %d of %v: %+v, error %v", at, faulty.Ops(), s, err)
		}
		truthfulOf(t, base, true, ids[0])
		if !faulty.Fired() {
			return
		}
	}
}

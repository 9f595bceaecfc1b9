package manifest

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// ListingPays is the number of batches from which on one listing is cheaper than a
// look at each batch.
const ListingPays = 50

// Listed is an entry as a listing shows it: none of it was read.
type Listed struct {
	BatchID string
	m       *Manifest
	version string   // of the entry's object, empty where a listing does not show it
	cached  *segment // that may tell of the entry, nil if there is none
}

// List yields all entries, in the order of the ids. Objects that are no entries are
// passed over. An error is the last that is yielded.
func (m Manifest) List(ctx context.Context) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		cache := m.segments(ctx)
		for info, err := range m.Store.List(ctx, m.prefix()) {
			if err != nil {
				yield(Listed{}, fmt.Errorf("list manifest: %w", err))
				return
			}
			if id, ok := m.idOf(info.Name); ok && !yield(Listed{id, &m, info.Version, covering(cache, id)}, nil) {
				return
			}
		}
	}
}

// find returns the entries of the batches, by id, from one listing.
func (m Manifest) find(ctx context.Context, ids []string) (map[string]Listed, error) {
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	found := make(map[string]Listed)
	for l, err := range m.List(ctx) {
		if err != nil {
			return nil, err
		}
		if wanted[l.BatchID] {
			found[l.BatchID] = l
		}
	}
	return found, nil
}

// Cached returns the summary that the cache has of this version of the entry. If there is
// more to the entry than a summary has, only State, Permanent and Dismissed are set. It is nil
// when the cache does not know this version.
func (l Listed) Cached(ctx context.Context) (e *Entry, more bool) {
	if known := l.line(ctx); known.version == l.version {
		return l.m.ofNote(l.BatchID, known.note)
	}
	return nil, false
}

// line returns what the cache has of the entry, in whichever version.
func (l Listed) line(ctx context.Context) line {
	if l.cached == nil {
		return line{}
	}
	return l.m.read(ctx, l.cached)[l.BatchID]
}

// Read reads the whole entry, nil when it has just gone.
func (l Listed) Read(ctx context.Context) (*Entry, error) {
	e, cond, err := l.m.Read(ctx, l.BatchID)
	if l.m.Cache != nil && l.line(ctx).version != cond.Version() {
		l.m.Cache.learn(ctx, *l.m, e, cond.Version())
	}
	return e, err
}

// Known is what the manifest of a table knows of one batch.
type Known struct {
	Table   *schema.Table
	BatchID string
	// Entry is nil when there is none, and when it cannot be used.
	Entry *Entry
	// Err is why it cannot be used: an *EntryError.
	Err error
}

// learn finds out what the manifest knows of a batch.
type learn func(ctx context.Context, l Listed) (*Entry, error)

// whole reads the entry.
func whole(ctx context.Context, l Listed) (*Entry, error) { return l.Read(ctx) }

// cached is satisfied with what the cache says, if that tells enough.
func cached(ctx context.Context, l Listed) (*Entry, error) {
	if e, more := l.Cached(ctx); e != nil && !more {
		return e, nil
	}
	return l.Read(ctx)
}

// Entries yields all that the manifests of the tables know, in the order of the
// tables and then of the ids. An error is the last that is yielded.
func Entries(ctx context.Context, store sinks.Store, tables []*schema.Table) iter.Seq2[Known, error] {
	return all(ctx, store, tables, whole)
}

// Summaries is Entries with less in an entry about which all is well: Batch, Source,
// ContentSHA256, ToolVersion and Schema.Columns may be missing. Where
// the store has a cache that takes a thousandth of the requests.
func Summaries(ctx context.Context, store sinks.Store, tables []*schema.Table) iter.Seq2[Known, error] {
	return all(ctx, store, tables, cached)
}

// EntriesOf yields what the manifests of the tables know of each batch, in the order
// of the ids: a batch that several tables know once for each, a batch that none
// knows once, with the first table. An error is the last that is yielded.
func EntriesOf(ctx context.Context, store sinks.Store, tables []*schema.Table, ids []string) iter.Seq2[Known, error] {
	return some(ctx, store, tables, ids, whole)
}

// SummariesOf is to EntriesOf as Summaries is to Entries.
func SummariesOf(ctx context.Context, store sinks.Store, tables []*schema.Table, ids []string) iter.Seq2[Known, error] {
	return some(ctx, store, tables, ids, cached)
}

func all(ctx context.Context, store sinks.Store, tables []*schema.Table, learn learn) iter.Seq2[Known, error] {
	type job struct {
		Listed
		err error // of the listing
	}
	jobs := func(ctx context.Context, yield func(job) bool) {
		for _, table := range tables {
			for l, err := range (Manifest{Store: store, Table: table}).List(ctx) {
				if !yield(job{l, err}) || err != nil {
					return
				}
			}
		}
	}
	return each(sinks.InOrder(ctx, store.Traits().Operations, jobs, func(ctx context.Context, j job) ([]Known, error) {
		if j.err != nil {
			return nil, j.err
		}
		k, err := known(ctx, j.Listed, learn)
		if err != nil || k.Entry == nil && k.Err == nil { // it has just gone
			return nil, err
		}
		return []Known{k}, nil
	}))
}

func some(ctx context.Context, store sinks.Store, tables []*schema.Table, ids []string, learn learn) iter.Seq2[Known, error] {
	return func(yield func(Known, error) bool) {
		ids = schema.DistinctIDs(ids)
		var found []map[string]Listed // for each table; nil for few ids
		if len(ids) >= ListingPays {
			for _, table := range tables {
				listed, err := Manifest{Store: store, Table: table}.find(ctx, ids)
				if err != nil {
					yield(Known{}, err)
					return
				}
				found = append(found, listed)
			}
		}
		jobs := func(_ context.Context, yield func(string) bool) {
			for _, id := range ids {
				if !yield(id) {
					return
				}
			}
		}
		each(sinks.InOrder(ctx, store.Traits().Operations, jobs, func(ctx context.Context, id string) (all []Known, err error) {
			for i, table := range tables {
				l := Listed{BatchID: id, m: &Manifest{Store: store, Table: table}}
				if found != nil {
					var ok bool
					if l, ok = found[i][id]; !ok {
						continue
					}
				}
				k, err := known(ctx, l, learn)
				if err != nil {
					return nil, err
				}
				if k.Entry != nil || k.Err != nil {
					all = append(all, k)
				}
			}
			if all == nil {
				all = []Known{{Table: tables[0], BatchID: id}}
			}
			return all, nil
		}))(yield)
	}
}

// known calls learn. An entry that cannot be used goes into Known.Err. An error of the
// store is returned.
func known(ctx context.Context, l Listed, learn learn) (Known, error) {
	e, err := learn(ctx, l)
	k := Known{Table: l.m.Table, BatchID: l.BatchID, Entry: e}
	if unusable := (*EntryError)(nil); errors.As(err, &unusable) {
		k.Err = unusable
		return k, nil
	}
	return k, err
}

// each yields each element of the slices.
func each[E any](slices iter.Seq2[[]E, error]) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		for all, err := range slices {
			if err != nil {
				var none E
				yield(none, err)
				return
			}
			for _, e := range all {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// Known is what the manifest of a table knows of one batch.
type Known struct {
	Table   *schema.Table
	BatchID string
	// Entry is nil when there is none, and when it cannot be used.
	Entry *Entry
	// Err is why it cannot be used: an *EntryError.
	Err error
}

// Entries yields all that the manifests of the tables know, in the order of the
// tables and then of the ids. The entries are complete if whole is set; else they
// may lack what a listing does not tell of a batch about which all is well (Batch,
// Source, ContentSHA256, FirstExportedAt, ToolVersion, Schema.Columns), which is
// a thousand times fewer requests where the store keeps notes. An error is the
// last that is yielded.
func Entries(ctx context.Context, store sinks.Store, tables []*schema.Table, whole bool) iter.Seq2[Known, error] {
	entries := func(ctx context.Context, yield func(listed) bool) {
		for _, table := range tables {
			m := Manifest{Store: store, Table: table}
			for info, err := range store.List(ctx, m.prefix()) {
				if err != nil {
					yield(listed{err: fmt.Errorf("list manifest: %w", err)})
					return
				}
				if id, ok := m.idOf(info.Name); ok && !yield(listed{m: m, id: id, info: info}) {
					return
				}
			}
		}
	}
	return flatten(inOrder(ctx, entries, func(ctx context.Context, l listed) ([]Known, error) {
		if l.err != nil {
			return nil, l.err
		}
		k, err := l.known(ctx, whole)
		if err != nil || k.Entry == nil && k.Err == nil { // it has just gone
			return nil, err
		}
		return []Known{k}, nil
	}))
}

// EntriesOf yields what the manifests of the tables know of each batch, in the
// order of the ids: for one that several know as many times, for one that none
// knows once, with the first table. whole is that of Entries.
func EntriesOf(ctx context.Context, store sinks.Store, tables []*schema.Table, ids []string, whole bool) iter.Seq2[Known, error] {
	return func(yield func(Known, error) bool) {
		ids = distinct(ids)
		found, err := listedOf(ctx, store, tables, ids)
		if err != nil {
			yield(Known{}, err)
			return
		}
		each := func(_ context.Context, yield func(string) bool) {
			for _, id := range ids {
				if !yield(id) {
					return
				}
			}
		}
		flatten(inOrder(ctx, each, func(ctx context.Context, id string) (all []Known, err error) {
			for i, table := range tables {
				l := listed{m: Manifest{Store: store, Table: table}, id: id}
				if found != nil {
					var ok bool
					if l.info, ok = found[i][id]; !ok {
						continue
					}
				}
				k, err := l.known(ctx, whole)
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

// listedOf returns what listings tell of many ids, for each table by id; nil of
// few.
func listedOf(ctx context.Context, store sinks.Store, tables []*schema.Table, ids []string) ([]map[string]sinks.Info, error) {
	if len(ids) < listingPays {
		return nil, nil
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	var found []map[string]sinks.Info
	for _, table := range tables {
		m := Manifest{Store: store, Table: table}
		entries := make(map[string]sinks.Info)
		for info, err := range store.List(ctx, m.prefix()) {
			if err != nil {
				return nil, fmt.Errorf("list manifest: %w", err)
			}
			if id, ok := m.idOf(info.Name); ok && wanted[id] {
				entries[id] = sinks.Info{Note: info.Note, CRC32C: info.CRC32C}
			}
		}
		found = append(found, entries)
	}
	return found, nil
}

// listed is an entry that a listing has met, or a batch that may have one.
type listed struct {
	m    Manifest
	id   string
	info sinks.Info
	err  error // of the listing
}

// known returns what the note tells of the entry, if that is enough, or reads it.
func (l listed) known(ctx context.Context, whole bool) (Known, error) {
	k := Known{Table: l.m.Table, BatchID: l.id}
	if !whole {
		if e, more := l.m.ofNote(l.id, l.info); e != nil && !more {
			k.Entry = e
			return k, nil
		}
	}
	var unusable *EntryError
	e, _, err := l.m.Read(ctx, l.id)
	switch {
	case errors.As(err, &unusable):
		k.Err = unusable
	case err != nil:
		return k, err
	}
	k.Entry = e
	return k, nil
}

// inOrder calls do for each job that jobs yields, some at a time, and yields what it returns in
// the order of the jobs. It stops after yielding an error, and when it returns no
// call is under way any more.
func inOrder[J, R any](ctx context.Context, jobs func(context.Context, func(J) bool), do func(context.Context, J) (R, error)) iter.Seq2[R, error] {
	type outcome struct {
		result R
		err    error
	}
	return func(yield func(R, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		queue := make(chan chan outcome, readAtOnce)
		defer func() {
			cancel()
			for pending := range queue {
				<-pending
			}
		}()
		go func() {
			defer close(queue)
			jobs(ctx, func(job J) bool {
				pending := make(chan outcome, 1)
				queue <- pending
				if ctx.Err() != nil {
					pending <- outcome{err: ctx.Err()}
					return false
				}
				go func() {
					result, err := do(ctx, job)
					pending <- outcome{result, err}
				}()
				return true
			})
		}()
		for pending := range queue {
			o := <-pending
			if !yield(o.result, o.err) || o.err != nil {
				return
			}
		}
	}
}

// flatten yields each element of the slices.
func flatten[E any](slices iter.Seq2[[]E, error]) iter.Seq2[E, error] {
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

package export

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// surveyed is what a survey has found out about one batch that has an entry.
type surveyed struct {
	id    string
	entry *manifest.Entry // a summary; nothing but the state of a batch that is given up
	// reason is why the batch is not done, empty when it is.
	reason string
	// err is why that is not known: an *EntryError, or an error of the store.
	err error
}

// survey finds out which of many batches are done. It takes one request for each
// thousand batches: the versions of the entries come from one listing, the lengths of the
// files from another, made at the same time. Only entries of which the cache does not
// tell enough are read. A folder has no cache, so all of its entries are read.
//
// It yields each batch that has an entry and is wanted. An error is the last that is
// yielded: the survey is incomplete. A run that is to stop ends it early. wanted is
// called from another goroutine.
//
// A listing may be out of date. That does no harm: a survey causes no write. If another
// run changes a batch meanwhile, this run reads the batch again before it acts. The
// cache is believed of the very version that was listed. If a file was listed before its entry was
// written, its length differs, or the file is looked at.
func (s *settings) survey(ctx context.Context, wanted func(id string) bool) iter.Seq2[surveyed, error] {
	return func(yield func(surveyed, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		listings := s.listFiles(ctx)
		defer listings.Wait()
		defer cancel()
		var failure error // of the listing of entries
		entries := func(ctx context.Context, yield func(manifest.Listed) bool) {
			for l, err := range s.manifest.List(ctx) {
				if err != nil {
					failure = err
				}
				if err != nil || s.stopped() || wanted(l.BatchID) && !yield(l) {
					return
				}
			}
		}
		for f, err := range sinks.InOrder(ctx, s.Store.Traits().Operations, entries, s.look) {
			if err != nil {
				break // of ctx
			}
			if (f.entry != nil || f.err != nil) && !yield(f, nil) { // else it has just gone
				return
			}
		}
		if err := cmp.Or(ctx.Err(), failure); err != nil {
			yield(surveyed{}, err)
		}
	}
}

// listFiles starts the listings of files. Looks at their lengths wait for them.
func (s *settings) listFiles(ctx context.Context) *sync.WaitGroup {
	listings := new(sync.WaitGroup)
	list := func(sizes *manifest.Sizes) {
		listings.Go(func() {
			if err := sizes.List(ctx); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "files could not be listed, and are checked one by one", "error", err)
			}
		})
	}
	list(s.sizes)
	if s.KeepRaw {
		list(s.raws)
	}
	return listings
}

// look finds out whether a batch is done. An error concerns the batch, so it goes into
// the result.
func (s *settings) look(ctx context.Context, l manifest.Listed) (f surveyed, _ error) {
	f.id = l.BatchID
	var more bool
	if f.entry, more = l.Cached(ctx); f.entry == nil || more && (f.entry.State == manifest.StateExported || !f.entry.IsPermanent()) {
		f.entry, f.err = l.Read(ctx)
	}
	if f.entry != nil {
		f.reason, f.err = s.whyNotDone(ctx, f.id, f.entry)
	}
	return f, nil
}

// endsRun returns the error of a survey if it ends the run. Any other costs no more
// than time: what a survey has not found is looked at one by one.
func (s *settings) endsRun(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, sinks.ErrUnreachable):
		return asFailure(err, "")
	case err != nil:
		s.Log.WarnContext(ctx, "manifest could not be listed, and its entries are read one by one", "error", err)
	}
	return nil
}

// stopped reports whether Stop is closed.
func (c *Config) stopped() bool {
	select {
	case <-c.Stop:
		return true
	default:
		return false
	}
}

// skip reports the batches that are done as far as a survey tells, if there are so
// many that one pays, and returns the others, in their order.
func (r *run) skip(ctx context.Context, all share) ([]string, error) {
	x, ids := all.exporter, all.ids
	if r.Force || len(ids) < manifest.ListingPays {
		return ids, nil
	}
	// A few bytes for each id: there may be a million.
	order := make([]int32, len(ids))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(ids[a], ids[b]) })
	find := func(id string) (int, bool) {
		return slices.BinarySearchFunc(order, id, func(i int32, id string) int { return strings.Compare(ids[i], id) })
	}
	done := make([]bool, len(ids))
	wanted := func(id string) bool { _, ok := find(id); return ok }
	for f, err := range x.survey(ctx, wanted) {
		if err != nil {
			if err = x.endsRun(ctx, err); err != nil {
				return nil, err
			}
			break
		}
		// A batch whose superseded files are still there is finished by the run.
		if f.err == nil && f.reason == "" && len(f.entry.Superseded) == 0 {
			at, _ := find(f.id)
			done[order[at]] = true
			r.collect(Result{Kind: x.Table.Kind, BatchID: f.id, Outcome: Done, Entry: f.entry, Finished: -1, Requested: -1})
		}
	}
	var rest []string
	for i, id := range ids {
		if !done[i] {
			rest = append(rest, id)
		}
	}
	return rest, nil
}

package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"enrow-export/sinks"
)

// finding is what a survey has found out about one batch that has an entry.
type finding struct {
	id    string
	entry *Entry // at least its essence; nothing but the state when it is not exported
	// reason is that of undone, empty when the batch is done.
	reason string
	// err is why that is not known: an *EntryError, or an error of the store.
	err error
}

// survey finds out which of many batches are done, at a request for a thousand of
// them: what was recorded comes from the notes that a listing of the entries has,
// and the lengths of the files from a listing of those, made at the same time.
// Only entries without a note that tells enough are read, some at a time; in a
// folder, which keeps no notes, that is all of them.
//
// wanted and found are called from one goroutine at a time, found in no particular
// order with each batch that has an entry and is wanted. The error is one that left the survey
// incomplete. A run that is to stop ends it early.
//
// A listing is older than what is done with it, and that does no harm. Nothing is
// written because of a finding. A batch that another run changes meanwhile was
// done a moment ago, or is found not to be, and is then looked at again before
// anything is done about it. An entry and its note are of one writing; a file
// that was listed before its entry was written has another length or is looked
// at.
func (x *exporter) survey(ctx context.Context, wanted func(id string) bool, found func(finding)) error {
	listings, lctx := errgroup.WithContext(ctx)
	lctx, cancel := context.WithCancel(lctx)
	defer func() { _ = listings.Wait() }() // it has only told what it lacks
	defer cancel()
	for _, s := range []*sizes{x.sizes, x.raws} {
		if s == x.raws && !x.KeepRaw {
			continue
		}
		listings.Go(func() error {
			if err := s.list(lctx); err != nil && lctx.Err() == nil {
				x.Log.WarnContext(ctx, "files could not be listed and are looked at one by one", "error", err)
			}
			return nil
		})
	}

	var mu sync.Mutex
	isWanted := func(id string) bool {
		mu.Lock()
		defer mu.Unlock()
		return wanted(id)
	}
	judge := func(f finding) {
		if f.err == nil {
			f.reason, f.err = x.undone(lctx, f.id, f.entry)
		}
		mu.Lock()
		defer mu.Unlock()
		found(f)
	}
	reads, rctx := errgroup.WithContext(lctx)
	reads.SetLimit(readAtOnce)
	for info, err := range x.Store.List(rctx, x.manifest.prefix()) {
		if err != nil {
			_ = reads.Wait()
			return err
		}
		id, ok := x.manifest.idOf(info.Name)
		if x.stopped() {
			break
		}
		if !ok || !isWanted(id) {
			continue
		}
		if e, more := x.manifest.ofNote(id, info); e != nil && (!more || e.State != StateExported) {
			judge(finding{id: id, entry: e})
			continue
		}
		reads.Go(func() error {
			e, _, err := x.manifest.Read(rctx, id)
			if e != nil || err != nil { // else it has just gone
				judge(finding{id: id, entry: e, err: err})
			}
			return nil
		})
	}
	_ = reads.Wait()
	return ctx.Err()
}

// surveyed returns the error of a survey if it ends the run. Any other costs no
// more than time: what a survey has not found is looked at one by one.
func (x *exporter) surveyed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, sinks.ErrUnreachable):
		return classify(err, "")
	case err != nil:
		x.Log.WarnContext(ctx, "manifest could not be listed, its entries are read one by one", "error", err)
	}
	return nil
}

// stopped reports whether Stop is closed.
func (x *exporter) stopped() bool {
	select {
	case <-x.Stop:
		return true
	default:
		return false
	}
}

// skip reports the batches that are done as far as a survey tells, if there are
// so many that one pays, and returns the others, in their order.
func (r *run) skip(ctx context.Context, ids []string) ([]string, error) {
	if r.Force || len(ids) < listingPays {
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
	err := r.survey(ctx, wanted, func(f finding) {
		// One whose superseded files are still there is finished by the run.
		if f.err == nil && f.reason == "" && len(f.entry.Superseded) == 0 {
			at, _ := find(f.id)
			done[order[at]] = true
			r.collect(Result{BatchID: f.id, Outcome: Done, Entry: f.entry, Finished: -1, Requested: -1})
		}
	})
	var rest []string
	for i, id := range ids {
		if !done[i] {
			rest = append(rest, id)
		}
	}
	return rest, r.surveyed(ctx, err)
}

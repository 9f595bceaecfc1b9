package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// Pending returns the ids of all batches that the manifest knows and that are
// neither done under the settings of cfg nor, unless retryFailed is set,
// permanently failed; in the order of the ids. A batch whose entry cannot be used
// is among them, so that Run reports why. No Source is needed.
func Pending(ctx context.Context, cfg Config, retryFailed bool) ([]string, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	x := newExporter(cfg, nil)
	x.sizes = newSizes(cfg.Store, cfg.Layout.Prefix(cfg.Table), -1)
	x.raws = newSizes(cfg.Store, RawPrefix(cfg.Table), -1)
	var ids []string
	var failure error
	all := func(string) bool { return failure == nil }
	err := x.survey(ctx, all, func(f finding) {
		var unusable *EntryError
		switch {
		case errors.As(f.err, &unusable):
		case f.err != nil:
			failure = f.err
			return
		case f.reason == "" && len(f.entry.Superseded) == 0,
			f.entry.State == StateFailed && f.entry.Permanent != nil && *f.entry.Permanent && !retryFailed:
			return
		}
		ids = append(ids, f.id)
	})
	if err == nil {
		err = failure
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, classify(fmt.Errorf("look for pending batches: %w", err), "")
	}
	slices.Sort(ids)
	return ids, nil
}

// EnqueueConfig says where ids are recorded. Table and Store must be set.
type EnqueueConfig struct {
	Table       *schema.Table
	Store       sinks.Store
	Log         *slog.Logger
	Now         func() time.Time
	ToolVersion string
}

// Enqueued is what became of one id that was to be recorded.
type Enqueued struct {
	BatchID string
	// New says that there was no entry: there is one now, and it is pending.
	New bool
	// Err is why that is not known: an *Error.
	Err error
}

// Enqueue records batches as pending that the manifest does not know yet, and
// calls report with each, from one goroutine at a time, in no particular order.
// What has an entry stays as it is, whatever that says. An id given twice is
// recorded once. One whose entry cannot be used has failed: it would never be
// exported. The error is one that ends it all: an *Error of class Fatal, or the
// cause of ctx.
func Enqueue(ctx context.Context, cfg EnqueueConfig, ids []string, report func(Enqueued)) error {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	x := &exporter{
		Config:   Config{Table: cfg.Table, Store: cfg.Store, Log: cfg.Log, Now: cfg.Now, ToolVersion: cfg.ToolVersion},
		manifest: Manifest{Store: cfg.Store, Table: cfg.Table},
	}
	ids = distinct(ids)
	if err := checkNotCompacted(ctx, cfg.Store, "enqueue"); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if failure := classify(err, ""); failure.Class == Fatal {
			return failure
		}
		cfg.Log.WarnContext(ctx, "could not look whether the destination is a compacted root", "error", err)
	}
	known, err := x.knownOf(ctx, ids)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	writes, wctx := errgroup.WithContext(ctx)
	writes.SetLimit(readAtOnce)
	for _, id := range ids {
		if wctx.Err() != nil {
			break
		}
		writes.Go(func() error {
			result := Enqueued{BatchID: id}
			if !known[id].usable {
				isNew, err := x.enqueue(wctx, id, known[id].listed)
				if wctx.Err() != nil {
					return wctx.Err()
				}
				result.New = isNew
				if err != nil {
					failure := classify(err, id)
					if failure.Class == Fatal {
						return failure
					}
					result.Err = failure
				}
			}
			mu.Lock()
			defer mu.Unlock()
			report(result)
			return nil
		})
	}
	err = writes.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// entryListed is what a listing tells of the entry of a batch.
type entryListed struct {
	listed bool // there is one
	usable bool // so its note says
}

// knownOf returns those of many ids that have an entry, as far as a listing
// tells; none of few.
func (x *exporter) knownOf(ctx context.Context, ids []string) (map[string]entryListed, error) {
	if len(ids) < listingPays {
		return nil, nil
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	known := make(map[string]entryListed)
	for info, err := range x.Store.List(ctx, x.manifest.prefix()) {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, classify(fmt.Errorf("list manifest: %w", err), "")
		}
		if id, ok := x.manifest.idOf(info.Name); ok && wanted[id] {
			noted, _ := x.manifest.ofNote(id, info)
			known[id] = entryListed{listed: true, usable: noted != nil}
		}
	}
	return known, nil
}

// enqueue writes the entry of a batch that has none, and reports whether it had
// none. To be overtaken is as good: then somebody else has written one. An entry
// that is there has to be one that can be used, an *EntryError says that it is not.
func (x *exporter) enqueue(ctx context.Context, id string, listed bool) (isNew bool, err error) {
	if listed {
		if e, _, err := x.manifest.Read(ctx, id); e != nil || err != nil {
			return false, err
		}
	}
	_, err = x.manifest.write(ctx, x.next(nil, id), sinks.IfAbsent())
	if _, lost := conflict(err); lost {
		x.Log.DebugContext(ctx, "batch has an entry already", logBatch, id)
		_, _, err = x.manifest.Read(ctx, id)
		return false, err
	}
	if err != nil {
		return false, fmt.Errorf("record as pending: %w", err)
	}
	return true, nil
}

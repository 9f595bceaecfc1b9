package export

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// EnqueueConfig says where Enqueue and Dismiss change entries. Table and Store must be
// set.
type EnqueueConfig struct {
	Table       *schema.Table
	Store       sinks.Store
	Log         *slog.Logger
	Now         func() time.Time
	ToolVersion string
}

// Recorded is the outcome of Enqueue or Dismiss for one batch.
type Recorded struct {
	BatchID string
	// New says that it is recorded now, and was not before.
	New bool
	// Err is why it is not recorded, or why that is not known: a *pipeline.Error.
	Err error
}

// Enqueue records batches as pending that the manifest does not know yet, or of which
// Dismiss has recorded that they need no attention, and calls report with each, from one
// goroutine at a time, in no particular order. Any other entry stays as it is. An id
// given twice is recorded once.
// A batch whose entry cannot be used is reported as a failure: it would never be
// exported. The error is one that ends it all: a *pipeline.Error, or the cause of ctx.
func Enqueue(ctx context.Context, cfg EnqueueConfig, ids []string, report func(Recorded)) error {
	m, err := cfg.open(ctx, "enqueue")
	if err != nil {
		return err
	}
	ids = schema.DistinctIDs(ids)
	known, err := listed(ctx, m, ids)
	if err != nil {
		return err
	}
	return cfg.each(ctx, m, ids, "enqueue", func(ctx context.Context, id string) (bool, error) {
		return enqueue(ctx, m, id, known[id])
	}, report)
}

// open returns the manifest for an operation that changes its entries.
func (cfg *EnqueueConfig) open(ctx context.Context, op string) (manifest.Manifest, error) {
	cfg.Log = cmp.Or(cfg.Log, pipeline.NoLog)
	m := manifest.Manifest{Store: cfg.Store, Table: cfg.Table, ToolVersion: cfg.ToolVersion, Now: cfg.Now, Log: cfg.Log, Cache: manifest.NewCache(cfg.Store, cfg.Log)}
	if err := manifest.CheckNotCompacted(ctx, cfg.Store, op); err != nil {
		if ctx.Err() != nil {
			return m, context.Cause(ctx)
		}
		if failure := manifest.Failure(op, "", err); failure.Class == pipeline.Fatal {
			return m, failure
		}
		cfg.Log.WarnContext(ctx, "could not check whether the destination is a packed root", "error", err)
	}
	return m, nil
}

// each changes the entries of the batches, some at a time. report gets what change
// returns, the error as a *pipeline.Error. The error of each is one that ended it all.
func (cfg *EnqueueConfig) each(ctx context.Context, m manifest.Manifest, ids []string, op string, change func(ctx context.Context, id string) (bool, error), report func(Recorded)) error {
	var mu sync.Mutex
	writes, wctx := errgroup.WithContext(ctx)
	writes.SetLimit(cfg.Store.Traits().Operations)
	for _, id := range ids {
		if wctx.Err() != nil {
			break
		}
		writes.Go(func() error {
			changed, err := change(wctx, id)
			if wctx.Err() != nil {
				return wctx.Err()
			}
			if err != nil {
				failure := manifest.Failure(op, id, err)
				if failure.Class == pipeline.Fatal {
					return failure
				}
				err = failure
			}
			mu.Lock()
			defer mu.Unlock()
			report(Recorded{id, changed, err})
			return nil
		})
	}
	err := writes.Wait()
	m.Cache.Flush(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// verdict is what a listing tells of the entry of a batch.
type verdict uint8

const (
	unlisted verdict = iota
	there            // there is one
	usable           // there is one that can be used, and stays as it is
)

// listed returns what a listing tells of the batches, nothing if they are few.
func listed(ctx context.Context, m manifest.Manifest, ids []string) (map[string]verdict, error) {
	if len(ids) < manifest.ListingPays {
		return nil, nil
	}
	known := make(map[string]verdict, len(ids))
	for _, id := range ids {
		known[id] = unlisted
	}
	for l, err := range m.List(ctx) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, manifest.Failure("enqueue", "", err)
		}
		if _, asked := known[l.BatchID]; asked {
			known[l.BatchID] = there
			if e, _ := l.Cached(ctx); e != nil && !e.Dismissed {
				known[l.BatchID] = usable
			}
		}
	}
	return known, nil
}

// enqueue puts the entry of a batch that has none, and reports whether it had none. If
// another run puts one first, the result is the same. An entry that is there has to be
// one that can be used, else the error is an *EntryError.
func enqueue(ctx context.Context, m manifest.Manifest, id string, known verdict) (isNew bool, err error) {
	switch known {
	case usable:
		return false, nil
	case there:
		if e, _, err := m.Read(ctx, id); err != nil {
			return false, err
		} else if e != nil {
			return takeBack(ctx, m, e)
		}
	}
	_, err = m.Put(ctx, m.Next(nil, id), sinks.IfAbsent())
	if _, lost := sinks.Conflict(err); lost {
		m.Log.DebugContext(ctx, "batch already has an entry", pipeline.LogBatch, id)
		e, _, err := m.Read(ctx, id)
		if err != nil || e == nil { // it has just gone
			return false, err
		}
		return takeBack(ctx, m, e)
	}
	if err != nil {
		return false, fmt.Errorf("record as pending: %w", err)
	}
	return true, nil
}

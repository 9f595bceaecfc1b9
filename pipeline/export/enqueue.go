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
	// Err is why that is not known: a *pipeline.Error.
	Err error
}

// Enqueue records batches as pending that the manifest does not know yet, and calls
// report with each, from one goroutine at a time, in no particular order. An entry
// that is there stays as it is, whatever it says. An id given twice is recorded once.
// A batch whose entry cannot be used is reported as a failure: it would never be
// exported. The error is one that ends it all: a *pipeline.Error of class Fatal, or
// the cause of ctx.
func Enqueue(ctx context.Context, cfg EnqueueConfig, ids []string, report func(Enqueued)) error {
	cfg.Log = cmp.Or(cfg.Log, pipeline.NoLog)
	m := manifest.Manifest{Store: cfg.Store, Table: cfg.Table, ToolVersion: cfg.ToolVersion, Now: cfg.Now, Log: cfg.Log}
	ids = schema.DistinctIDs(ids)
	if err := manifest.CheckNotCompacted(ctx, cfg.Store, "enqueue"); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if failure := manifest.Failure("enqueue", "", err); failure.Class == pipeline.Fatal {
			return failure
		}
		cfg.Log.WarnContext(ctx, "could not look whether the destination is a compacted root", "error", err)
	}
	var found map[string]manifest.Listed // nil for few ids
	if len(ids) >= manifest.ListingPays {
		var err error
		if found, err = m.Find(ctx, ids); err != nil {
			return cmp.Or(context.Cause(ctx), error(manifest.Failure("enqueue", "", err)))
		}
	}
	var mu sync.Mutex
	writes, wctx := errgroup.WithContext(ctx)
	writes.SetLimit(sinks.LimitsOf(cfg.Store).Operations)
	for _, id := range ids {
		if wctx.Err() != nil {
			break
		}
		writes.Go(func() error {
			l, listed := found[id]
			isNew, err := enqueue(wctx, m, id, l, listed)
			if wctx.Err() != nil {
				return wctx.Err()
			}
			result := Enqueued{BatchID: id, New: isNew}
			if err != nil {
				failure := manifest.Failure("enqueue", id, err)
				if failure.Class == pipeline.Fatal {
					return failure
				}
				result.Err = failure
			}
			mu.Lock()
			defer mu.Unlock()
			report(result)
			return nil
		})
	}
	err := writes.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// enqueue puts the entry of a batch that has none, and reports whether it had none.
// To be overtaken is as good: then another run has put one. An entry that is there
// has to be one that can be used, else the error is an *EntryError. l is the entry if
// it was listed.
func enqueue(ctx context.Context, m manifest.Manifest, id string, l manifest.Listed, listed bool) (isNew bool, err error) {
	if listed {
		if noted, _ := l.Noted(); noted != nil {
			return false, nil
		}
		if e, err := l.Read(ctx); e != nil || err != nil {
			return false, err
		}
	}
	_, err = m.Put(ctx, m.Next(nil, id), sinks.IfAbsent())
	if _, lost := sinks.Conflict(err); lost {
		m.Log.DebugContext(ctx, "batch has an entry already", pipeline.LogBatch, id)
		_, _, err = m.Read(ctx, id)
		return false, err
	}
	if err != nil {
		return false, fmt.Errorf("record as pending: %w", err)
	}
	return true, nil
}

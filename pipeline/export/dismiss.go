package export

import (
	"context"
	"fmt"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// Dismiss records of permanently failed batches that they need no attention any more,
// and calls report with each, from one goroutine at a time, in no particular order. Any
// other batch is reported as a failure, and its entry stays as it is: a run still asks
// for it. The error is one that ends it all: a *pipeline.Error, or the cause of ctx.
func Dismiss(ctx context.Context, cfg EnqueueConfig, ids []string, report func(Recorded)) error {
	m, err := cfg.open(ctx, "dismiss")
	if err != nil {
		return err
	}
	return cfg.each(ctx, m, schema.DistinctIDs(ids), "dismiss", func(ctx context.Context, id string) (bool, error) {
		return dismiss(ctx, m, id)
	}, report)
}

// dismiss reports whether the batch was not dismissed before.
func dismiss(ctx context.Context, m manifest.Manifest, id string) (isNew bool, err error) {
	err = m.Retry(ctx, id, func(int) error {
		e, cond, err := m.Read(ctx, id)
		switch {
		case err != nil:
			return err
		case e == nil:
			return notDismissed(id, "it is not in the manifest", "check the id and --kind")
		case !e.IsPermanent():
			return notDismissed(id, fmt.Sprintf("it is %s, not permanently failed", e.State), "export --pending exports every batch that is not done; status lists the permanently failed batches")
		}
		if isNew = e.NeedsAttention(); !isNew {
			return nil
		}
		next := m.Next(e, id)
		next.Dismissed = true
		_, err = m.Put(ctx, next, cond)
		return err
	})
	return isNew, err
}

func notDismissed(id, why, hint string) error {
	return &pipeline.Error{Op: "dismiss", Batch: id, Class: pipeline.Transient, Err: fmt.Errorf("cannot be dismissed: %s", why), Hint: hint}
}

// takeBack makes a batch pending that was dismissed, and reports whether it was. One that
// is exported stays so: it is pending where its files are not all that is asked for. e is
// the entry that was read.
func takeBack(ctx context.Context, m manifest.Manifest, e *manifest.Entry) (taken bool, err error) {
	if !e.Dismissed {
		return false, nil
	}
	err = m.Retry(ctx, e.BatchID, func(int) error {
		e, cond, err := m.Read(ctx, e.BatchID)
		if taken = err == nil && e != nil && e.Dismissed; !taken {
			return err
		}
		next := m.Next(e, e.BatchID)
		next.Unfail()
		if next.State == manifest.StateFailed {
			at := m.Time()
			next.State, next.RecordedAt = manifest.StatePending, &at
		}
		_, err = m.Put(ctx, next, cond)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record as pending: %w", err)
	}
	return taken, nil
}

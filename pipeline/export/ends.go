// This file ends more than one batch: the whole run, or one kind whose endpoint is out.

package export

import (
	"container/heap"
	"context"
	"errors"
	"slices"
	"time"

	"enrow-export/pipeline"
)

// over says that no batch of a kind is asked for any more, and reports whether that is new.
func (q *queue) over(kind string) bool {
	if slices.Contains(q.ended, kind) {
		return false
	}
	q.ended = append(q.ended, kind)
	return true
}

// drop takes out the batches of a kind if that is over, and returns those that were
// ongoing.
func (q *queue) drop(kind string) (ongoing []due) {
	if !slices.Contains(q.ended, kind) {
		return nil
	}
	q.fresh = slices.DeleteFunc(q.fresh, func(s share) bool { return s.Table.Kind == kind })
	q.waiting = slices.DeleteFunc(q.waiting, func(d due) bool {
		if d.Table.Kind != kind {
			return false
		}
		ongoing = append(ongoing, d)
		return true
	})
	heap.Init(&q.waiting)
	return ongoing
}

// kindContext is the context of all batches of a kind.
type kindContext struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// contextsOf returns a context for each kind, which ends with ctx or alone.
func contextsOf(ctx context.Context, all []share) map[string]kindContext {
	kinds := make(map[string]kindContext)
	for _, s := range all {
		if _, known := kinds[s.Table.Kind]; !known {
			ctx, end := context.WithCancelCause(ctx)
			kinds[s.Table.Kind] = kindContext{ctx, end}
		}
	}
	return kinds
}

// drainTime is how long the batches in flight have to be finished after an answer about
// another batch has ended the run. Without it one bad batch could cut off the same good ones
// in every run.
const drainTime = 20 * time.Second

// endSoon ends the batches in flight because of an error: at once, or after drainTime. The
// function that it returns releases the timer.
func endSoon(end context.CancelCauseFunc, why error) (release func()) {
	if fatal := (*pipeline.Error)(nil); !errors.As(why, &fatal) || !fatal.OneBatch {
		end(why)
		return func() {}
	}
	timer := time.AfterFunc(drainTime, func() { end(why) })
	return func() { timer.Stop() }
}

package export

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"enrow-export/pipeline"
)

// maxPolls bounds the delay before the next poll of a slow batch, in poll intervals.
const maxPolls = 10

// due is a batch that is to be asked for, now or later. The other fields are set
// when the batch was ongoing.
type due struct {
	*exporter
	id       string
	at       time.Time     // when it is to be asked for again
	delay    time.Duration // how long that is after lookedAt
	lookedAt time.Time
	last     Result // what was seen then
}

// byDue is a heap, the next batch on top.
type byDue []due

func (t byDue) Len() int { return len(t) }

func (t byDue) Less(i, j int) bool { return t[i].at.Before(t[j].at) }

func (t byDue) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

func (t *byDue) Push(x any) { *t = append(*t, x.(due)) }

func (t *byDue) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

// share is the batches of an exporter.
type share struct {
	*exporter
	ids []string
}

// queue holds the batches that nobody works on.
type queue struct {
	fresh   []share  // not asked for yet; none is empty
	waiting byDue    // ongoing when they were
	ended   []string // kinds of which no batch is asked for any more
}

func newQueue(fresh []share) queue {
	return queue{fresh: slices.DeleteFunc(fresh, func(s share) bool { return len(s.ids) == 0 })}
}

func (q *queue) empty() bool { return len(q.fresh) == 0 && len(q.waiting) == 0 }

// wait returns how long no batch is due, zero or less when one is.
func (q *queue) wait(now time.Time) time.Duration {
	switch {
	case len(q.fresh) > 0:
		return 0
	case len(q.waiting) > 0:
		return q.waiting[0].at.Sub(now)
	}
	return math.MaxInt64
}

// next takes the batch that is due first. A batch that was not asked for yet may well
// be finished, so those come first.
func (q *queue) next() due {
	if len(q.fresh) > 0 {
		first := &q.fresh[0]
		next := due{exporter: first.exporter, id: first.ids[0]}
		if first.ids = first.ids[1:]; len(first.ids) == 0 {
			q.fresh = q.fresh[1:]
		}
		return next
	}
	return heap.Pop(&q.waiting).(due)
}

// attempt is the outcome of one request for a batch.
type attempt struct {
	due
	res Result
	err error
	// fetching says that it has ended in the fetch stage. The loop frees the slot
	// itself, because the result may end the run.
	fetching bool
}

// schedule exports the batches. With Wait it polls ongoing batches. One loop keeps the
// time of all of them: a batch that waits is an entry in a queue and holds up no other.
// The loop begins a batch when the fetch stage has a slot. The first error that ends
// the run stops the batches in flight too, at once or after drainTime. One that ends a
// kind stops those of that kind: the others are still done.
func (r *run) schedule(ctx context.Context, fresh []share) error {
	start := time.Now()
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	kinds := contextsOf(inner, fresh)
	q := newQueue(fresh)
	most := r.Concurrency + r.Encoders + r.Store.Traits().Operations
	attempts := make(chan attempt)
	inFlight, waiting, announced := 0, 0, 0
	var failure, gone error // gone has ended the batches of a kind, the first one that is ended
	for {
		over := failure != nil || ctx.Err() != nil || r.stopped()
		if n := len(q.waiting); n != waiting {
			waiting = n
			r.tellWaiting(n)
		}
		if inFlight == 0 && (over || q.empty()) {
			break
		}
		// When the run is over, only attempts can be received: the other channels are nil.
		var slot chan<- struct{}
		var alarm <-chan time.Time
		var stop, done <-chan struct{}
		if !over {
			stop, done = r.Stop, ctx.Done()
			switch wait := q.wait(time.Now()); {
			case inFlight == most:
			case wait <= 0:
				slot = r.slots.fetch
			default:
				alarm = time.After(wait)
				if inFlight == 0 && (announced == 0 || waiting <= announced/2) {
					announced = waiting
					r.Log.InfoContext(ctx, "waiting for ongoing batches", "batches", waiting, "next_look", wait.Round(time.Millisecond).String())
				}
			}
		}
		select {
		case slot <- struct{}{}:
			inFlight++
			next := q.next()
			go func(ctx context.Context) { //nolint:contextcheck // it is made of ctx: see contextsOf
				at := newPosition(r.slots)
				res, err := next.exportBatch(ctx, next.id, at)
				attempts <- attempt{next, res, err, !at.beyondFetch}
			}(kinds[next.Table.Kind].ctx)
		case a := <-attempts:
			inFlight--
			if a.fetching {
				<-r.slots.fetch
			}
			err := r.settle(ctx, &q, a, start)
			kind, alone := kinds[pipeline.KindOf(err)]
			left := false // for another run
			switch {
			case err == nil:
			case !alone:
				failure = cmp.Or(failure, err)
				defer endSoon(cancel, err)()
			default:
				gone = cmp.Or(gone, err)
				defer endSoon(kind.end, err)()
				if left = q.over(pipeline.KindOf(err)); left {
					r.summary.Ended = append(r.summary.Ended, err)
				}
			}
			for _, d := range q.drop(a.Table.Kind) {
				r.collect(d.last)
			}
			if left && !q.empty() {
				r.Log.WarnContext(ctx, "batches of this kind are left for the next run", "kind", pipeline.KindOf(err), "error", err)
			}
		case <-alarm:
		case <-stop:
		case <-done:
		}
	}
	if waiting > 0 {
		r.tellWaiting(0)
	}
	for _, d := range q.waiting {
		r.collect(d.last)
	}
	failure = cmp.Or(failure, gone)
	if ctx.Err() == nil {
		return failure
	}
	if fatal := (*pipeline.Error)(nil); errors.As(failure, &fatal) {
		return errors.Join(context.Cause(ctx), fatal) // before it was to end
	}
	return context.Cause(ctx)
}

// settle collects the result of an attempt, or puts the batch back into the queue. It
// returns an error that ends the run, or the batches of the kind that it names.
func (r *run) settle(ctx context.Context, q *queue, a attempt, start time.Time) error {
	switch {
	case errors.Is(a.err, pipeline.ErrStopped):
		if !a.lookedAt.IsZero() {
			r.collect(a.last) // it is ongoing, as far as is known
		}
	case a.err != nil:
		if !a.fetching || ctx.Err() != nil {
			r.summary.CutOff++
		}
		return a.err
	case a.res.Outcome == Ongoing && r.again(ctx, &a, start):
		heap.Push(&q.waiting, a.due)
	default:
		r.collect(a.res)
	}
	return nil
}

func (r *run) tellWaiting(n int) {
	if r.OnWaiting != nil {
		r.OnWaiting(n)
	}
}

// again sets when an ongoing batch is due again, and reports whether there is time for
// that.
func (r *run) again(ctx context.Context, a *attempt, start time.Time) bool {
	now := time.Now()
	left := time.Duration(math.MaxInt64)
	if r.WaitTimeout > 0 {
		left = r.WaitTimeout - now.Sub(start)
	}
	if !r.Wait || left <= 0 {
		return false
	}
	before := a.last
	a.last = a.res
	a.delay = nextDelay(r.PollInterval, a.delay, now.Sub(a.lookedAt), before, a.res, left)
	a.lookedAt, a.at = now, now.Add(a.delay)
	r.Log.DebugContext(ctx, "batch is still ongoing", pipeline.LogBatch, a.id,
		"finished", a.res.Finished, "requested", a.res.Requested, "next_look", a.delay.Round(time.Millisecond).String())
	return true
}

// nextDelay returns the delay before the next poll of an ongoing batch. With progress it
// is the estimated time to completion, without it twice the last delay. The delay is at
// least interval and at most maxPolls times interval. It is not more than a quarter of
// the time that is left, so that a batch that ends shortly before the end is seen. The
// last look is at the very end.
func nextDelay(interval, last, elapsed time.Duration, before, now Result, left time.Duration) time.Duration {
	estimate := float64(interval)
	switch progress := now.Finished - before.Finished; {
	case last == 0: // the first look
	case progress > 0 && before.Finished >= 0 && now.Requested >= now.Finished:
		estimate = float64(elapsed) / float64(progress) * float64(now.Requested-now.Finished)
	default:
		estimate = 2 * float64(last)
	}
	longest := max(min(float64(interval)*maxPolls, float64(left)/4), float64(interval))
	delay := time.Duration(min(max(estimate, float64(interval)), longest))
	return min(delay, left)
}

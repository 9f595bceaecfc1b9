package pipeline

import (
	"container/heap"
	"context"
	"errors"
	"log/slog"
	"math"
	"time"
)

// maxPolls is how many times the poll interval a batch that makes little
// progress is left alone, at most.
const maxPolls = 10

// turn is a batch that is to be asked for, now or later.
type turn struct {
	id string
	// Of a batch that is ongoing: when it is due again, how long that is after
	// the last look, when that was, and what it has shown.
	due      time.Time
	delay    time.Duration
	lookedAt time.Time
	last     Result
}

// byDue is a heap of turns, the next one on top.
type byDue []turn

func (t byDue) Len() int           { return len(t) }
func (t byDue) Less(i, j int) bool { return t[i].due.Before(t[j].due) }
func (t byDue) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *byDue) Push(x any)        { *t = append(*t, x.(turn)) }
func (t *byDue) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

// queue holds the batches that nobody works on.
type queue struct {
	fresh   []string // not asked for yet
	waiting byDue    // ongoing when they were
}

func (q *queue) empty() bool { return len(q.fresh) == 0 && len(q.waiting) == 0 }

// next takes a turn, if one is due. A batch that was not asked for yet may well
// be finished, so those come first.
func (q *queue) next(now time.Time) (t turn, ok bool) {
	switch {
	case len(q.fresh) > 0:
		t.id, q.fresh = q.fresh[0], q.fresh[1:]
		return t, true
	case len(q.waiting) > 0 && !q.waiting[0].due.After(now):
		return heap.Pop(&q.waiting).(turn), true
	}
	return turn{}, false
}

// alarm returns a timer for the next turn of a batch that waits, which never
// fires when there is none.
func (q *queue) alarm(now time.Time) *time.Timer {
	if len(q.waiting) == 0 {
		return time.NewTimer(math.MaxInt64)
	}
	return time.NewTimer(max(q.waiting[0].due.Sub(now), 0))
}

// look is how a turn went.
type look struct {
	turn
	res Result
	err error
	// first says that it has ended in the first stage, whose place it gives up
	// with this: what it tells may be a reason to begin no other.
	first bool
}

// all works the batches off, and asks again for those that are ongoing if it is
// to wait. One loop keeps the time of all of them: a batch that waits is an
// entry in a queue and holds up no worker. It begins a batch when there is a place
// in the first stage. The first error that ends the run stops the batches in
// flight too.
func (r *run) all(ctx context.Context, ids []string) error {
	start := time.Now()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	q := queue{fresh: ids}
	most := r.Concurrency + r.Encoders + maxPublishing
	looks, fetched := make(chan look), make(chan struct{}, most)
	inFlight, fetching, waiting := 0, 0, 0
	full := func() bool { return fetching == r.Concurrency || inFlight == most }
	var failure error
	for {
		over := failure != nil || ctx.Err() != nil || r.stopped()
		for !over && !full() {
			t, ok := q.next(time.Now())
			if !ok {
				break
			}
			inFlight++
			fetching++
			go func() {
				first := true
				res, err := r.export(inner, t.id, func() { first = false; fetched <- struct{}{} })
				looks <- look{t, res, err, first}
			}()
		}
		if n := len(q.waiting); n != waiting {
			waiting = n
			if r.OnWaiting != nil {
				r.OnWaiting(n)
			}
		}
		if inFlight == 0 && (over || q.empty()) {
			break
		}
		l, looked := r.await(ctx, &q, looks, fetched, over, full())
		for range len(fetched) {
			<-fetched
			fetching--
		}
		if !looked {
			continue
		}
		inFlight--
		if l.first {
			fetching--
		}
		switch {
		case errors.Is(l.err, ErrStopped):
			if !l.lookedAt.IsZero() {
				r.collect(l.last) // it is ongoing, as far as is known
			}
		case l.err != nil:
			if failure == nil {
				failure = l.err
			}
			cancel()
		case l.res.Outcome == StillOngoing && r.again(ctx, &l, start):
			heap.Push(&q.waiting, l.turn)
		default:
			r.collect(l.res)
		}
	}
	if waiting > 0 && r.OnWaiting != nil {
		r.OnWaiting(0)
	}
	for _, t := range q.waiting {
		r.collect(t.last)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return failure
}

// await waits until a look is over, and returns it, or until there is something
// to do or to find out. A run that is over waits for looks alone, and one whose
// first stage is full does not mind which batches are due.
func (r *run) await(ctx context.Context, q *queue, looks <-chan look, fetched chan struct{}, over, full bool) (l look, looked bool) {
	if over {
		return <-looks, true
	}
	var alarm <-chan time.Time
	if !full {
		timer := q.alarm(time.Now())
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case l := <-looks:
		return l, true
	case <-fetched:
		fetched <- struct{}{} // for the caller to count
	case <-alarm:
	case <-r.Stop:
	case <-ctx.Done():
	}
	return look{}, false
}

// again gives an ongoing batch another turn, and reports whether there is time
// for one.
func (r *run) again(ctx context.Context, l *look, start time.Time) bool {
	now := time.Now()
	left := time.Duration(math.MaxInt64)
	if r.WaitTimeout > 0 {
		left = r.WaitTimeout - now.Sub(start)
	}
	if !r.Wait || left <= 0 {
		return false
	}
	before, first := l.last, l.lookedAt.IsZero()
	l.last = l.res
	l.delay = nextDelay(r.PollInterval, l.delay, now.Sub(l.lookedAt), before, l.res, left)
	l.lookedAt, l.due = now, now.Add(l.delay)
	level := slog.LevelInfo
	if !first && before.Finished == l.res.Finished {
		level = slog.LevelDebug // no news
	}
	r.Log.Log(ctx, level, "batch is still ongoing", logBatch, l.id,
		"finished", l.res.Finished, "requested", l.res.Requested, "next_look", l.delay.Round(time.Millisecond).String())
	return true
}

// nextDelay returns how long to leave an ongoing batch alone: about as long as
// it takes to be finished, if it goes on as it did since the look before, or
// twice as long as the last time when there was no progress. It is at least
// interval and at most maxPolls times that; not more than a quarter of the time
// that is left, so that a batch that ends shortly before the end is met; and
// the last look is at the very end.
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

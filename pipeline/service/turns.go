package service

import (
	"context"
	"slices"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/runs"
)

// turns is the part of a Loop that only its own goroutine sees.
type turns struct {
	*Loop
	nextSurvey time.Time
	pauses     pauses
	backlog    []export.Work // of no kind that has a pause
}

// turn is one of the turns.
type turn struct {
	began    time.Time
	surveyed bool
	works    []export.Work
}

// delay returns how long there is nothing to do.
func (w *turns) delay(now time.Time) (d time.Duration, idle bool) {
	next := w.nextSurvey
	if len(w.backlog) > 0 {
		next = now
	}
	w.mu.Lock()
	if w.hurried {
		w.pauses.cut()
		w.hurried, w.nextSurvey, next = false, now, now
	}
	if due, ok := w.announced.due(w.pauses); ok && due.Before(next) {
		next = due
	}
	w.mu.Unlock()
	if end := w.pauses.until(allKinds); next.Before(end) {
		next = end
	}
	d = next.Sub(now)
	return d, d > 0
}

// turn makes a survey if it is time for one, and a run.
func (w *turns) turn(ctx context.Context) {
	t := turn{began: time.Now()}
	w.running(true)
	defer w.running(false)
	if t.surveyed = !t.began.Before(w.nextSurvey); t.surveyed {
		works, err := w.Survey(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.ended(t, Ran{Line: w.Failed(ctx, err), Errs: []error{err}})
			return
		}
		w.backlog = slices.DeleteFunc(works, func(work export.Work) bool {
			return len(work.IDs) == 0 || w.pauses.holds(work.Table.Kind, t.began)
		})
		w.nextSurvey = w.pauses.firstEnd(t.began, t.began.Add(w.Every))
	}
	w.mu.Lock()
	works := w.announced.take(t.began, mostOfRun, w.pauses)
	w.mu.Unlock()
	t.works = append(works, w.next(mostOfRun-count(works), works)...)
	ran := w.Export(ctx, t.works, w.pauses.heldBack(t.began))
	if ctx.Err() != nil {
		ran.Errs = nil // it is not to blame
	}
	w.ended(t, ran)
}

func (w *turns) running(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Running, w.beat = is, time.Now()
	w.state.Next, w.state.Backlog = w.nextSurvey, count(w.backlog)
	if end := w.pauses.until(allKinds); w.state.Next.Before(end) {
		w.state.Next = end
	}
}

// next takes batches from the backlog, but none that the run asks for already.
func (w *turns) next(most int, already []export.Work) (works []export.Work) {
	asked := make(map[Notice]bool)
	for _, work := range already {
		for _, id := range work.IDs {
			asked[Notice{work.Table, id}] = true
		}
	}
	for len(w.backlog) > 0 && most > 0 {
		first := &w.backlog[0]
		work := export.Work{Table: first.Table, Columns: first.Columns}
		n := min(most, len(first.IDs))
		for _, id := range first.IDs[:n] {
			if !asked[Notice{first.Table, id}] {
				work.IDs = append(work.IDs, id)
			}
		}
		if first.IDs = first.IDs[n:]; len(first.IDs) == 0 {
			w.backlog = w.backlog[1:]
		}
		most -= n
		if len(work.IDs) > 0 {
			works = append(works, work)
		}
	}
	return works
}

// ended notes how a turn ended.
func (w *turns) ended(t turn, ran Ran) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, res := range ran.Results {
		w.announced.result(res, now, w.Every)
	}
	w.announced.release(now, w.Every)
	w.state.Runs = append(w.state.Runs, ran.Line)
	if more := len(w.state.Runs) - MostRuns; more > 0 {
		w.state.Runs = append([]runs.Line(nil), w.state.Runs[more:]...)
	}
	failed := make(map[string]error)
	for _, err := range ran.Errs {
		failed[pipeline.KindOf(err)] = err
	}
	if failed[allKinds] == nil {
		w.recovered(t, failed)
	}
	for kind, err := range failed {
		w.failed(kind, err, now)
	}
	w.state.Failure, w.state.Failures = nil, 0
	if worst := w.pauses.worst(); worst != nil {
		w.state.Failure, w.state.Failures = worst.err, worst.failures
	} else if t.surveyed {
		w.state.Surveyed = now
	}
}

// recovered ends the failures that a turn shows to be over: it has asked for batches of the
// kind, or there is none left to ask for.
func (w *turns) recovered(t turn, failed map[string]error) {
	delete(w.pauses, allKinds)
	for kind := range w.pauses {
		if failed[kind] != nil || w.pauses.holds(kind, t.began) {
			continue
		}
		if has(t.works, kind) || t.surveyed && !has(w.backlog, kind) {
			delete(w.pauses, kind)
		}
	}
}

// failed begins a pause, after which there is a survey: the manifest knows what is left.
func (w *turns) failed(kind string, err error, now time.Time) {
	long := w.pauses.begin(kind, err, now, w.Every)
	w.backlog = slices.DeleteFunc(w.backlog, func(work export.Work) bool { return kind == allKinds || work.Table.Kind == kind })
	if next := now.Add(long); kind == allKinds || next.Before(w.nextSurvey) {
		w.nextSurvey = next
	}
	attrs := []any{"error", err, "pause", long}
	if kind != allKinds {
		attrs = append(attrs, "kind", kind)
	}
	if hint := pipeline.Hint(err); hint != "" {
		attrs = append(attrs, "hint", hint)
	}
	w.Log.Error("the run failed; the next one begins after a pause", attrs...)
}

// has reports whether works have batches of a kind.
func has(works []export.Work, kind string) bool {
	return slices.ContainsFunc(works, func(w export.Work) bool { return w.Table.Kind == kind })
}

// count returns the number of batches.
func count(works []export.Work) (n int) {
	for _, w := range works {
		n += len(w.IDs)
	}
	return n
}

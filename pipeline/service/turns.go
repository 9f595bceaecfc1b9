package service

import (
	"context"
	"errors"
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
	began      time.Time     // the turn
	// surveyed says that the backlog is of a survey of which no run has ended yet.
	surveyed bool
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
	now := time.Now()
	w.began = now
	w.running(true)
	defer w.running(false)
	if !now.Before(w.nextSurvey) {
		works, err := w.Survey(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.ended(Ran{Line: w.Failed(ctx, err), Err: err})
			return
		}
		w.surveyed, w.nextSurvey = true, now.Add(w.Every)
		w.backlog = slices.DeleteFunc(works, func(work export.Work) bool {
			return len(work.IDs) == 0 || w.pauses.holds(work.Table.Kind, now)
		})
	}
	w.mu.Lock()
	works := w.announced.take(now, mostOfRun, w.pauses)
	w.mu.Unlock()
	works = append(works, w.next(mostOfRun-count(works), works)...)
	ran := w.Export(ctx, works)
	if ctx.Err() != nil {
		ran.Err = nil // it is not to blame
	}
	w.ended(ran)
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

// ended notes how a run ended.
func (w *turns) ended(ran Ran) {
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
	w.recovered(ran.Err)
	if ran.Err != nil {
		w.failed(ran.Err, now)
	}
	w.state.Failure, w.state.Failures = nil, 0
	if worst := w.pauses.worst(); worst != nil {
		w.state.Failure, w.state.Failures = worst.err, worst.failures
	} else if w.surveyed {
		w.state.Surveyed = now
	}
	w.surveyed = false
}

// recovered ends the failures that a run with such an error shows to be over.
func (w *turns) recovered(err error) {
	failed := kindOf(err)
	if err != nil && failed == allKinds {
		return
	}
	delete(w.pauses, allKinds)
	for kind := range w.pauses {
		// A kind had its chance only when there was a search for its batches.
		if w.surveyed && !w.pauses.holds(kind, w.began) && (err == nil || kind != failed) {
			delete(w.pauses, kind)
		}
	}
}

// failed begins a pause, after which there is a survey: the manifest knows what is left.
func (w *turns) failed(err error, now time.Time) {
	kind := kindOf(err)
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

// kindOf returns the kind to whose batches an error is limited, empty for all.
func kindOf(err error) string {
	if failure := (*pipeline.Error)(nil); errors.As(err, &failure) {
		return failure.Kind
	}
	return ""
}

// count returns the number of batches.
func count(works []export.Work) (n int) {
	for _, w := range works {
		n += len(w.IDs)
	}
	return n
}

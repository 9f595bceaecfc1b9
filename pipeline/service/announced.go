package service

import (
	"slices"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/schema"
)

// mostUnknown bounds the announced batches that Enrow has not confirmed. Each of them costs an
// entry, and some requests until it is permanently failed.
const mostUnknown = 10_000

// announced are batches that a notice was about, while something is to be done about them.
type announced struct {
	waiting map[Notice]*look
	// order has the batches of waiting in the order of their announcement, and perhaps batches
	// that are not in waiting any more.
	order   []Notice
	unknown map[Notice]bool // new batches that Enrow has not confirmed
}

// look is when a batch is to be asked for.
type look struct {
	at    time.Time
	delay time.Duration // before at, if it is not the first look
	taken bool          // by a run whose outcome is not known yet
}

func (a *announced) len() int { return len(a.waiting) }

func (a *announced) full() bool { return len(a.unknown) >= mostUnknown }

// add has a batch asked for now. A batch that a run has taken may have been asked for before
// it was finished: it is asked for again.
func (a *announced) add(n Notice, isNew bool, now time.Time) {
	if a.waiting == nil {
		a.waiting, a.unknown = make(map[Notice]*look), make(map[Notice]bool)
	}
	if isNew && !a.full() {
		a.unknown[n] = true
	}
	if a.waiting[n] == nil {
		a.order = append(a.order, n)
	}
	a.waiting[n] = &look{at: now}
}

// due returns when the first batch is to be asked for.
func (a *announced) due(pauses pauses) (first time.Time, ok bool) {
	for n, l := range a.waiting {
		if l.taken {
			continue
		}
		at := l.at
		if end := pauses.until(n.Table.Kind); at.Before(end) {
			at = end
		}
		if !ok || at.Before(first) {
			first, ok = at, true
		}
	}
	return first, ok
}

// take returns batches that are due, and that nobody has taken, of each kind without a pause.
func (a *announced) take(now time.Time, most int, pauses pauses) (works []export.Work) {
	seen := make(map[Notice]bool, len(a.waiting))
	a.order = slices.DeleteFunc(a.order, func(n Notice) bool {
		over := a.waiting[n] == nil || seen[n]
		seen[n] = true
		return over
	})
	ids := make(map[*schema.Table][]string)
	for _, n := range a.order {
		l := a.waiting[n]
		if most == 0 {
			break
		}
		if l.taken || l.at.After(now) || pauses.holds(n.Table.Kind, now) {
			continue
		}
		l.taken = true
		ids[n.Table] = append(ids[n.Table], n.BatchID)
		most--
	}
	for _, table := range schema.Tables() {
		if len(ids[table]) > 0 {
			works = append(works, export.Work{Table: table, IDs: ids[table]})
		}
	}
	return works
}

// result notes the outcome of a batch, and whether the batch is to be asked for again before
// the next survey.
func (a *announced) result(res export.Result, now time.Time, every time.Duration) {
	table, ok := schema.TableByKind(res.Kind)
	if !ok {
		return
	}
	n := Notice{table, res.BatchID}
	if res.Outcome != export.Failed || pipeline.IsPermanent(res.Err) {
		delete(a.unknown, n)
	}
	l := a.waiting[n]
	if l == nil || !l.taken { // announced again meanwhile
		return
	}
	if res.Outcome == export.Ongoing {
		l.delay = max(2*l.delay, firstLook)
		if l.delay < every {
			l.at, l.taken = now.Add(l.delay), false
			return
		}
	}
	delete(a.waiting, n)
}

// release gives back batches that a run has taken and not tried. They are asked for after a
// pause: the next run may fail for the same reason.
func (a *announced) release(now time.Time, every time.Duration) {
	for n, l := range a.waiting {
		if !l.taken {
			continue
		}
		l.taken, l.delay = false, max(2*l.delay, firstPause)
		if l.at = now.Add(l.delay); l.delay >= every {
			delete(a.waiting, n) // the surveys have it
		}
	}
}

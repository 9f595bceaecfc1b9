package manifest

import (
	"errors"
	"time"
)

const (
	// enoughRefusals is in how many runs Enrow has to say that it does not know a
	// batch, with no other answer between, before that is permanent.
	enoughRefusals = 3
	// refusedApart is how long after the one before a refusal counts again, so that an
	// outage of an hour's part does not count as several. A single wrong time can make
	// one refusal count that should not, and no more.
	refusedApart = 30 * time.Minute
)

// Refusals count the runs in a row in which Enrow has said that it does not know a
// batch. One such answer may come from an outage.
type Refusals struct {
	Runs    int       `json:"runs"` // that count
	FirstAt time.Time `json:"first_at"`
	// LastAt is when the last one was that counts. Entries of early versions have none,
	// and counted otherwise.
	LastAt time.Time `json:"last_at,omitzero"`
}

// Add returns the refusals with one more, at that time. A nil r has none.
func (r *Refusals) Add(at time.Time) *Refusals {
	at = at.UTC().Truncate(time.Millisecond)
	if r == nil {
		return &Refusals{Runs: 1, FirstAt: at, LastAt: at}
	}
	next := *r
	if r.LastAt.IsZero() {
		next.Runs, next.LastAt = 1, r.FirstAt
	}
	switch {
	case next.LastAt.After(at): // the clock was wrong then, or is now: count on from the earlier time
		next.LastAt = at
	case at.Sub(next.LastAt) >= refusedApart:
		next.Runs, next.LastAt = next.Runs+1, at
	}
	if next.FirstAt.After(next.LastAt) {
		next.FirstAt = next.LastAt
	}
	return &next
}

// Enough reports whether the refusals are permanent.
func (r *Refusals) Enough() bool { return r != nil && r.Runs >= enoughRefusals }

// IsPermanent reports whether the entry is of a batch that Enrow will never have
// results of, as far as is known. Of an exported one it has none any more: the files are
// good, and others cannot be made.
func (e *Entry) IsPermanent() bool {
	return e.mayHaveFailed() && e.Permanent != nil && *e.Permanent
}

func (e *Entry) mayHaveFailed() bool { return e.State == StateFailed || e.State == StateExported }

// NeedsAttention reports whether somebody has to look at a batch, since no run does any
// more: it is permanently failed, and nobody has dismissed it.
func (e *Entry) NeedsAttention() bool { return e.IsPermanent() && !e.Dismissed }

// Unfail takes from an entry all that is said of a failure. The state is the caller's
// to set.
func (e *Entry) Unfail() {
	e.Permanent, e.Refusals, e.Dismissed, e.Error = nil, nil, false, ""
}

// checkFailure refuses what no entry of a failure has.
func (e *Entry) checkFailure() error {
	switch {
	case e.Dismissed && !e.IsPermanent():
		return errors.New("is dismissed, but not permanently failed")
	case e.Refusals != nil && (!e.mayHaveFailed() || e.Refusals.Runs < 1):
		return errors.New("has refusals, but is neither failed nor exported, or their number is not above zero")
	}
	return nil
}

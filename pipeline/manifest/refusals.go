package manifest

import (
	"errors"
	"time"
)

const (
	// enoughRefusals is in how many runs Enrow has to say that it does not know a
	// batch, with no other answer between, before that is permanent.
	enoughRefusals = 3
	// refusedFor is how long that has to take in all, so that an outage of an hour's
	// part does not count as several.
	refusedFor = time.Hour
)

// Refusals count the runs in a row in which Enrow has said that it does not know a
// batch. One such answer may come from an outage.
type Refusals struct {
	Runs    int       `json:"runs"`
	FirstAt time.Time `json:"first_at"`
}

// Add returns the refusals with one more, at that time. A nil r has none.
func (r *Refusals) Add(at time.Time) *Refusals {
	at = at.UTC().Truncate(time.Millisecond)
	if r == nil {
		return &Refusals{Runs: 1, FirstAt: at}
	}
	return &Refusals{Runs: r.Runs + 1, FirstAt: r.FirstAt}
}

// Enough reports whether the refusals, the last of which was at that time, are
// permanent. A clock that was set back makes that later, never earlier: the first
// refusal stays when it was.
func (r *Refusals) Enough(at time.Time) bool {
	return r != nil && r.Runs >= enoughRefusals && at.Sub(r.FirstAt) >= refusedFor
}

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

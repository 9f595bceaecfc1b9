// Package overview is a root in figures: how many batches of each kind are in which state,
// what they brought each day, what waits and what has failed. The page, the metrics and
// status --check say the same, since all of them ask here.
//
// The figures come from the manifest alone, from no data file and no request to the API. They
// take as much memory for a hundred thousand batches as for ten: sums for each kind, day and
// size, and the first few batches that somebody has to look at.
package overview

import (
	"context"
	"time"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// MostNamed is how many batches a list of an Overview names.
const MostNamed = 50

// Overview is what a root holds at one time. Days and lists are of all kinds.
type Overview struct {
	At    time.Time
	Kinds []Kind // those that have batches, in the order of schema.Tables
	Days  []Day  // on which batches were exported, the first one first
	Sizes []Size // how large the files of exported batches are, the smallest first
	// Failed are failed batches, first those that need attention, then those that failed
	// last. Waiting are the batches of States.Waiting, the oldest first. Both name MostNamed
	// at most.
	Failed, Waiting []Batch
	// LastExport is when a batch was exported last, zero when none was. It is not after At: a
	// time far ahead of it is of a wrong clock, and does not count.
	LastExport time.Time
}

// Kind is the batches of one kind.
type Kind struct {
	Kind string
	States
	Warned int // exported batches with mismatches or warnings
	Sums
	// OldestWaiting is since when the batch waits that has waited longest, zero when none
	// does. A batch waits until it is exported or permanently failed.
	OldestWaiting time.Time
}

// States counts batches by their state. Each batch counts once.
type States struct {
	Exported, Pending, Ongoing int
	// Failed are transiently failed batches, which the next run with --pending asks for
	// again. NeedAttention are those that no run asks for any more, and that nobody has
	// dismissed.
	Failed, NeedAttention, Dismissed int
	// Unreadable have an entry that cannot be used.
	Unreadable int
}

// Waiting counts the batches that a run with --pending would ask for.
func (s States) Waiting() int { return s.Pending + s.Ongoing + s.Failed }

// Total counts all batches.
func (s States) Total() int {
	return s.Exported + s.Waiting() + s.NeedAttention + s.Dismissed + s.Unreadable
}

// Sums are sums over exported batches.
type Sums struct {
	Rows int64
	// Found are rows that found what was searched for, of FoundOf rows: Enrow does not say
	// it of every batch.
	Found, FoundOf  int64
	Bytes           int64 // of data files, in all formats
	Spent, Refunded float64
}

// Day is the batches that were exported first on one day.
type Day struct {
	Date    time.Time // midnight UTC
	Batches int
	Sums
}

// Size counts batches whose data files have fewer than Below bytes, and not fewer than the
// Size before. The last one has no limit: Below is 0.
type Size struct {
	Below   int64
	Batches int
}

// Batch is one batch that a list names.
type Batch struct {
	Kind, BatchID string
	State         manifest.State
	Since         time.Time // when it was recorded, or in Failed, when it failed last
	Attempts      int
	// Error is why it failed, without personal data. It is the destination's text, which
	// anybody may have written there.
	Error         string
	NeedAttention bool // see States
}

// Of returns the overview of a root. The error is one of the store. An entry that cannot be
// used is counted.
func Of(ctx context.Context, store sinks.Store, tables []*schema.Table, now time.Time) (*Overview, error) {
	b := NewBuilder(now)
	for k, err := range manifest.Summaries(ctx, store, tables) {
		if err != nil {
			return nil, err
		}
		b.Add(k)
	}
	return b.Overview(), nil
}

// Total returns the sum of all kinds. Kind is empty.
func (o *Overview) Total() Kind {
	var all Kind
	for _, k := range o.Kinds {
		all.Exported += k.Exported
		all.Pending += k.Pending
		all.Ongoing += k.Ongoing
		all.Failed += k.Failed
		all.NeedAttention += k.NeedAttention
		all.Dismissed += k.Dismissed
		all.Unreadable += k.Unreadable
		all.Warned += k.Warned
		all.Add(k.Sums)
		all.OldestWaiting = earlier(all.OldestWaiting, k.OldestWaiting)
	}
	return all
}

// Add adds the sums of other batches.
func (s *Sums) Add(other Sums) {
	s.Rows += other.Rows
	s.Found += other.Found
	s.FoundOf += other.FoundOf
	s.Bytes += other.Bytes
	s.Spent += other.Spent
	s.Refunded += other.Refunded
}

// earlier returns the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

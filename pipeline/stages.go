package pipeline

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// The way of a batch through a run, and how many are where:
//
//	fetch    asking the API            Concurrency batches
//	encode   flatten, write, digest    Encoders batches
//	publish  putting files and entry   as many as fit into PublishBudget, by their bytes
//
// The stages wait for different things, the network, the processors and the
// store, so each has a limit of its own. A batch gives up its place in one stage
// when it has one in the next. That bounds what waits between two stages to what
// the first of them holds, and a stage that is slow holds up those before it, not
// those behind it.

// maxPublishing is how many batches are published at a time at most, however
// small their files are: what a store takes at once.
const maxPublishing = 16

// places are the places of all stages in one run. That of the first stage is
// counted by the loop that begins batches.
type places struct {
	encoding, publishing *semaphore.Weighted
	budget               int64
}

func newPlaces(encoders int, budget int64) places {
	return places{
		encoding:   semaphore.NewWeighted(int64(encoders)),
		publishing: semaphore.NewWeighted(budget),
		budget:     budget,
	}
}

// way is where one batch is, at first in the first stage.
type way struct {
	places
	leave       func() // gives up the place that the batch has
	weight      int64  // of that place
	beyondFirst bool
}

// enterEncoding waits for a place in the second stage and then leaves the first.
func (w *way) enterEncoding(ctx context.Context) error {
	return w.enter(ctx, w.encoding, 1)
}

// enterPublishing waits for a place in the last stage, for so many bytes, and
// then leaves the second.
func (w *way) enterPublishing(ctx context.Context, bytes int64) error {
	return w.enter(ctx, w.publishing, min(max(bytes, w.least()), w.budget))
}

// least is what a place in the last stage takes of the budget at least.
func (w *way) least() int64 { return w.budget / maxPublishing }

// keepLeast gives up what the place in the last stage takes beyond the least: the
// bytes are gone.
func (w *way) keepLeast() {
	w.publishing.Release(w.weight - w.least())
	w.weight = w.least()
}

// restart gives up the place, for a batch that has to be asked for once more.
// Not even one in the first stage is needed for that, so seldom it is.
func (w *way) restart() {
	w.leave()
	w.leave = func() {}
}

func (w *way) enter(ctx context.Context, stage *semaphore.Weighted, weight int64) error {
	if err := stage.Acquire(ctx, weight); err != nil {
		return context.Cause(ctx)
	}
	w.leave()
	w.beyondFirst = true
	w.weight = weight
	w.leave = func() { stage.Release(w.weight) }
	return nil
}

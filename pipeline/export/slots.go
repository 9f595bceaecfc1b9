package export

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// slots bounds how many batches each stage holds. The stages wait for different
// things, the network, the processors and the store, so each has a limit of its own.
//
// A batch gives up its slot in one stage when it has one in the next. So a batch between
// two stages counts against the first. A slow stage blocks earlier stages, never later
// ones.
type slots struct {
	fetch            chan struct{} // sending takes a slot, receiving gives it back
	encode, publish  *semaphore.Weighted
	publishBudget    int64
	leastPublication int64 // of the budget
}

// newSlots returns the slots of one run. At most operations batches are published at
// a time, however small their files are.
func newSlots(concurrency, encoders, operations int, publishBudget int64) slots {
	return slots{
		fetch:            make(chan struct{}, concurrency),
		encode:           semaphore.NewWeighted(int64(encoders)),
		publish:          semaphore.NewWeighted(publishBudget),
		publishBudget:    publishBudget,
		leastPublication: publishBudget / int64(operations),
	}
}

// position is where one batch is: at first in the fetch stage, in a slot that the
// scheduling loop has taken for it.
type position struct {
	slots
	leave       func() // gives up the slot that the batch has
	beyondFetch bool
	span        span // of the batch
}

func newPosition(s slots) *position {
	return &position{slots: s, leave: func() { <-s.fetch }}
}

// enterEncode waits for a slot in the encode stage.
func (p *position) enterEncode(ctx context.Context) error {
	return p.enter(ctx, p.encode, 1)
}

// enterPublish waits until the publish stage has room for that many bytes.
func (p *position) enterPublish(ctx context.Context, bytes int64) error {
	return p.enter(ctx, p.publish, min(max(bytes, p.leastPublication), p.publishBudget))
}

// restart frees the slot before the batch is asked for again. That is so rare that it
// takes no slot of the fetch stage.
func (p *position) restart() {
	p.leave()
	p.leave = func() {}
}

func (p *position) enter(ctx context.Context, stage *semaphore.Weighted, weight int64) error {
	if err := stage.Acquire(ctx, weight); err != nil {
		return context.Cause(ctx)
	}
	p.leave()
	p.beyondFetch = true
	p.leave = func() { stage.Release(weight) }
	return nil
}

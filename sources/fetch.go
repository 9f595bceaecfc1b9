package sources

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"enrow-export/pipeline"
	"enrow-export/schema"
)

// Attribute keys of log lines.
const (
	logBatch   = "batch"
	logAttempt = "attempt"
	logReason  = "reason"
	logDelay   = "delay"
)

// Fetch asks for the answer for one batch until it comes whole, the failure is
// one that stays, or the retries are used up.
func (c *Client) Fetch(ctx context.Context, table *schema.Table, batchID string) ([]byte, error) {
	pace := newPacer(c.backoffBase, c.backoffMax)
	var last *failure
	tries := 0
	body, err := backoff.Retry(ctx, func() ([]byte, error) {
		tries++
		var body []byte
		if body, last = c.try(ctx, table, batchID); last == nil {
			return body, nil
		}
		if !last.again || last.wait > maxWait {
			return nil, backoff.Permanent(last)
		}
		pace.demanded = last.wait
		return nil, last
	},
		backoff.WithBackOff(pace),
		backoff.WithMaxTries(uint(c.retries)+1),
		backoff.WithMaxElapsedTime(0), // tries are limited, not time
		backoff.WithNotify(func(err error, delay time.Duration) {
			c.log.InfoContext(ctx, "trying again", logBatch, batchID, logAttempt, tries, logReason, err.Error(), logDelay, delay)
		}),
	)
	switch {
	case err == nil:
		return body, nil
	case ctx.Err() != nil:
		return nil, &pipeline.Error{Op: "fetch", Batch: batchID, Class: pipeline.Transient, Err: ctx.Err()}
	}
	return nil, c.conclude(batchID, last, tries)
}

// conclude returns the error of a Fetch that the failure of its last try ended.
func (c *Client) conclude(batchID string, last *failure, tries int) *pipeline.Error {
	e := &pipeline.Error{Op: "fetch", Batch: batchID, Class: last.class, Err: last, Hint: last.hint}
	switch {
	case !last.again:
	case last.wait > maxWait:
		e.Err = fmt.Errorf("%w: it demands a wait of %s, the most is %s", last, last.wait, maxWait)
		e.Hint = "run again after that time"
	case last.unconnected && !c.reached.Load():
		e.Err = fmt.Errorf("the API was never reached: %w", last)
		e.Class, e.Hint = pipeline.Fatal, "check --api-url and the network"
	case tries > 1:
		e.Err = fmt.Errorf("gave up after %d tries: %w", tries, last)
	}
	return e
}

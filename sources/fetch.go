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
// one that stays, or the retries are used up. Time that it waits because of other
// requests of the Client, for its turn or for the end of a pause, costs no
// retries.
func (c *Client) Fetch(ctx context.Context, table *schema.Table, batchID string, buf []byte) ([]byte, error) {
	pace := newPacer(c.backoffBase, c.backoffMax)
	var last *failure
	tries, answers := 0, int64(0)
	body, err := backoff.Retry(ctx, func() ([]byte, error) {
		var allowed ticket
		var body []byte
		if allowed, last = c.throttle.admit(ctx); last == nil {
			if tries++; tries > 1 {
				c.repeated.Add(1)
			} else {
				answers = c.reach.answers.Load()
			}
			body, last = c.try(ctx, table, batchID, buf)
			c.note(ctx, allowed, last)
		}
		if last == nil {
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
	return nil, c.conclude(batchID, last, tries, answers)
}

// note tells the throttle what became of a request.
func (c *Client) note(ctx context.Context, allowed ticket, f *failure) {
	switch {
	case f == nil || !f.again:
		c.throttle.answered(allowed)
	case f.tooMany:
		if pause := c.throttle.refused(allowed, f.wait); pause > 0 {
			c.log.InfoContext(ctx, "all requests wait", logReason, f.text, logDelay, pause)
		}
	}
}

// conclude returns the error of a Fetch that the failure of its last try ended,
// and before whose first one the Client had so many answers.
func (c *Client) conclude(batchID string, last *failure, tries int, answers int64) *pipeline.Error {
	e := &pipeline.Error{Op: "fetch", Batch: batchID, Class: last.class, Err: last, Hint: last.hint}
	switch {
	case !last.again:
	case last.wait > maxWait:
		e.Err = fmt.Errorf("%w: it demands a wait of %s, the most is %s", last, last.wait, maxWait)
		e.Hint = "run again after that time"
	case last.unconnected && c.reach.answers.Load() == 0:
		e.Err = fmt.Errorf("the API was never reached: %w", last)
		e.Class, e.Hint = pipeline.Fatal, "check --api-url and the network"
	case last.unconnected && c.reach.gone(answers, last.connected):
		e.Err = fmt.Errorf("the API cannot be reached any more: %w", last)
		e.Class, e.Hint = pipeline.Fatal, "nothing that was exported is lost: check the network and run again"
	case tries > 1:
		e.Err = fmt.Errorf("gave up after %d tries: %w", tries, last)
	}
	return e
}

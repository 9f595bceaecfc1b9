package sources

import (
	"context"
	"errors"
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

const reachHint = "check --api-url and the network"

// Fetch asks for the answer for one batch until it comes whole, the failure is
// one that stays, or the retries are used up.
func (c *Client) Fetch(ctx context.Context, table *schema.Table, batchID string) ([]byte, error) {
	pace := newPacer(c.backoffBase, c.backoffMax)
	tries := 0
	body, err := backoff.Retry(ctx, func() ([]byte, error) {
		tries++
		body, f := c.try(ctx, table, batchID)
		if f == nil {
			return body, nil
		}
		if !f.again || f.wait > maxWait {
			return nil, backoff.Permanent(f)
		}
		pace.demanded = f.wait
		return nil, f
	},
		backoff.WithBackOff(pace),
		backoff.WithMaxTries(uint(c.retries)+1),
		backoff.WithMaxElapsedTime(0), // tries are limited, not time
		backoff.WithNotify(func(err error, delay time.Duration) {
			c.log.InfoContext(ctx, "trying again", logBatch, batchID, logAttempt, tries, logReason, err.Error(), logDelay, delay)
		}),
	)
	if err == nil {
		return body, nil
	}
	return nil, c.conclude(ctx, batchID, err, tries)
}

// conclude returns the error of a Fetch whose last try ended with err.
func (c *Client) conclude(ctx context.Context, batchID string, err error, tries int) error {
	failed := &pipeline.Error{Op: "fetch", Batch: batchID, Class: pipeline.Transient, Err: err}
	var f *failure
	switch {
	case ctx.Err() != nil:
		failed.Err = ctx.Err()
		return failed
	case !errors.As(err, &f):
		return failed
	}
	failed.Err, failed.Class, failed.Hint = f, f.class, f.hint
	switch {
	case !f.again:
	case f.wait > maxWait:
		failed.Err = fmt.Errorf("%w: it demands a wait of %s, the most is %s", f, f.wait, maxWait)
		failed.Hint = "run again after that time"
	case f.unconnected && !c.reached.Load():
		failed.Err = fmt.Errorf("the API was never reached: %w", f)
		failed.Class, failed.Hint = pipeline.Fatal, reachHint
	case tries > 1:
		failed.Err = fmt.Errorf("gave up after %d tries: %w", tries, f)
	}
	return failed
}

package sources

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	var heard int64 // answers that the Client had before the first try
	for tries := 1; ; tries++ {
		allowed, err := c.throttle.admit(ctx)
		if refusal := (*failure)(nil); errors.As(err, &refusal) {
			return nil, c.conclude(table, batchID, refusal, tries, heard)
		} else if err != nil {
			return nil, notAsked(batchID, err)
		}
		if tries == 1 {
			heard = c.reach.heardSoFar()
		} else {
			c.repeated.Add(1)
		}
		body, last := c.try(ctx, table, batchID, buf)
		c.note(ctx, table, allowed, last)
		switch {
		case last == nil:
			return body, nil
		case ctx.Err() != nil:
			return nil, notAsked(batchID, ctx.Err())
		case !last.again, last.wait > maxWait, tries > c.retries, c.isSilent(table, last):
			return nil, c.conclude(table, batchID, last, tries, heard)
		}
		if err := c.throttle.over(ctx); err != nil {
			return nil, notAsked(batchID, err)
		}
		pace.demanded = last.wait
		delay := pace.NextBackOff()
		c.log.InfoContext(ctx, "trying again", logBatch, batchID, logAttempt, tries, logReason, last.text, logDelay, delay)
		if err := c.throttle.sleep(ctx, delay); err != nil {
			return nil, notAsked(batchID, err)
		}
	}
}

// notAsked returns the error of a Fetch that ended because the run does, for which
// the API is not to blame.
func notAsked(batchID string, err error) *pipeline.Error {
	return &pipeline.Error{Op: "fetch", Batch: batchID, Class: pipeline.Transient, Err: err}
}

// note tells the throttle and the reach what became of a request.
func (c *Client) note(ctx context.Context, table *schema.Table, allowed ticket, f *failure) {
	if ctx.Err() == nil {
		c.reach.tried(table.Endpoint, f)
	}
	switch {
	case f == nil || !f.again:
		c.throttle.answered(allowed)
	case f.tooMany:
		if pause := c.throttle.refused(allowed, f.wait); pause > 0 {
			c.log.InfoContext(ctx, "all requests wait", logReason, f.text, logDelay, pause)
		}
	}
}

// unknownHint returns what to check when the API does not know a batch. It knows a batch
// only where batches of its kind are asked for.
func unknownHint(table *schema.Table) string {
	var others []string
	for _, t := range schema.Tables() {
		if t.Kind != table.Kind {
			others = append(others, "--kind "+t.Kind)
		}
	}
	return fmt.Sprintf("check the batch id; if the batch is not of kind %s, export or enqueue it with %s", table.Kind, strings.Join(others, " or "))
}

// isSilent reports whether a try has failed as all have lately: then no batch of the
// kind is worth another one.
func (c *Client) isSilent(table *schema.Table, last *failure) bool {
	_, silent := c.reach.silent(table.Endpoint)
	return silent && last.unanswered
}

// conclude returns the error of a Fetch that the failure of its last try ended,
// and before whose first one the Client had heard so many answers.
func (c *Client) conclude(table *schema.Table, batchID string, last *failure, tries int, heard int64) *pipeline.Error {
	e := &pipeline.Error{Op: "fetch", Batch: batchID, Class: last.class, Err: last, Hint: last.hint}
	gone := last.unanswered && c.reach.fail(table.Endpoint, last, heard)
	missed, silent := c.reach.silent(table.Endpoint)
	switch {
	case !last.again && !last.unanswered:
		if last.class == pipeline.Fatal && last.ofBatch {
			e.Kind, e.OneBatch = table.Kind, true
		}
		if last.ofKey {
			e.Op, e.OfKey = "", true // it is not about the batch
		}
		if last.class == pipeline.Refused {
			e.Hint = unknownHint(table)
		}
	case last.wait > maxWait:
		e.Err = fmt.Errorf("%w: it asks for a pause of %s, and the longest pause is %s", last, last.wait, maxWait)
		e.Class, e.Hint = pipeline.Fatal, "run again after that time" // the others would be told the same
		e.OneBatch = true
	case last.unconnected && c.reach.heardSoFar() == 0:
		e.Err = fmt.Errorf("the API was never reached: %w", last)
		e.Class, e.Hint = pipeline.Fatal, "check --api-url and the network"
		if last.connected {
			e.Kind = table.Kind
		}
	case gone, last.unconnected && silent:
		e.Err = fmt.Errorf("the API can no longer be reached: %w", last)
		e.Class, e.Hint = pipeline.Fatal, "nothing that was exported is lost: check the network and run again"
		if !gone {
			e.Kind = table.Kind
		}
	case last.unanswered && silent:
		e.Err = fmt.Errorf("the API returned no usable response about %s batches in %d tries in a row: %w", table.Kind, missed, last)
		e.Class, e.Kind = pipeline.Fatal, table.Kind
		e.Hint = "nothing that was exported is lost: Enrow or a proxy on the way has trouble, or --api-url is not the API's; run again later"
	case tries > 1:
		e.Err = fmt.Errorf("gave up after %d tries: %w", tries, last)
	}
	return e
}

package s3

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"enrow-export/sinks"
)

// change is a put or a delete, from its first request until it is known what came of it.
type change struct {
	store  *Store
	client *s3.Client
	name   string
	cond   sinks.Condition
	// send makes one request, with the condition unless plain.
	send func(plain bool) error
	// isDone reports whether what is there is what the change makes of the object.
	isDone func(current *sinks.Info) bool

	// doubtful says that a request may have taken effect although it failed.
	doubtful bool
	// unseen says that nobody has looked since the last such request.
	unseen bool
}

// run sends the request until it is known what came of it. After a failure that leaves
// it open, it looks first: the change may be there, or somebody else's. found is what the
// look has found if it has found the change done; it is nil after a delete, too.
func (c *change) run(ctx context.Context) (found *sinks.Info, done bool, err error) {
	err = c.store.retry(ctx, func() (err error) {
		if c.unseen {
			if found, done, err = c.look(ctx); err != nil || done {
				return err
			}
		}
		if c.store.cfg.SingleWriter && !c.unseen {
			if err := c.compare(ctx); err != nil {
				return err
			}
		}
		err = c.send(c.store.cfg.SingleWriter)
		switch {
		case failedCondition(err, c.cond):
			found, done, err = c.lost(ctx)
		case passing(err):
			c.doubtful, c.unseen = true, true
		}
		return err
	})
	if c.unseen && err != nil && ctx.Err() == nil && !isFinal(err) { // the last try is open
		var lookErr error
		if found, done, lookErr = c.look(ctx); done || isFinal(lookErr) {
			err = lookErr
		}
	}
	return found, done, err
}

// look finds out after a failure whether the change is there. An error is that of the
// look, or a *sinks.ConflictError. Without an error, and not done, the condition holds.
func (c *change) look(ctx context.Context) (found *sinks.Info, done bool, err error) {
	current, err := c.store.current(ctx, c.client, c.name)
	if err != nil {
		return nil, false, err
	}
	c.unseen = false
	switch {
	case c.isDone(current):
		return current, true, nil
	case !holds(c.cond, current):
		return nil, false, &sinks.ConflictError{Name: c.name, Current: current}
	}
	return nil, false, nil
}

// lost finds out why the service says that the condition does not hold. It is the
// change itself if an earlier request has made it.
func (c *change) lost(ctx context.Context) (found *sinks.Info, done bool, err error) {
	var current *sinks.Info
	err = c.store.retry(ctx, func() (err error) {
		current, err = c.store.current(ctx, c.client, c.name)
		return err
	})
	switch {
	case err != nil:
		return nil, false, ended(ctx, c.store.classify(err, c.store.readPermissions(), c.name))
	case c.doubtful && c.isDone(current):
		return current, true, nil
	}
	c.unseen = false
	return nil, false, &sinks.ConflictError{Name: c.name, Current: current}
}

// compare returns a *sinks.ConflictError unless the condition holds.
func (c *change) compare(ctx context.Context) error {
	current, err := c.store.current(ctx, c.client, c.name)
	if err == nil && !holds(c.cond, current) {
		err = &sinks.ConflictError{Name: c.name, Current: current}
	}
	return err
}

// holds reports whether a condition holds of what is there, nil if there is no object.
func holds(cond sinks.Condition, current *sinks.Info) bool {
	if current == nil {
		return cond.Absent()
	}
	return current.Version == cond.Version()
}

// isConflict returns the conflict that err is, nil if it is none.
func isConflict(err error) *sinks.ConflictError {
	var conflict *sinks.ConflictError
	errors.As(err, &conflict)
	return conflict
}

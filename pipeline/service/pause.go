package service

import (
	"time"

	"enrow-export/schema"
)

// firstPause follows the first failure. A pause doubles with each further one, up to
// Config.Every.
const firstPause = 30 * time.Second

// allKinds is the key of the pause of all batches.
const allKinds = ""

// pause keeps batches from being asked for after a failure.
type pause struct {
	until    time.Time
	err      error // the last failure
	failures int   // in a row
}

// pauses are the pauses of single kinds and of allKinds, by kind.
type pauses map[string]*pause

// begin begins or prolongs a pause, and returns how long it is.
func (p pauses) begin(kind string, err error, now time.Time, most time.Duration) time.Duration {
	failing := p[kind]
	if failing == nil {
		failing = new(pause)
		p[kind] = failing
	}
	long := min(firstPause<<min(failing.failures, 16), most)
	failing.until, failing.err = now.Add(long), err
	failing.failures++
	return long
}

// cut ends all pauses at once. The failures are not over.
func (p pauses) cut() {
	for _, failing := range p {
		failing.until = time.Time{}
	}
}

// until returns when batches of a kind, or any if it is allKinds, may be asked for again; zero
// when they may be now.
func (p pauses) until(kind string) time.Time {
	var until time.Time
	for _, key := range []string{allKinds, kind} {
		if failing := p[key]; failing != nil && failing.until.After(until) {
			until = failing.until
		}
	}
	return until
}

// holds reports whether batches of a kind must not be asked for now.
func (p pauses) holds(kind string, now time.Time) bool { return p.until(kind).After(now) }

// firstEnd returns the first end of a pause that is not over now, or limit if that is earlier.
func (p pauses) firstEnd(now, limit time.Time) time.Time {
	for _, failing := range p {
		if failing.until.After(now) && failing.until.Before(limit) {
			limit = failing.until
		}
	}
	return limit
}

// heldBack returns why a kind has a pause now, nil when no kind has one.
func (p pauses) heldBack(now time.Time) error {
	for _, table := range schema.Tables() {
		if failing := p[table.Kind]; failing != nil && failing.until.After(now) {
			return failing.err
		}
	}
	return nil
}

// worst returns the failure that concerns most, nil when there is none.
func (p pauses) worst() *pause {
	if failing := p[allKinds]; failing != nil {
		return failing
	}
	for _, table := range schema.Tables() {
		if failing := p[table.Kind]; failing != nil {
			return failing
		}
	}
	return nil
}

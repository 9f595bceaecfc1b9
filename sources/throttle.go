package sources

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"enrow-export/pipeline"
)

// Throttle holds back the requests of a Client, or of several that share it, those of all
// goroutines together: to the rate that was asked for, and while the API says that it has
// too many.
//
// An answer that says so (429, 503) begins a pause, in which no request is sent.
// It lasts for as long as the answer demands, and at least for a random time
// whose ceiling doubles with every such answer in a row. Answers to requests that
// were sent before the last pause began are not counted: they come from the same
// trouble, and do not show that it is over either.
type Throttle struct {
	limiter *rate.Limiter   // nil for no limit
	stop    <-chan struct{} // ends all waits when it is closed

	mu     sync.Mutex
	pace   *pacer
	pauses int       // how many have begun
	until  time.Time // the end of the last one
}

// NewThrottle returns the Throttle of a Client with that Config, to be shared by further ones.
func NewThrottle(cfg Config) *Throttle {
	t := &Throttle{
		pace: newPacer(orDefault(cfg.BackoffBase, defaultBackoffBase), orDefault(cfg.BackoffMax, defaultBackoffMax)),
		stop: cfg.Stop,
	}
	if cfg.Rate > 0 {
		t.limiter = rate.NewLimiter(rate.Limit(cfg.Rate), 1)
	}
	return t
}

// ticket allows one request.
type ticket struct {
	pauses int // that had begun when it was given out
}

// admit returns when a request may be sent. It fails when the run is over, and with
// a *failure, at once and for the whole run, when the API demands a longer wait than
// maxWait of everybody: whoever asked nevertheless would be told the same.
func (t *Throttle) admit(ctx context.Context) (ticket, error) {
	for {
		now, left := t.pause()
		if err := t.over(ctx); err != nil {
			return now, err
		}
		switch {
		case left > maxWait:
			return now, &failure{
				text: "no request was sent to the API", class: pipeline.Fatal,
				again: true, wait: (left + time.Second - 1).Truncate(time.Second),
			}
		case left > 0:
			if err := t.sleep(ctx, left); err != nil {
				return now, err
			}
			continue // another one may have begun
		case t.limiter == nil:
			return now, nil
		}
		// What a pause has kept does not come all at once when it ends: the
		// turns that the rate gives are given after it.
		turn := t.limiter.Reserve()
		if err := t.sleep(ctx, turn.Delay()); err != nil {
			turn.Cancel()
			return now, err
		}
		if now, left = t.pause(); left == 0 {
			return now, nil
		}
	}
}

// pause returns how long the pause still is that is under way.
func (t *Throttle) pause() (ticket, time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return ticket{t.pauses}, max(time.Until(t.until), 0)
}

// refused notes that the API had too many requests, and wants none for the time
// demanded. It returns the pause if this has begun one.
func (t *Throttle) refused(sent ticket, demanded time.Duration) (pause time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sent.pauses == t.pauses {
		t.pauses++
		pause = t.pace.NextBackOff()
	}
	until := time.Now().Add(max(pause, demanded))
	if !until.After(t.until) {
		return 0
	}
	t.until = until
	return max(pause, demanded)
}

// answered notes an answer of another kind: the next pause is a first one again.
func (t *Throttle) answered(sent ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sent.pauses == t.pauses {
		t.pace.Reset()
	}
}

// sleep waits for d, or until the run is over, which is the error.
func (t *Throttle) sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-t.stop:
		}
	}
	return t.over(ctx)
}

// over returns why no request may be sent any more, nil while one may.
func (t *Throttle) over(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.stop:
		return cmp.Or(ctx.Err(), pipeline.ErrStopped)
	default:
		return nil
	}
}

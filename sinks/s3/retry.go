package s3

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxRetryPause bounds the pause between two tries, which doubles each time.
const maxRetryPause = 16 * time.Second

// retry calls op, which makes one request, until it succeeds or another try would not
// help. The error is as op returned it, or that of ctx.
func (s *Store) retry(ctx context.Context, op func() error) error {
	pauses := backoff.ExponentialBackOff{ // any pause up to a limit that doubles
		InitialInterval:     s.cfg.RetryPause / 2,
		RandomizationFactor: 1,
		Multiplier:          2,
		MaxInterval:         max(s.cfg.RetryPause, maxRetryPause) / 2,
	}
	pauses.Reset()
	for try := 1; ; try++ {
		err := op()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case try == 1 && responseOf(err).code == "RequestTimeTooSkewed" && s.cfg.Tries > 1:
			continue // the library has learned the time from the response
		case !passing(err) || try >= s.cfg.Tries:
			return err
		}
		timer := time.NewTimer(pauses.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

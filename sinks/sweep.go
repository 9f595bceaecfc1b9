package sinks

import (
	"context"
	"errors"
	"log/slog"
)

// Sweep removes the temporaries of crashed processes, if the store is a Sweeper.
// The error is ErrUnreachable, or the cause of ctx. Any other failure is logged:
// temporaries that stay do no harm.
func Sweep(ctx context.Context, store Store, log *slog.Logger) error {
	s, ok := store.(Sweeper)
	if !ok {
		return nil
	}
	n, err := s.Sweep(ctx)
	if n > 0 {
		log.InfoContext(ctx, "removed temporary files of crashed runs", "files", n)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrUnreachable):
		return err
	default:
		log.WarnContext(ctx, "could not check for temporary files of crashed runs", "error", err)
	}
	return nil
}

package export

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"enrow-export/pipeline/manifest"
)

// Pending returns the ids of all batches that the manifest knows and that are not
// done under the settings of cfg, in the order of the ids. Permanently failed ones
// are left out unless retryFailed is set. A batch whose entry cannot be used is among
// them, so that Run reports why. No Source is needed.
func Pending(ctx context.Context, cfg Config, retryFailed bool) ([]string, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := newSettings(cfg, -1)
	if err := s.checkRoot(ctx); err != nil {
		return nil, err
	}
	var ids []string
	for f, err := range s.survey(ctx, func(string) bool { return true }) {
		var unusable *manifest.EntryError
		if err == nil && !errors.As(f.err, &unusable) {
			err = f.err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, manifest.Failure("export", "", fmt.Errorf("look for pending batches: %w", err))
		}
		if f.err != nil || f.isPending(retryFailed) {
			ids = append(ids, f.id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// isPending reports whether there is something left to do for a batch.
func (f surveyed) isPending(retryFailed bool) bool {
	done := f.reason == "" && len(f.entry.Superseded) == 0
	permanent := f.entry.State == manifest.StateFailed && f.entry.Permanent != nil && *f.entry.Permanent
	return !done && (!permanent || retryFailed)
}

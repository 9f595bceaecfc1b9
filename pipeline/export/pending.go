package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"enrow-export/pipeline/manifest"
)

// Left is what there is left to do for the batches of one kind, as the manifest has it.
type Left struct {
	// Fresh are the batches to be asked for that have not failed, in the order of the ids.
	Fresh []string
	// FailedBefore are those that have, or that have ended a run. They are to be asked for
	// last: whatever is wrong with them holds up no other batch then. Nor do they hold up
	// each other: the one that was not tried for the longest time comes first.
	FailedBefore []string
	// GivenUp are permanently failed batches, which nobody asks for any more and that
	// nobody has dismissed, in the order of the ids. They may be exported with fewer files
	// than are asked for.
	GivenUp []string
}

// Pending returns what there is left to do under the settings of cfg: all batches that
// the manifest knows and that are not done. With retryFailed nothing is given up, and
// what is permanently failed is among FailedBefore unless it is dismissed. A batch whose
// entry cannot be used is among Fresh, so that Run reports why. No Source is needed.
func Pending(ctx context.Context, cfg Config, retryFailed bool) (Left, error) {
	var left Left
	tried := make(map[string]time.Time) // of FailedBefore
	if err := cfg.Validate(); err != nil {
		return left, err
	}
	s := newSettings(cfg, -1)
	if err := s.checkRoot(ctx); err != nil {
		return left, err
	}
	for f, err := range s.survey(ctx, func(string) bool { return true }) {
		var unusable *manifest.EntryError
		if err == nil && !errors.As(f.err, &unusable) {
			err = f.err
		}
		if ctx.Err() != nil {
			return left, context.Cause(ctx)
		}
		if err != nil {
			return left, manifest.Failure("export", "", fmt.Errorf("look for pending batches: %w", err))
		}
		before := len(left.FailedBefore)
		if left.add(f, retryFailed); len(left.FailedBefore) > before {
			tried[f.id] = f.entry.UpdatedAt
		}
	}
	cfg.Cache.Flush(ctx)
	slices.Sort(left.Fresh)
	slices.Sort(left.GivenUp)
	slices.SortFunc(left.FailedBefore, func(a, b string) int {
		return cmp.Or(tried[a].Compare(tried[b]), cmp.Compare(a, b))
	})
	return left, nil
}

// add puts a batch into its list, if there is something left to do for it.
func (l *Left) add(f surveyed, retryFailed bool) {
	switch {
	case f.err != nil:
		l.Fresh = append(l.Fresh, f.id)
	case f.reason == "" && len(f.entry.Superseded) == 0: // done
	case f.reason == "":
		l.Fresh = append(l.Fresh, f.id)
	case f.entry.IsPermanent() && !f.entry.NeedsAttention(): // dismissed
	case f.entry.IsPermanent() && !retryFailed:
		l.GivenUp = append(l.GivenUp, f.id)
	case f.entry.State == manifest.StateFailed, f.entry.Error != "": // an exported one may have failed, too
		l.FailedBefore = append(l.FailedBefore, f.id)
	default:
		l.Fresh = append(l.Fresh, f.id)
	}
}

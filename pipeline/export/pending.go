package export

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"enrow-export/pipeline/manifest"
)

// Left is what there is left to do for the batches of one kind, as the manifest has it.
// Each list is in the order of the ids.
type Left struct {
	// Fresh are the batches to be asked for that have not failed, and FailedBefore those
	// that have. They are to be asked for last: whatever is wrong with them holds up no
	// other batch then.
	Fresh, FailedBefore []string
	// GivenUp are permanently failed batches, which nobody asks for any more and that
	// nobody has dismissed. They may be exported with fewer files than are asked for.
	GivenUp []string
}

// Pending returns what there is left to do under the settings of cfg: all batches that
// the manifest knows and that are not done. With retryFailed nothing is given up, and
// what is permanently failed is among FailedBefore unless it is dismissed. A batch whose
// entry cannot be used is among Fresh, so that Run reports why. No Source is needed.
func Pending(ctx context.Context, cfg Config, retryFailed bool) (Left, error) {
	var left Left
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
		left.add(f, retryFailed)
	}
	for _, ids := range [][]string{left.Fresh, left.FailedBefore, left.GivenUp} {
		slices.Sort(ids)
	}
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

package compact

import (
	"context"
	"errors"
	"fmt"

	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// abandon gives up a record whose file cannot be made. The file that was to be replaced
// stays, and the batches of a new file may go elsewhere. The run that wrote the record
// may still be about to put the file. So abandon marks the record, and then changes the
// object at the path: to the same bytes again, or to a file without rows where nothing
// was. The conditional put of that run fails then. If its file is already there, the
// record is carried out.
func (c *compactor) abandon(ctx context.Context, log packLog, r *packRecord, cond sinks.Condition) error {
	if !r.Abandoned {
		given := *r
		given.Abandoned = true
		var err error
		if cond, err = log.write(ctx, &given, cond); err != nil {
			return err
		}
		r = &given
	}
	stands, err := c.forestall(ctx, log, r)
	if err != nil {
		return err
	}
	if stands {
		restored := *r
		restored.Abandoned = false
		if cond, err = log.write(ctx, &restored, cond); err != nil {
			return err
		}
		return c.carryOut(ctx, log, &restored, cond, nil)
	}
	err = c.eachEntry(ctx, log.table, r, func(now, _ *manifest.Entry) *manifest.Entry {
		if now == nil || len(now.Replacing) == 0 || now.Files[manifest.PackFormat].SHA256 != r.Replaces {
			return nil
		}
		kept := *now
		kept.Replacing, kept.UpdatedAt = nil, c.now()
		return &kept
	})
	if err != nil {
		return err
	}
	return c.markDone(ctx, log, r, cond)
}

// forestall makes any later put of an abandoned record's file fail, and reports whether
// the file was put before.
func (c *compactor) forestall(ctx context.Context, log packLog, r *packRecord) (stands bool, err error) {
	empty, err := c.begin(log.table, c.Encoding)
	if err != nil {
		return false, err
	}
	defer empty.close()
	nothing, err := empty.finish(r.File.Path)
	if err != nil {
		return false, err
	}
	err = sinks.RetryConflicts(ctx, func(int) error {
		current, cond, err := c.look(ctx, r.File.Path)
		if err != nil {
			return err
		}
		var data []byte
		switch {
		case current == nil:
			data, err = empty.spool.bytes()
		case isFile(*current, r.File):
			stands = true
			return nil
		case isFile(*current, nothing.File):
			return nil
		default:
			data, _, err = c.Into.Get(ctx, r.File.Path)
		}
		if errors.Is(err, sinks.ErrNotExist) {
			return &sinks.ConflictError{Name: r.File.Path}
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", r.File.Path, err)
		}
		if _, err = c.Into.Put(ctx, r.File.Path, data, cond); err != nil {
			return fmt.Errorf("write %s: %w", r.File.Path, err)
		}
		return nil
	})
	return stands, err
}

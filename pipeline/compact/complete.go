package compact

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// planAll returns a plan that knows all rows of all packs, and the number of the last
// pack. The next pack may be put under the number that follows: if another compaction puts
// one meanwhile, that number is taken.
//
// The packs are listed after the entries were read. A pack of which the plan does not have
// all entries is one whose run has died or is still busy, or an entry was lost. Its record
// has them.
func (c *compactor) planAll(ctx context.Context, log packLog) (*packPlan, int, error) {
	restored := make(map[string]bool)
	summary := c.summary
	for {
		c.summary = summary // what is counted of one plan
		plan, err := c.plan(ctx, log.table)
		if err != nil {
			return nil, 0, err
		}
		packs, err := manifest.Packs(ctx, c.Into, log.table)
		if err != nil {
			return nil, 0, err
		}
		records, err := log.list(ctx)
		if err != nil {
			return nil, 0, err
		}
		faults, err := plan.packed.Faults(ctx, c.Into, packs)
		if err != nil {
			return nil, 0, err
		}
		if len(faults) == 0 {
			faults, err = c.lacking(ctx, log, plan, packs, records)
		}
		if err != nil {
			return nil, 0, err
		}
		if len(faults) == 0 {
			number, err := c.settled(ctx, log, plan, packs, records)
			return plan, number, err
		}
		for _, f := range faults {
			if restored[f.Path] {
				return nil, 0, unexplained(f.Path + " " + f.Problem)
			}
			restored[f.Path] = true
			if err := c.restore(ctx, log, f, records); err != nil {
				return nil, 0, err
			}
		}
	}
}

// lacking returns the packs that lack entries of batches without rows, which the rows do
// not tell. The name of a record says how many batches a pack has.
func (c *compactor) lacking(ctx context.Context, log packLog, plan *packPlan, packs []sinks.Info, records map[int][]recordName) (faults []manifest.PackFault, err error) {
	for _, info := range packs {
		number, _ := manifest.PackNumber(log.table, info.Name)
		f, batches := plan.packed.Pack(info.Name)
		lacks := slices.ContainsFunc(records[number], func(n recordName) bool { return n.sha256 == f.SHA256 && n.batches > batches })
		if batches == 0 { // no entry tells which of the records is that of the pack
			r, err := c.recordOf(ctx, log, info.Name, records[number])
			if err != nil {
				return nil, err
			}
			lacks = r != nil
		}
		if lacks {
			faults = append(faults, manifest.PackFault{Path: info.Name, Problem: "lacks the entry of a batch without rows"})
		}
	}
	return faults, nil
}

// recordOf returns the record of the pack at a path, nil when there is none.
func (c *compactor) recordOf(ctx context.Context, log packLog, path string, names []recordName) (*packRecord, error) {
	info, err := c.Into.Stat(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", path, err)
	}
	return log.find(ctx, names, info)
}

// settled checks that the packs are those that the entries describe, removes the records
// of packs that were never put, and returns the number of the last pack.
func (c *compactor) settled(ctx context.Context, log packLog, plan *packPlan, packs []sinks.Info, records map[int][]recordName) (last int, err error) {
	for _, info := range packs {
		number, _ := manifest.PackNumber(log.table, info.Name)
		last = max(last, number)
		f, batches := plan.packed.Pack(info.Name)
		switch {
		case batches == 0: // it has no rows
		case info.Size != f.Bytes:
			return 0, unexplained(info.Name + " has another size than recorded")
		default:
			if err := log.tidy(ctx, records[number], f); err != nil {
				return 0, err
			}
		}
	}
	// A pack that is named was there before it was named.
	there := make(map[string]bool, len(packs))
	for _, info := range packs {
		there[info.Name] = true
	}
	for _, path := range plan.packed.Paths() {
		if !there[path] {
			return 0, unexplained(path + " is missing")
		}
	}
	return last, nil
}

// unexplained is the error of a packed root that no compaction leaves behind.
func unexplained(problem string) error {
	return &pipeline.Error{
		Op: "compact", Class: pipeline.Fatal, Err: fmt.Errorf("the packed root is not whole: %s", problem),
		Hint: "nothing was changed: verify says more; bring back what was lost from a backup, or pack into a new root with --into",
	}
}

// restore writes the entries of a pack.
func (c *compactor) restore(ctx context.Context, log packLog, f manifest.PackFault, records map[int][]recordName) error {
	number, _ := manifest.PackNumber(log.table, f.Path)
	r, err := c.recordOf(ctx, log, f.Path, records[number])
	if err != nil {
		return err
	}
	if r == nil {
		return unexplained(fmt.Sprintf("%s %s, and no record has them", f.Path, f.Problem))
	}
	c.Log.InfoContext(ctx, "writing the entries of a packed file that lacks some", "path", f.Path, "because", f.Problem)
	return c.writeEntries(ctx, log.table, r)
}

// writeEntries makes the manifest have the entries of a record whose pack is there. Those
// that are there already stay.
func (c *compactor) writeEntries(ctx context.Context, table *schema.Table, r *packRecord) error {
	m := manifest.Manifest{Store: c.Into, Table: table, ToolVersion: c.ToolVersion, Now: c.Now}
	var mu sync.Mutex
	var elsewhere string
	writes, wctx := errgroup.WithContext(ctx)
	writes.SetLimit(sinks.LimitsOf(c.Into).Operations)
	for _, want := range r.Entries {
		if wctx.Err() != nil {
			break
		}
		writes.Go(func() error {
			return sinks.RetryConflicts(wctx, func(round int) (err error) {
				now, cond := (*manifest.Entry)(nil), sinks.IfAbsent()
				if round > 0 {
					if now, cond, err = m.Read(wctx, want.BatchID); err != nil {
						return err
					}
				}
				if now == nil || now.State != manifest.StateExported {
					next := m.Next(want, want.BatchID)
					if now != nil && now.UpdatedAt.After(next.UpdatedAt) {
						next.UpdatedAt = now.UpdatedAt
					}
					_, err = m.Put(wctx, next, cond)
					return err
				}
				if at := now.Files[manifest.PackFormat].Path; at != r.File.Path {
					mu.Lock()
					defer mu.Unlock()
					elsewhere = fmt.Sprintf("batch %s is in %s and in %s", want.BatchID, r.File.Path, at)
				}
				return nil
			})
		})
	}
	err := writes.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && elsewhere != "":
		return unexplained(elsewhere)
	}
	return err
}

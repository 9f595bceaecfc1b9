package compact

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// standing is what a packed root has of one table.
type standing struct {
	plan    *packPlan
	packs   []sinks.Info
	records map[int][]recordName // by number
}

// planAll returns a plan that knows all rows of all packs, and the number of the last
// pack. The next pack may be put under the number that follows: if another compaction puts
// one meanwhile, that number is taken.
//
// A pack of which the plan does not have all entries is one whose run has died or is
// still busy, or an entry was lost. Its record has them.
func (c *compactor) planAll(ctx context.Context, log packLog) (*packPlan, int, error) {
	restored := make(map[string]bool)
	summary := c.summary
	for {
		c.summary = summary // what is counted of one plan
		s, err := c.look(ctx, log)
		if err != nil {
			return nil, 0, err
		}
		faults := s.faults(log)
		if len(faults) == 0 {
			number, err := s.settled(ctx, log)
			return s.plan, number, err
		}
		for _, f := range faults {
			if restored[f.Path] {
				return nil, 0, notWhole(f.Path + " " + f.Problem)
			}
			restored[f.Path] = true
			if err := c.restore(ctx, log, f, s.records); err != nil {
				return nil, 0, err
			}
		}
	}
}

// look reads the entries first, then lists the packs, and then the records: the record of
// each pack that it knows of is there.
func (c *compactor) look(ctx context.Context, log packLog) (s standing, err error) {
	if s.plan, err = c.plan(ctx, log.table); err != nil {
		return s, err
	}
	if s.packs, err = manifest.Packs(ctx, c.Into, log.table); err != nil {
		return s, err
	}
	s.records, err = log.list(ctx)
	return s, err
}

// faults returns the packs that lack entries. The rows tell, but not of a batch without
// rows: the name of a record says how many batches its pack has.
func (s standing) faults(log packLog) []manifest.PackFault {
	faults := s.plan.packed.Faults(s.packs)
	if len(faults) > 0 {
		return faults
	}
	for _, info := range s.packs {
		number, _ := manifest.PackNumber(log.table, info.Name)
		f, batches := s.plan.packed.Pack(info.Name)
		if slices.ContainsFunc(s.records[number], func(n recordName) bool { return n.sha256 == f.SHA256 && n.batches > batches }) {
			faults = append(faults, manifest.PackFault{Path: info.Name, Problem: "lacks the entry of a batch without rows"})
		}
	}
	return faults
}

// settled checks that the packs are those that the entries describe, removes the records
// of packs that were never put, and returns the number of the last pack.
func (s standing) settled(ctx context.Context, log packLog) (last int, err error) {
	there := make(map[string]bool, len(s.packs))
	for _, info := range s.packs {
		there[info.Name] = true
		number, _ := manifest.PackNumber(log.table, info.Name)
		last = max(last, number)
		f, _ := s.plan.packed.Pack(info.Name)
		if info.Size != f.Bytes {
			return 0, notWhole(info.Name + " has another size than recorded")
		}
		if err := log.tidy(ctx, s.records[number], f); err != nil {
			return 0, err
		}
	}
	for _, path := range s.plan.packed.Paths() {
		if !there[path] { // it was there before an entry named it
			return 0, notWhole(path + " is missing")
		}
	}
	return last, nil
}

// notWhole is the error of a packed root that no compaction leaves behind.
func notWhole(problem string) error {
	return &pipeline.Error{
		Op: "compact", Class: pipeline.Fatal, Err: fmt.Errorf("the packed root is incomplete: %s", problem),
		Hint: "nothing was changed: run verify for details; restore the lost files from a backup, or pack into a new root with --into",
	}
}

// restore writes the entries of a pack.
func (c *compactor) restore(ctx context.Context, log packLog, f manifest.PackFault, records map[int][]recordName) error {
	number, _ := manifest.PackNumber(log.table, f.Path)
	r, err := log.of(ctx, f.Path, records[number])
	if err != nil {
		return err
	}
	if r == nil {
		return notWhole(fmt.Sprintf("%s %s, and no record contains its entries", f.Path, f.Problem))
	}
	c.Log.InfoContext(ctx, "writing the missing entries of a packed file", "path", f.Path, "because", f.Problem)
	return c.writeEntries(ctx, log, r)
}

// writeEntries makes the manifest have the entries of a record whose pack is there. Those
// that are there already stay.
func (c *compactor) writeEntries(ctx context.Context, log packLog, r *packRecord) error {
	m := manifest.Manifest{Store: c.Into, Table: log.table, ToolVersion: c.ToolVersion, Now: c.Now, Cache: c.cache}
	var mu sync.Mutex
	var elsewhere string
	writes, wctx := errgroup.WithContext(ctx)
	writes.SetLimit(c.Into.Traits().Operations)
	for _, want := range r.Entries {
		if wctx.Err() != nil {
			break
		}
		writes.Go(func() error {
			there, err := putEntry(wctx, m, want)
			if at := there.Files[manifest.PackFormat]; err == nil && (at.Path != r.File.Path || at.SHA256 != r.File.SHA256) {
				mu.Lock()
				defer mu.Unlock()
				elsewhere = fmt.Sprintf("batch %s is in %s and in %s", want.BatchID, r.File.Path, at.Path)
				if at.Path == r.File.Path {
					elsewhere = fmt.Sprintf("%s is not the file that the entry of batch %s records", at.Path, want.BatchID)
				}
			}
			return err
		})
	}
	err := writes.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && elsewhere != "":
		return notWhole(elsewhere)
	}
	return err
}

// putEntry puts an entry, unless the batch is exported already. It returns the entry that
// is there then.
func putEntry(ctx context.Context, m manifest.Manifest, want *manifest.Entry) (there *manifest.Entry, err error) {
	there = want
	err = sinks.RetryConflicts(ctx, func(round int) (err error) {
		now, cond := (*manifest.Entry)(nil), sinks.IfAbsent()
		if round > 0 {
			if now, cond, err = m.Read(ctx, want.BatchID); err != nil {
				return err
			}
		}
		if now != nil && now.State == manifest.StateExported {
			there = now
			return nil
		}
		next := m.Next(want, want.BatchID)
		if now != nil && now.UpdatedAt.After(next.UpdatedAt) {
			next.UpdatedAt = now.UpdatedAt
		}
		_, err = m.Put(ctx, next, cond)
		return err
	})
	return there, err
}

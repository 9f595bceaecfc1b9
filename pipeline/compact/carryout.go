package compact

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// carryOut does what a record says: puts the file, writes the entries of its batches,
// and marks the record done. It is idempotent, and any number of runs may do so at
// once. made is the file. It is nil when it was not made here: then it is made again,
// if it has to be put.
func (c *compactor) carryOut(ctx context.Context, log packLog, r *packRecord, cond sinks.Condition, made *spool) error {
	switch {
	case r.Done:
		return nil
	case r.Abandoned:
		return c.abandon(ctx, log, r, cond)
	}
	if err := c.putFile(ctx, log, r, made); err != nil {
		return err
	}
	now, _, err := log.read(ctx, r.Number)
	switch {
	case err != nil:
		return err
	case now.Abandoned:
		return errAbandoned
	case now.Done:
		return nil
	}
	if err := c.writeEntries(ctx, log.table, r); err != nil {
		return err
	}
	return c.markDone(ctx, log, r, cond)
}

// markDone notes that a record needs no more.
func (c *compactor) markDone(ctx context.Context, log packLog, r *packRecord, cond sinks.Condition) error {
	done := *r
	done.Done, done.Entries = true, nil
	_, err := log.write(ctx, &done, cond)
	if _, lost := sinks.Conflict(err); lost {
		return nil // somebody else has noted the same
	}
	return err
}

// errAbandoned says that another run was told to give up what this one is doing.
var errAbandoned = errors.New("another run with --force has given up the file that was being packed")

// putFile makes the file of a record be there, unless the record turns out to be
// done, or abandoned.
func (c *compactor) putFile(ctx context.Context, log packLog, r *packRecord, made *spool) error {
	path := r.File.Path
	var remade *packing
	defer func() {
		if remade != nil {
			remade.close()
		}
	}()
	return sinks.RetryConflicts(ctx, func(int) error {
		current, cond, err := c.look(ctx, path)
		if err != nil || current != nil && isFile(*current, r.File) {
			return err
		}
		// Until the record is done or abandoned, no other record writes this path. So
		// the object seen is the one that this record replaces.
		if now, _, err := log.read(ctx, r.Number); err != nil || now.Done || now.Abandoned {
			return err
		}
		if current != nil && r.Replaces == "" {
			return &pipeline.Error{
				Op: "compact", Class: pipeline.Fatal, Err: fmt.Errorf("%s is there with other bytes than %s says", path, log.name(r.Number)),
				Hint: "somebody else has written or damaged it: move it away and run again",
			}
		}
		if made == nil {
			if remade, err = c.remake(ctx, log.table, r); err != nil {
				return err
			}
			made = remade.spool
		}
		data, err := made.bytes()
		if err != nil {
			return err
		}
		if r.Replaces != "" {
			if err := c.claim(ctx, log.table, r); err != nil {
				return err
			}
		}
		if _, err = sinks.Put(ctx, c.Into, path, data, cond); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	})
}

// look returns what is at a path, nil when nothing is, and the condition under
// which it may be replaced.
func (c *compactor) look(ctx context.Context, path string) (*sinks.Info, sinks.Condition, error) {
	info, err := c.Into.Stat(ctx, path)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
		return nil, sinks.IfAbsent(), nil
	case err != nil:
		return nil, sinks.Condition{}, fmt.Errorf("look at %s: %w", path, err)
	}
	return &info, sinks.IfVersion(info.Version), nil
}

// isFile reports whether the object is the file.
func isFile(info sinks.Info, f manifest.File) bool {
	return info.Size == f.Bytes && manifest.EncodeCRC32C(info.CRC32C) == f.CRC32C
}

// remake makes the file of a record again, from the same files.
func (c *compactor) remake(ctx context.Context, table *schema.Table, r *packRecord) (*packing, error) {
	var candidates []candidate
	for _, e := range r.Entries {
		f := e.Files[manifest.PackFormat]
		candidates = append(candidates, candidate{id: e.BatchID, bytes: f.Bytes/int64(len(r.Entries)) + 1, mustEqual: e})
	}
	enc, err := sinks.NewEncoding(manifest.PackFormat, r.File.Compression)
	if err != nil {
		return nil, err
	}
	p, err := c.makeExactly(ctx, table, enc, candidates)
	if err == nil {
		var again *packRecord
		if again, err = p.finish(r.File.Path); err == nil && again.File != r.File {
			err = errors.New("this version of the program makes other bytes of the same rows")
		}
		if err != nil {
			p.close()
		}
	}
	switch {
	case err == nil:
		return p, nil
	case ctx.Err() != nil || errors.Is(err, sinks.ErrUnreachable):
		return nil, err
	}
	return nil, &remakeError{r.File.Path, err}
}

// remakeError says that a file which a run had begun to pack cannot be made again.
type remakeError struct {
	path string
	err  error
}

func (e *remakeError) Error() string {
	return fmt.Sprintf("%s, which an earlier run was about to write, cannot be made again: %v", e.path, e.err)
}

// Unwrap returns the cause.
func (e *remakeError) Unwrap() error { return e.err }

// makeExactly packs all of the candidates into one file. The caller closes it.
func (c *compactor) makeExactly(ctx context.Context, table *schema.Table, enc sinks.Encoding, candidates []candidate) (p *packing, err error) {
	defer func() {
		if err != nil && p != nil {
			p.close()
			p = nil
		}
	}()
	inputs, served := c.inputs(ctx, table, candidates)
	for in, err := range inputs {
		if err != nil {
			return p, err
		}
		refused := in.failure
		if refused == nil && p == nil {
			var columns *schema.Table
			if columns, err = in.entry.Schema.Select(table); err != nil {
				return p, fmt.Errorf("batch %s: %w", in.id, err)
			}
			if p, err = c.begin(columns, enc); err != nil {
				return p, err
			}
		}
		if refused == nil {
			refused, err = p.add(in)
		}
		served(in)
		if err != nil {
			return p, err
		}
		if refused != nil {
			return p, fmt.Errorf("batch %s: %w", in.id, refused)
		}
	}
	return p, nil
}

// claim writes into the entries of a record's batches that their file is about to
// be replaced.
func (c *compactor) claim(ctx context.Context, table *schema.Table, r *packRecord) error {
	return c.eachEntry(ctx, table, r, func(now, _ *manifest.Entry) *manifest.Entry {
		if now == nil || now.Files[manifest.PackFormat].SHA256 != r.Replaces {
			return nil
		}
		claimed := *now
		claimed.Replacing = map[string]manifest.File{manifest.PackFormat: r.File}
		claimed.UpdatedAt = c.now()
		return &claimed
	})
}

// writeEntries makes the manifest say what the record does. What is there and
// says otherwise is of a later record.
func (c *compactor) writeEntries(ctx context.Context, table *schema.Table, r *packRecord) error {
	return c.eachEntry(ctx, table, r, func(now, want *manifest.Entry) *manifest.Entry {
		if now != nil && now.State == manifest.StateExported && (r.Replaces == "" || now.Files[manifest.PackFormat].SHA256 != r.Replaces) {
			return nil
		}
		return want
	})
}

// eachEntry changes the entries of a record's batches: change is given what is
// there, and what the record says, and returns what to write, nil for nothing.
func (c *compactor) eachEntry(ctx context.Context, table *schema.Table, r *packRecord, change func(now, want *manifest.Entry) *manifest.Entry) error {
	m := manifest.Manifest{Store: c.Into, Table: table}
	writes, wctx := errgroup.WithContext(ctx)
	writes.SetLimit(sinks.LimitsOf(c.Into).Operations)
	for _, want := range r.Entries {
		if wctx.Err() != nil {
			break
		}
		writes.Go(func() error {
			return sinks.RetryConflicts(wctx, func(round int) (err error) {
				now, cond := (*manifest.Entry)(nil), sinks.IfAbsent()
				if round > 0 || r.Replaces != "" {
					if now, cond, err = m.Read(wctx, want.BatchID); err != nil {
						return err
					}
				}
				if next := change(now, want); next != nil {
					_, err = m.Put(wctx, next, cond)
				}
				return err
			})
		})
	}
	err := writes.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

package pipeline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// complete does what a record says and is not done yet: puts the file, writes the
// entries of its batches, and notes in the record that both are there. Any number
// of runs may do so at once. made is the file, nil when it was not made here: then
// it is made again, if it has to be put.
func (c *compactor) complete(ctx context.Context, log packLog, r *packRecord, cond sinks.Condition, made *spool) error {
	if r.Done {
		return nil
	}
	if r.Abandoned {
		return c.removeAbandoned(ctx, r)
	}
	if err := c.place(ctx, log, r, made); err != nil {
		return err
	}
	now, _, err := log.read(ctx, r.Number)
	switch {
	case err != nil:
		return err
	case now.Abandoned:
		return errors.Join(c.removeAbandoned(ctx, r), errAbandoned)
	case now.Done:
		return nil
	}
	if err := c.writeEntries(ctx, log.table, r); err != nil {
		return err
	}
	done := *r
	done.Done, done.Entries = true, nil
	_, err = log.write(ctx, &done, cond)
	if _, lost := conflict(err); lost {
		return nil // somebody else has noted the same
	}
	return err
}

// errAbandoned says that another run was told to give up what this one is doing.
var errAbandoned = errors.New("another run with --force has given up the file that was being packed")

// place makes the file of a record be there.
func (c *compactor) place(ctx context.Context, log packLog, r *packRecord, made *spool) error {
	path := r.File.Path
	cond := sinks.IfAbsent()
	current, err := c.Into.Stat(ctx, path)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
	case err != nil:
		return fmt.Errorf("look at %s: %w", path, err)
	case isFile(current, r.File):
		return nil
	case r.Replaces == "":
		return c.foreign(ctx, log, r)
	default:
		cond = sinks.IfVersion(current.Version)
	}
	// As long as the record is not done nobody writes the file for another one: what
	// was seen is what this record replaces.
	if now, _, err := log.read(ctx, r.Number); err != nil || now.Done || now.Abandoned {
		return err
	}
	if made == nil {
		p, err := c.remake(ctx, log.table, r)
		if err != nil {
			return err
		}
		defer p.close()
		made = p.spool
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
	_, err = put(ctx, c.Into, path, data, cond)
	if _, lost := conflict(err); lost {
		return c.foreign(ctx, log, r)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// isFile reports whether the object is the file.
func isFile(info sinks.Info, f File) bool {
	return info.Size == f.Bytes && encodeCRC32C(info.CRC32C) == f.CRC32C
}

// foreign returns the error of a file that has other bytes than the record says,
// unless that is because the record is long done.
func (c *compactor) foreign(ctx context.Context, log packLog, r *packRecord) error {
	now, _, err := log.read(ctx, r.Number)
	if err != nil || now.Done || now.Abandoned {
		return err
	}
	return &Error{
		Op: "compact", Class: Fatal, Err: fmt.Errorf("%s is there with other bytes than %s says", r.File.Path, log.name(r.Number)),
		Hint: "somebody else has written or damaged it: move it away and run again",
	}
}

// remake makes the file of a record again, from the same files.
func (c *compactor) remake(ctx context.Context, table *schema.Table, r *packRecord) (*packing, error) {
	var candidates []candidate
	for _, e := range r.Entries {
		f := e.Files[packFormat]
		candidates = append(candidates, candidate{id: e.BatchID, bytes: f.Bytes/int64(len(r.Entries)) + 1, as: e})
	}
	enc, err := sinks.NewEncoding(packFormat, r.File.Compression)
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
	if err != nil && ctx.Err() == nil && !errors.Is(err, sinks.ErrUnreachable) {
		return nil, &remakeError{r.File.Path, err}
	}
	return p, err
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
			if columns, err = tableOf(table, in.entry.Schema); err != nil {
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
	return c.eachEntry(ctx, table, r, func(now, _ *Entry) *Entry {
		if now == nil || now.Files[packFormat].SHA256 != r.Replaces {
			return nil
		}
		claimed := *now
		claimed.Replacing = map[string]File{packFormat: r.File}
		claimed.UpdatedAt = c.now()
		return &claimed
	})
}

// writeEntries makes the manifest say what the record does. What is there and
// says otherwise is of a later record.
func (c *compactor) writeEntries(ctx context.Context, table *schema.Table, r *packRecord) error {
	return c.eachEntry(ctx, table, r, func(now, want *Entry) *Entry {
		if now != nil && now.State == StateExported && (r.Replaces == "" || now.Files[packFormat].SHA256 != r.Replaces) {
			return nil
		}
		return want
	})
}

// eachEntry changes the entries of a record's batches: change is given what is
// there, and what the record says, and returns what to write, nil for nothing.
func (c *compactor) eachEntry(ctx context.Context, table *schema.Table, r *packRecord, change func(now, want *Entry) *Entry) error {
	m := Manifest{Store: c.Into, Table: table}
	writes, wctx := errgroup.WithContext(ctx)
	writes.SetLimit(readAtOnce)
	for _, want := range r.Entries {
		if wctx.Err() != nil {
			break
		}
		writes.Go(func() error {
			now, cond := (*Entry)(nil), sinks.IfAbsent()
			for round := range maxRounds {
				if round > 0 || r.Replaces != "" {
					var err error
					if now, cond, err = m.Read(wctx, want.BatchID); err != nil {
						return err
					}
				}
				next := change(now, want)
				if next == nil {
					return nil
				}
				_, err := m.write(wctx, next, cond)
				if _, lost := conflict(err); !lost {
					return err
				}
			}
			return errContended
		})
	}
	err := writes.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// abandon gives up a record whose file was not put and cannot be made.
func (c *compactor) abandon(ctx context.Context, log packLog, r *packRecord, cond sinks.Condition) error {
	if r.Replaces != "" {
		// The file before is still there: nothing is being replaced any more.
		err := c.eachEntry(ctx, log.table, r, func(now, _ *Entry) *Entry {
			if now == nil || len(now.Replacing) == 0 {
				return nil
			}
			kept := *now
			kept.Replacing = nil
			return &kept
		})
		if err != nil {
			return err
		}
	}
	given := *r
	given.Abandoned, given.Entries = true, nil
	if _, err := log.write(ctx, &given, cond); err != nil {
		return err
	}
	return c.removeAbandoned(ctx, &given)
}

// removeAbandoned deletes the file of a record that was abandoned, should it have
// been put after all.
func (c *compactor) removeAbandoned(ctx context.Context, r *packRecord) error {
	info, err := c.Into.Stat(ctx, r.File.Path)
	if errors.Is(err, sinks.ErrNotExist) || err == nil && (!isFile(info, r.File) || r.Replaces != "") {
		return nil
	}
	if err == nil {
		err = c.Into.Delete(ctx, r.File.Path, sinks.IfVersion(info.Version))
	}
	if err != nil && !errors.Is(err, sinks.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", r.File.Path, err)
	}
	return nil
}

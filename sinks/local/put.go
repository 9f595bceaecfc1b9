package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"enrow-export/sinks"
)

// Put implements sinks.Store.
func (s *Store) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if err := checkName(name); err != nil {
		return sinks.Info{}, err
	}
	if !cond.Valid() {
		return sinks.Info{}, fmt.Errorf("put %s: no condition given", name)
	}
	if err := ctx.Err(); err != nil {
		return sinks.Info{}, err
	}
	info, err := s.put(ctx, name, data, cond)
	if current, lost := sinks.Conflict(err); lost && current != nil {
		// The caller may take it for its own and name it in another folder. Who has put
		// it may have died before the flush.
		if flushErr := s.flushObject(name); flushErr != nil {
			err = flushErr
		}
	}
	switch {
	case errors.Is(err, errFolder):
		return sinks.Info{}, fmt.Errorf("put %s: a directory has that name", name)
	case err != nil:
		return sinks.Info{}, s.classify(err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, name string, data []byte, cond sinks.Condition) (info sinks.Info, err error) {
	// A condition that is lost already must not even leave a folder behind.
	if err := s.glance(ctx, name, cond); err != nil {
		return info, err
	}
	path := s.path(name)
	dir := filepath.Dir(path)
	t, err := s.newTemporary(ctx, dir)
	if err != nil {
		return info, err
	}
	defer t.close()
	if !cond.Absent() {
		if err := t.takeModeOf(path); err != nil {
			return info, err
		}
	}
	d := newDigest()
	if err := t.write(data, d); err != nil {
		return info, err
	}
	if info, err = d.info(name, int64(len(data)), t.file); err != nil {
		return info, err
	}
	if err := s.replace(ctx, name, cond, func() error { return t.rename(path) }); err != nil {
		return info, err
	}
	return info, s.flushes.flush(dir)
}

// flushObject flushes the names that lead to an object, whoever has put it.
func (s *Store) flushObject(name string) error {
	dir := filepath.Dir(s.path(name))
	if !s.isDurable(dir) {
		if err := s.makeFolder(dir); err != nil {
			return err
		}
	}
	return s.flushes.flush(dir)
}

// replace calls do, which changes the object, under its lock if cond holds.
//
// It looks at the root last. Should that be moved even then, a rename still finds
// its temporary nowhere but in the folder that it was made in.
//
// The lock ends before the change is flushed, so that a slow disk holds up
// nobody: whoever changes the object next flushes the same folder before he says
// that he is done, and with it what he has built upon.
func (s *Store) replace(ctx context.Context, name string, cond sinks.Condition, do func() error) error {
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.check(ctx, name, cond); err != nil {
		return err
	}
	if err := s.checkRoot(); err != nil {
		return err
	}
	return do()
}

// Delete implements sinks.Store. Folders that become empty stay: another
// process may be about to use them.
func (s *Store) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	if err := checkName(name); err != nil {
		return err
	}
	if cond.Version() == "" {
		return fmt.Errorf("delete %s: no version given", name)
	}
	err := s.delete(ctx, name, cond)
	var conflict *sinks.ConflictError
	if errors.Is(err, errFolder) || errors.As(err, &conflict) && conflict.Current == nil {
		return notExist(name)
	}
	return s.classify(err)
}

func (s *Store) delete(ctx context.Context, name string, cond sinks.Condition) error {
	if err := s.glance(ctx, name, cond); err != nil {
		return err
	}
	path := s.path(name)
	if err := s.replace(ctx, name, cond, func() error { return os.Remove(path) }); err != nil {
		return err
	}
	return s.flushes.flush(filepath.Dir(path))
}

// glance is a check that reads no file unless the condition is lost. It may miss
// that, so it is followed by another one under the lock, and so is its look at the
// root.
func (s *Store) glance(ctx context.Context, name string, cond sinks.Condition) error {
	if err := s.checkRoot(); err != nil {
		return err
	}
	file, err := os.Lstat(s.path(name))
	switch {
	case cond.Absent() && errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && file.Mode().IsRegular() && !cond.Absent() && strings.HasSuffix(cond.Version(), fileNumber(file)):
		return nil
	}
	return s.check(ctx, name, cond)
}

// check returns nil when cond holds of the object, and a *sinks.ConflictError
// when it does not. Only under the lock does the answer last.
func (s *Store) check(ctx context.Context, name string, cond sinks.Condition) error {
	if cond.Absent() {
		// That nothing is there needs no reading.
		if _, err := os.Lstat(s.path(name)); errors.Is(err, fs.ErrNotExist) {
			return ctx.Err()
		}
	}
	current, err := s.Stat(ctx, name)
	switch {
	case errors.Is(err, errFolder):
		return err
	case errors.Is(err, sinks.ErrNotExist):
		if cond.Absent() {
			return nil
		}
		return &sinks.ConflictError{Name: name}
	case err != nil:
		return err
	case current.Version == cond.Version():
		return nil
	}
	return &sinks.ConflictError{Name: name, Current: &current}
}

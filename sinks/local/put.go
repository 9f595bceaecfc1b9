package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	switch {
	case errors.Is(err, errFolder):
		return sinks.Info{}, fmt.Errorf("put %s: a folder has that name", name)
	case err != nil:
		return sinks.Info{}, s.classify(err)
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, name string, data []byte, cond sinks.Condition) (info sinks.Info, err error) {
	// A condition that is lost already must not even leave a folder behind.
	if err := s.check(ctx, name, cond); err != nil {
		return info, err
	}
	path := s.path(name)
	dir := filepath.Dir(path)
	if err := s.makeFolder(dir); err != nil {
		return info, err
	}
	t, err := s.newTemporary(ctx, dir)
	if err != nil {
		return info, err
	}
	defer t.close()
	if err := t.write(data); err != nil {
		return info, err
	}
	d := newDigest()
	_, _ = d.Write(data) // never fails
	if info, err = d.info(name, int64(len(data)), t.file); err != nil {
		return info, err
	}
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return info, err
	}
	defer unlock()
	if err := s.check(ctx, name, cond); err != nil {
		return info, err
	}
	if err := t.rename(path); err != nil {
		return info, err
	}
	return info, syncFolder(dir)
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
	if err := s.check(ctx, name, cond); err != nil {
		return err
	}
	unlock, err := s.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.check(ctx, name, cond); err != nil {
		return err
	}
	path := s.path(name)
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// check returns nil when cond holds of the object, and a *sinks.ConflictError
// when it does not. Only under the lock does the answer last.
func (s *Store) check(ctx context.Context, name string, cond sinks.Condition) error {
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

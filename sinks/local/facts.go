package local

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"enrow-export/sinks/platform"
)

// What follows are facts of a root that exists, for those who ask what it can do. No
// operation of the store depends on them.

// Space returns how many bytes still fit.
func (s *Store) Space() (uint64, error) { return platform.Space(s.root) }

// Network returns the name of the file system if other machines may share it, else none.
func (s *Store) Network() (string, error) { return platform.Network(s.root) }

// Clock returns the time of the machine that keeps the files.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	t, err := s.newTemporary(ctx, filepath.Join(s.root, lockFolder))
	if err != nil {
		return time.Time{}, s.classify(err)
	}
	defer t.close()
	info, err := t.file.Stat()
	if err != nil {
		return time.Time{}, s.classify(err)
	}
	return info.ModTime(), nil
}

// Locks returns an error unless a lock on one open file keeps all others from having it.
func (s *Store) Locks(ctx context.Context) error {
	held := newLockFile(sweepLock)
	if err := s.take(ctx, &held, syscall.LOCK_EX); err != nil {
		return s.classify(err)
	}
	defer held.close()
	other := newLockFile(sweepLock)
	if err := s.openLock(&other, s.path(other.name)); err != nil {
		return s.classify(err)
	}
	defer other.close()
	granted, err := s.tryLock(other.file)
	if granted {
		return unreachable(fmt.Errorf("lock %s: %w: it was granted twice", s.path(other.name), errNoLocks))
	}
	return err
}

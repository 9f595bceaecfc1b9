package local

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Lock files are named by the number of their stripe and never deleted: whoever
// deleted one that another process has open would leave two that do not
// exclude each other. Their number is a constant of the root: processes that
// disagree about it would not exclude each other either.
const (
	stripeCount = 16
	lockFolder  = "_manifest"
	lockPrefix  = ".lock-"
)

// sweepLock is the lock file that keeps sweepers away from a temporary until its
// writer has locked that: writers share it, a sweeper has it alone.
const sweepLock = lockFolder + "/" + lockPrefix + "sweep"

// The pause between two attempts at a lock that another process holds.
const (
	minPause = time.Millisecond
	maxPause = 50 * time.Millisecond
)

// stripe excludes the goroutines of this process from each other, so that they
// queue for a lock file instead of polling it.
type stripe chan struct{}

// stripeOf returns the number of the stripe that an object belongs to.
func stripeOf(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32() % stripeCount
}

// lockName returns the name of the lock file of a stripe.
func lockName(number uint32) string {
	return fmt.Sprintf("%s/%s%02d", lockFolder, lockPrefix, number)
}

// isLock reports whether name, relative to the root, is that of a lock file.
func isLock(name string) bool {
	dir, base := path.Split(name)
	return dir == lockFolder+"/" && strings.HasPrefix(base, lockPrefix)
}

// lock waits until no other goroutine or process works on the objects of name's
// stripe, or ctx is done. The caller calls unlock.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	number := stripeOf(name)
	queue := s.stripes[number]
	select {
	case queue <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() {
		if err != nil {
			<-queue
		}
	}()
	f, err := s.openLock(ctx, lockName(number), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	if err := s.proveLock(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		f.Close()
		<-queue
	}, nil
}

// openLock opens a lock file and waits for its lock, which lasts until the file
// is closed.
func (s *Store) openLock(ctx context.Context, name string, how int) (*os.File, error) {
	path := s.path(name)
	if err := s.makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := s.waitLock(ctx, f, how); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// waitLock locks f, trying again and again until it succeeds or ctx is done.
func (s *Store) waitLock(ctx context.Context, f *os.File, how int) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if ok, err := s.tryLockAs(f, how); ok || err != nil {
			return err
		}
		timer.Reset(pause)
	}
}

// tryLock takes the advisory lock of f, which lasts until f is closed or the
// process dies. It reports false when somebody else has it.
func (s *Store) tryLock(f *os.File) (bool, error) { return s.tryLockAs(f, syscall.LOCK_EX) }

// tryLockAs is tryLock for a lock that others may share, or not, as how says.
func (s *Store) tryLockAs(f *os.File, how int) (bool, error) {
	for {
		err := s.flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, errors.ErrUnsupported):
			return false, unreachable(fmt.Errorf("lock %s: %w: %w", f.Name(), errNoLocks, err))
		}
		return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
}

// proveLock finds out, once, whether the lock that this process holds on the file
// at path keeps others from taking it: there are file systems that grant every
// lock.
func (s *Store) proveLock(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locksProven {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	again, err := s.tryLock(f)
	if again {
		err = unreachable(fmt.Errorf("lock %s: %w: it was granted twice", path, errNoLocks))
	}
	s.locksProven = err == nil
	return err
}

// names reports whether path still names the open file f.
func names(path string, f *os.File) (bool, error) {
	at, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	of, err := f.Stat()
	return err == nil && os.SameFile(at, of), err
}

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

// lockFile is a lock file as this process has it. Whoever is in its queue works
// with it, so that goroutines wait for each other there, instead of polling the
// file: it is one for all of them, so its lock does not keep them apart. It stays
// open from one lock to the next.
type lockFile struct {
	name  string
	queue chan struct{}
	// flags are what it is opened with: to be read, where that will do, since a
	// file that is open for writing keeps a disk from being made read-only.
	flags int
	file  *os.File    // nil until it is needed
	info  fs.FileInfo // of file
}

func newLockFile(name string) lockFile {
	return lockFile{name: name, queue: make(chan struct{}, 1), flags: os.O_RDONLY}
}

// enter waits for the caller's turn, which leave ends, or until ctx is done.
func (l *lockFile) enter(ctx context.Context) error {
	select {
	case l.queue <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lockFile) leave() { <-l.queue }

// close closes the file, which lets go of its lock.
func (l *lockFile) close() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

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
	l := &s.stripes[stripeOf(name)]
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	err = s.take(ctx, l, syscall.LOCK_EX)
	if err == nil {
		if err = s.proveLock(l.file.Name()); err == nil {
			return func() {
				s.release(l)
				l.leave()
			}, nil
		}
		l.close()
	}
	l.leave()
	return nil, err
}

// take waits for the lock of a lock file, which lasts until release, close or the
// end of the process. The caller has entered its queue.
func (s *Store) take(ctx context.Context, l *lockFile, how int) error {
	path := s.path(l.name)
	if l.file != nil {
		err := s.waitLock(ctx, l.file, how)
		still := false
		if err == nil {
			// Who clears the folder meanwhile makes others lock another file.
			still, err = names(path, l.info)
		}
		if still {
			return nil
		}
		l.close()
		if err != nil {
			return err
		}
	}
	for {
		if err := s.openLock(l, path); err != nil {
			return err
		}
		err := s.waitLock(ctx, l.file, how)
		if err == nil {
			return nil
		}
		l.close()
		if !errors.Is(err, syscall.EBADF) || l.flags == os.O_RDWR {
			return err
		}
		l.flags = os.O_RDWR // NFS gives a lock alone to those who can write
	}
}

// openLock opens a lock file, having made it where there was none.
func (s *Store) openLock(l *lockFile, path string) error {
	return s.inFolder(filepath.Dir(path), func() error {
		f, err := os.OpenFile(path, l.flags|os.O_CREATE, 0o666)
		if err != nil {
			return err
		}
		if l.info, err = f.Stat(); err != nil {
			f.Close()
			return err
		}
		l.file = f
		return nil
	})
}

// release lets go of the lock that take has taken.
func (s *Store) release(l *lockFile) {
	if err := s.flock(int(l.file.Fd()), syscall.LOCK_UN); err != nil {
		l.close() // which cannot fail to let go
	}
}

// sharers is a lock file whose lock this process has for as long as any of its
// goroutines wants it.
type sharers struct {
	lockFile
	number int
}

// share waits until no other process has the lock of l alone, or ctx is done. The
// caller calls unshare.
func (s *Store) share(ctx context.Context, l *sharers) (unshare func(), err error) {
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	defer l.leave()
	if l.number == 0 {
		if err := s.take(ctx, &l.lockFile, syscall.LOCK_SH); err != nil {
			return nil, err
		}
	}
	l.number++
	return func() {
		l.queue <- struct{}{} // nobody is in it for long while the lock is held
		defer l.leave()
		if l.number--; l.number == 0 {
			s.release(&l.lockFile)
		}
	}, nil
}

// waitLock locks f, trying again and again until it succeeds or ctx is done.
func (s *Store) waitLock(ctx context.Context, f *os.File, how int) error {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if ok, err := s.tryLockAs(f, how); ok || err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
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

// names reports whether path still names the file that is described.
func names(path string, file fs.FileInfo) (bool, error) {
	at, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(at, file), err
}

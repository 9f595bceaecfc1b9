package local

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// openLock opens the lock file of an object, which must be there.
func openLock(t *testing.T, s *Store, object string) *os.File {
	t.Helper()
	f, err := os.Open(s.path(lockName(stripeOf(object))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// holdLock takes the lock of an object as another process would: past the queue
// of s. The lock ends when the file is closed.
func holdLock(t *testing.T, s *Store, object string) *os.File {
	t.Helper()
	unlock, err := s.lock(t.Context(), object)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	f := openLock(t, s, object)
	if ok, err := s.tryLock(f); !ok {
		t.Fatalf("lock: %v", err)
	}
	return f
}

func TestPutWaitsForLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		other := holdLock(t, s, "a")
		result := make(chan error)
		go func() {
			_, err := s.Put(t.Context(), "a", []byte("x"), sinks.IfAbsent())
			result <- err
		}()
		synctest.Wait() // until it pauses between two attempts
		if got := list(t, s, ""); len(got) > 0 {
			t.Errorf("objects %q were put while another process held the lock", got)
		}
		other.Close()
		if err := <-result; err != nil {
			t.Errorf("put: %v", err)
		}
		if diff := cmp.Diff([]string{"a"}, files(t, s)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	})
}

// The condition is checked after the wait, not only before.
func TestConditionAfterLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		other := holdLock(t, s, "a")
		result := make(chan error)
		go func() {
			_, err := s.Put(t.Context(), "a", []byte("late"), sinks.IfAbsent())
			result <- err
		}()
		synctest.Wait()
		if err := os.WriteFile(s.path("a"), []byte("early"), 0o666); err != nil {
			t.Fatal(err)
		}
		other.Close()
		var conflict *sinks.ConflictError
		if err := <-result; !errors.As(err, &conflict) {
			t.Errorf("put: error %v, want a conflict", err)
		}
		if got, err := os.ReadFile(s.path("a")); string(got) != "early" {
			t.Errorf("content %q, error %v", got, err)
		}
		if diff := cmp.Diff([]string{"a"}, files(t, s)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	})
}

func TestWaitingEndsWithContext(t *testing.T) {
	for name, wait := range map[string]func(*testing.T, *Store) (release func()){
		"for another process": func(t *testing.T, s *Store) func() {
			f := holdLock(t, s, "b")
			return func() { f.Close() }
		},
		"for another goroutine": func(t *testing.T, s *Store) func() {
			unlock, err := s.lock(t.Context(), "b")
			if err != nil {
				t.Fatal(err)
			}
			return unlock
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t)
				release := wait(t, s)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if _, err := s.Put(ctx, "b", []byte("x"), sinks.IfAbsent()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("put: error %v, want context.DeadlineExceeded", err)
				}
				if got := files(t, s); len(got) > 0 {
					t.Errorf("files %q are left", got)
				}
				release()
				put(t, s, "b", "x") // nothing stayed locked
			})
		})
	}
}

func TestDeleteWaitsForLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		info := put(t, s, "a", "x")
		other := holdLock(t, s, "a")
		result := make(chan error)
		go func() { result <- s.Delete(t.Context(), "a", sinks.IfVersion(info.Version)) }()
		synctest.Wait()
		if diff := cmp.Diff([]string{"a"}, list(t, s, "")); diff != "" {
			t.Errorf("objects while another process holds the lock (-want +got):\n%s", diff)
		}
		other.Close()
		if err := <-result; err != nil {
			t.Errorf("delete: %v", err)
		}
	})
}

// Processes race for one counter; each has its own queue, so that only the lock
// files stand between them.
func TestProcessesCompareAndSwap(t *testing.T) {
	const processes = 4
	s := open(t)
	put(t, s, "counter", "0")
	var running []*process
	for range processes {
		running = append(running, start(t, "increment", s.root))
	}
	for _, p := range running {
		p.awaitReady()
	}
	for _, p := range running {
		p.stdin.Close()
	}
	for _, p := range running {
		if out := p.finish(); out != "" {
			t.Errorf("helper: %s", out)
		}
	}
	got, _, err := s.Get(t.Context(), "counter")
	if err != nil {
		t.Fatal(err)
	}
	if want := strconv.Itoa(processes * helperIncrements); string(got) != want {
		t.Errorf("counter is %s, want %s: updates were lost", got, want)
	}
	if diff := cmp.Diff([]string{"counter"}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestCrashReleasesLock(t *testing.T) {
	s := open(t)
	p := start(t, "hold lock", s.root)
	p.awaitReady()
	if ok, err := s.tryLock(openLock(t, s, "a")); ok || err != nil {
		t.Errorf("lock that another process holds: %t, error %v; want false", ok, err)
	}
	p.kill()
	put(t, s, "a", "x")
}

// Where no lock works, nothing can be put, and the answer says why.
func TestFileSystemWithoutLocks(t *testing.T) {
	for name, flock := range map[string]func(fd, how int) error{
		"not supported":   func(int, int) error { return syscall.EOPNOTSUPP },
		"no lock manager": func(int, int) error { return syscall.ENOLCK },
		"granted to all":  func(int, int) error { return nil },
		"system lacks it": func(int, int) error { return syscall.ENOSYS },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			s.flock = flock
			_, err := s.Put(t.Context(), "a", []byte("x"), sinks.IfAbsent())
			if !errors.Is(err, sinks.ErrUnreachable) || !errors.Is(err, errNoLocks) || !strings.Contains(err.Error(), "no working locks") {
				t.Errorf("put: error %v", err)
			}
			if got := files(t, s); len(got) > 0 {
				t.Errorf("files %q are left", got)
			}
		})
	}
}

// A lock file that stays open is of no use once its name is that of another file:
// that one is what other processes lock.
func TestLockFilesAreCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		put(t, s, "a", "x")
		if err := os.RemoveAll(s.path(lockFolder)); err != nil {
			t.Fatal(err)
		}
		other, err := Open(s.root)
		if err != nil {
			t.Fatal(err)
		}
		unlock, err := other.lock(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() {
			_, err := s.Put(t.Context(), "b", []byte("x"), sinks.IfAbsent())
			result <- err
		}()
		synctest.Wait()
		if diff := cmp.Diff([]string{"a"}, list(t, s, "")); diff != "" {
			t.Errorf("objects while another process holds the lock (-want +got):\n%s", diff)
		}
		unlock()
		if err := <-result; err != nil {
			t.Errorf("put: %v", err)
		}
	})
}

// The lock that keeps sweepers away is there until the last of the goroutines
// that share it is done.
func TestSharedLock(t *testing.T) {
	s := open(t)
	other, err := Open(s.root)
	if err != nil {
		t.Fatal(err)
	}
	alone := newLockFile(sweepLock)
	defer alone.close()
	if err := other.take(t.Context(), &alone, syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	other.release(&alone)
	excluded := func() bool {
		ok, err := other.tryLock(alone.file)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			other.release(&alone)
		}
		return !ok
	}
	for range 3 {
		first, err := s.share(t.Context(), &s.sweep)
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.share(t.Context(), &s.sweep)
		if err != nil {
			t.Fatal(err)
		}
		for i, unshare := range []func(){first, second} {
			if !excluded() {
				t.Errorf("a sweeper got the lock although %d goroutines share it", 2-i)
			}
			unshare()
		}
		if excluded() {
			t.Error("the lock is held although nobody shares it")
		}
	}
}

// Close lets go of what is open, and no more than that.
func TestClose(t *testing.T) {
	s := open(t)
	put(t, s, "a", "x")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if f := s.stripes[stripeOf("a")].file; f != nil || s.sweep.file != nil {
			t.Error("lock files are open")
		}
		if _, err := s.seen.folder.Load().file.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the root is open: error %v", err)
		}
	}
	put(t, s, "b", "x")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// NFS wants a file to be open for writing that is locked by one alone.
func TestLocksThatNeedWriting(t *testing.T) {
	s := open(t)
	s.flock = func(fd, how int) error {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
		if errno != 0 {
			return errno
		}
		if how&syscall.LOCK_EX != 0 && flags&syscall.O_ACCMODE == syscall.O_RDONLY {
			return syscall.EBADF
		}
		return syscall.Flock(fd, how)
	}
	info := put(t, s, "a", "x")
	if _, err := s.Put(t.Context(), "a", []byte("y"), sinks.IfVersion(info.Version)); err != nil {
		t.Error(err)
	}
	crashed := s.path(temporaryPrefix + "x" + temporarySuffix)
	if err := os.WriteFile(crashed, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	sweeps(t, s, 1)
}

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// gatedFlushes makes every flush of a folder of s wait until something is sent,
// which is its error.
func gatedFlushes(t *testing.T, s *Store) (begun chan []string, end chan error) {
	t.Helper()
	begun, end = make(chan []string, 100), make(chan error)
	s.flushes.parallel = 1
	s.flushes.sync = func(dir string) error {
		begun <- namesIn(t, dir)
		return <-end
	}
	return begun, end
}

// namesIn returns the names of the objects in a folder.
func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	found := []string{}
	for _, entry := range entries {
		if !entry.IsDir() && !isTemporary(entry.Name()) {
			found = append(found, entry.Name())
		}
	}
	return found
}

// A put ends with a flush of the folder that began after its rename, so whoever
// renames while one is under way waits for the next; all who do share that one,
// and its error.
func TestFlushIsShared(t *testing.T) {
	for name, failure := range map[string]error{"flushed": nil, "failed": &os.PathError{Op: "sync", Path: "a", Err: syscall.EIO}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t)
				old := put(t, s, "a/old", "x")
				begun, end := gatedFlushes(t, s)
				first, others := make(chan error, 1), make(chan error, 100)
				go func() {
					_, err := s.Put(t.Context(), "a/0", nil, sinks.IfAbsent())
					first <- err
				}()
				synctest.Wait()
				if diff := cmp.Diff([]string{"0", "old"}, <-begun); diff != "" {
					t.Errorf("first flush began with (-want +got):\n%s", diff)
				}
				for i := range 5 {
					go func() {
						_, err := s.Put(t.Context(), fmt.Sprintf("a/%d", i+1), nil, sinks.IfAbsent())
						others <- err
					}()
				}
				go func() { others <- s.Delete(t.Context(), "a/old", sinks.IfVersion(old.Version)) }()
				synctest.Wait()
				if len(begun) > 0 || len(first) > 0 || len(others) > 0 {
					t.Errorf("%d more flushes and %d puts did not wait for the first flush", len(begun), len(first)+len(others))
				}
				end <- nil
				synctest.Wait()
				if len(first) != 1 || <-first != nil {
					t.Error("the first put did not end well with its flush")
				}
				if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5"}, <-begun); diff != "" {
					t.Errorf("second flush began with (-want +got):\n%s", diff)
				}
				if len(others) > 0 {
					t.Errorf("%d returned before a flush that began after them has ended", len(others))
				}
				end <- failure
				for range 6 {
					err := <-others
					if !errors.Is(err, failure) || errors.Is(err, sinks.ErrUnreachable) != (failure != nil) {
						t.Errorf("error %v, want that of the flush: %v", err, failure)
					}
				}
				if len(begun) > 0 {
					t.Errorf("%d flushes more than needed", len(begun))
				}
				go func() { end <- nil }()
				put(t, s, "a/6", "") // one that failed is not the last one
				if n := len(s.flushes.folders); n > 0 {
					t.Errorf("%d folders are kept although nobody waits for them", n)
				}
			})
		})
	}
}

// Folders are flushed independently of each other.
func TestFlushOfAnotherFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		put(t, s, "a/0", "")
		put(t, s, "b/0", "")
		release := make(chan struct{})
		s.flushes.sync = func(dir string) error {
			if filepath.Base(dir) == "a" {
				<-release
			}
			return nil
		}
		slow := make(chan error)
		go func() {
			_, err := s.Put(t.Context(), "a/1", nil, sinks.IfAbsent())
			slow <- err
		}()
		synctest.Wait()
		put(t, s, "b/1", "")
		close(release)
		if err := <-slow; err != nil {
			t.Error(err)
		}
	})
}

// Many at once: whoever returns is in a flush that had it from the beginning and
// has ended.
func TestNoPutReturnsUnflushed(t *testing.T) {
	s := open(t)
	put(t, s, "a/first", "")
	var mu sync.Mutex
	flushed, flushes := map[string]bool{}, 0
	s.flushes.sync = func(dir string) error {
		found := namesIn(t, dir)
		err := syncFolder(dir)
		mu.Lock()
		defer mu.Unlock()
		flushes++
		for _, name := range found {
			flushed[name] = true
		}
		return err
	}
	const goroutines, puts = 8, 40
	var all sync.WaitGroup
	for i := range goroutines {
		all.Go(func() {
			for j := range puts {
				name := fmt.Sprintf("%d-%d", i, j)
				if _, err := s.Put(t.Context(), "a/"+name, nil, sinks.IfAbsent()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				if !flushed[name] {
					t.Errorf("%s returned before it was flushed", name)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if flushes > goroutines*puts {
		t.Errorf("%d flushes for %d puts", flushes, goroutines*puts)
	}
}

// The lock of an object is not held while a slow disk flushes: who waits for it,
// here or in another process, goes on.
func TestFlushHoldsNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		put(t, s, "a/0", "")
		begun, end := gatedFlushes(t, s)
		result := make(chan error)
		go func() {
			_, err := s.Put(t.Context(), "a/1", nil, sinks.IfAbsent())
			result <- err
		}()
		<-begun
		other, err := Open(s.root)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		unlock, err := other.lock(ctx, "a/1")
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		end <- nil
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

// An object that another process has put, and not flushed before it died, is flushed
// before a put tells that it is there: the caller may take it for its own, and name it in
// another folder, which the disk may have first.
func TestObjectInTheWayIsFlushed(t *testing.T) {
	root := t.TempDir()
	died, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer died.Close()
	died.flushes.sync = func(dir string) error {
		if dir == root { // it gets as far as the folder of the object
			return nil
		}
		return syscall.EIO
	}
	if _, err := died.Put(t.Context(), "a/x", []byte("x"), sinks.IfAbsent()); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var flushed []string
	s.flushes.sync = func(dir string) error {
		flushed = append(flushed, dir)
		return nil
	}
	_, err = s.Put(t.Context(), "a/x", []byte("x"), sinks.IfAbsent())
	if current, lost := sinks.Conflict(err); !lost || current == nil {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{root, filepath.Join(root, "a")}, flushed); diff != "" {
		t.Errorf("folders flushed (-want +got):\n%s", diff)
	}
	s.flushes.sync = func(string) error { return syscall.EIO }
	if _, err = s.Put(t.Context(), "a/x", []byte("x"), sinks.IfAbsent()); !errors.Is(err, syscall.EIO) {
		t.Errorf("error %v, want that of the flush", err)
	}
}

package local

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"enrow-export/sinks"
)

func TestFactsOfARoot(t *testing.T) {
	s := open(t)
	put(t, s, "a", "x")
	if n, err := s.Space(); err != nil || n == 0 {
		t.Errorf("space %d, error %v", n, err)
	}
	if _, err := s.Network(); err != nil {
		t.Error(err)
	}
	before := time.Now().Add(-time.Second) // a file system may keep whole seconds
	if at, err := s.Clock(t.Context()); err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("clock %v, error %v", at, err)
	}
	if err := s.Locks(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := s.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("%d temporaries are left, error %v", n, err)
	}
}

// Locks that are granted to all are found out.
func TestLocksThatExcludeNobody(t *testing.T) {
	s := open(t)
	s.flock = func(int, int) error { return nil }
	if err := s.Locks(t.Context()); !errors.Is(err, errNoLocks) || !errors.Is(err, sinks.ErrUnreachable) {
		t.Errorf("error %v", err)
	}
	s.flock = func(int, int) error { return syscall.ENOLCK }
	if err := s.Locks(t.Context()); !errors.Is(err, errNoLocks) {
		t.Errorf("error %v", err)
	}
}

// Leftovers counts what Sweep would remove, and leaves it there.
func TestLeftovers(t *testing.T) {
	s := open(t)
	put(t, s, "folder/a", "x")
	living, err := s.newTemporary(t.Context(), s.path("folder"))
	if err != nil {
		t.Fatal(err)
	}
	defer living.close()
	dead := filepath.Join(s.path("folder"), temporaryPrefix+"dead"+temporarySuffix)
	if err := os.WriteFile(dead, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := s.Leftovers(t.Context()); n != 1 || err != nil {
			t.Errorf("%d, error %v", n, err)
		}
	}
	sweeps(t, s, 1)
	if n, err := s.Leftovers(t.Context()); n != 0 || err != nil {
		t.Errorf("%d, error %v", n, err)
	}
}

package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

func TestSweepTellsTheDeadFromTheLiving(t *testing.T) {
	s := open(t)
	put(t, s, "a", "x")
	dead, living := start(t, "temporary", s.root), start(t, "temporary", s.root)
	dead.awaitReady()
	living.awaitReady()
	if got := len(files(t, s)); got != 3 {
		t.Fatalf("%d files, want the object and 2 temporaries", got)
	}
	sweeps(t, s, 0)
	dead.kill()
	sweeps(t, s, 1)
	if got := len(files(t, s)); got != 2 {
		t.Fatalf("%d files, want the object and 1 temporary", got)
	}
	living.kill()
	sweeps(t, s, 1)
	if diff := cmp.Diff([]string{"a"}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func sweeps(t *testing.T, s *Store, want int) {
	t.Helper()
	if got, err := s.Sweep(t.Context()); got != want || err != nil {
		t.Errorf("sweep: %d, error %v; want %d", got, err, want)
	}
}

func TestSweepOnlyTemporaries(t *testing.T) {
	s := open(t)
	kept := []string{
		"a/.enrow-export-x", "a/.x.tmp", "a/b.parquet", "a/enrow-export-x.tmp", "a/x.tmp",
	}
	for _, name := range kept {
		put(t, s, name, "x")
	}
	gone := []string{temporaryPrefix + "1" + temporarySuffix, "a/b/c/" + temporaryPrefix + "2" + temporarySuffix}
	for _, name := range gone {
		if err := s.makeFolder(filepath.Dir(s.path(name))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.path(name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// A folder and a link that are named like a temporary are nobody's.
	named := s.path("a/" + temporaryPrefix + "3" + temporarySuffix)
	if err := os.Mkdir(named, 0o777); err != nil {
		t.Fatal(err)
	}
	link := temporaryPrefix + "4" + temporarySuffix
	if err := os.Symlink(s.path("a/x.tmp"), s.path(link)); err != nil {
		t.Fatal(err)
	}
	sweeps(t, s, len(gone))
	sweeps(t, s, 0)
	if diff := cmp.Diff(append([]string{link}, kept...), files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(named); err != nil {
		t.Errorf("folder: %v", err)
	}
}

func TestSweepCancelled(t *testing.T) {
	s := open(t)
	put(t, s, "a", "x")
	name := temporaryPrefix + "1" + temporarySuffix
	if err := os.WriteFile(s.path(name), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := s.Sweep(ctx); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("sweep: %d, error %v; want context.Canceled", n, err)
	}
	if diff := cmp.Diff([]string{name, "a"}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Sweepers at work leave a writer's temporaries alone, and must not get it to
// publish nothing, or another's content, or to fail.
func TestSweepWhilePutting(t *testing.T) {
	s := open(t)
	other, err := Open(s.root)
	if err != nil {
		t.Fatal(err)
	}
	info := put(t, s, "a", "0")
	ctx, stop := context.WithCancel(t.Context())
	var sweeper sync.WaitGroup
	sweeper.Go(func() {
		for ctx.Err() == nil {
			n, err := other.Sweep(ctx)
			if n != 0 || err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("sweep: %d removed, error %v; want none, since the writer lives", n, err)
			}
		}
	})
	defer sweeper.Wait()
	defer stop()
	for i := range 200 {
		content := []byte{byte(i)}
		if info, err = s.Put(t.Context(), "a", content, sinks.IfVersion(info.Version)); err != nil {
			t.Fatalf("put: %v", err)
		}
		if got, _, err := s.Get(t.Context(), "a"); err != nil || string(got) != string(content) {
			t.Fatalf("get: %q, error %v; want %q", got, err, content)
		}
	}
}

package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// departures are the ways in which a root stops being the folder that it was.
// Each leaves what was in it at the path that it returns, if anywhere.
var departures = map[string]func(t *testing.T, root string) (gone string){
	"moved": moveAway,
	"removed": func(t *testing.T, root string) string {
		must(t, os.RemoveAll(root))
		return ""
	},
	"replaced": func(t *testing.T, root string) string {
		gone := moveAway(t, root)
		makeLike(t, root, gone)
		return gone
	},
	// Many file systems would give the new folder the number of the old one.
	"removed and made again": func(t *testing.T, root string) string {
		must(t, os.RemoveAll(root))
		must(t, os.Mkdir(root, 0o777))
		return ""
	},
	"replaced by a link to another": func(t *testing.T, root string) string {
		gone := moveAway(t, root)
		other := t.TempDir()
		makeLike(t, other, gone)
		must(t, os.Symlink(other, root))
		return gone
	},
	"replaced by a link to nothing": func(t *testing.T, root string) string {
		gone := moveAway(t, root)
		must(t, os.Symlink(root+"-void", root))
		return gone
	},
	"replaced by a file": func(t *testing.T, root string) string {
		gone := moveAway(t, root)
		must(t, os.WriteFile(root, nil, 0o666))
		return gone
	},
}

func moveAway(t *testing.T, root string) string {
	t.Helper()
	gone := filepath.Join(t.TempDir(), "gone")
	must(t, os.Rename(root, gone))
	return gone
}

// makeLike makes a folder with the folders and lock files that another has, so
// that nothing but the folder itself tells it from that one.
func makeLike(t *testing.T, dir, other string) {
	t.Helper()
	must(t, filepath.WalkDir(other, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(other, path)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o777)
		case isLock(filepath.ToSlash(name)):
			return os.WriteFile(filepath.Join(dir, name), nil, 0o666)
		}
		return nil
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// filesAt returns the paths of all files below root, lock files excepted, and
// nothing when root is none.
func filesAt(t *testing.T, root string) []string {
	t.Helper()
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return []string{}
	}
	dir, err := filepath.EvalSymlinks(root)
	must(t, err)
	return files(t, &Store{root: dir})
}

// A folder that is at the place of the root later has not the objects that were
// put before. Nothing may be put there that goes with them, and nothing is made.
func TestRootIsAnotherFolder(t *testing.T) {
	for how, depart := range departures {
		for op, do := range map[string]func(*Store, sinks.Info) error{
			"put beside": func(s *Store, _ sinks.Info) error {
				_, err := s.Put(t.Context(), "a/c", []byte("x"), sinks.IfAbsent())
				return err
			},
			"put elsewhere": func(s *Store, _ sinks.Info) error {
				_, err := s.Put(t.Context(), "b/c", []byte("x"), sinks.IfAbsent())
				return err
			},
			"put at the top": func(s *Store, _ sinks.Info) error {
				_, err := s.Put(t.Context(), "c", []byte("x"), sinks.IfAbsent())
				return err
			},
			"put the same name": func(s *Store, _ sinks.Info) error {
				_, err := s.Put(t.Context(), "a/b", []byte("x"), sinks.IfAbsent())
				return err
			},
			"replace": func(s *Store, info sinks.Info) error {
				_, err := s.Put(t.Context(), "a/b", []byte("y"), sinks.IfVersion(info.Version))
				return err
			},
			"delete": func(s *Store, info sinks.Info) error {
				return s.Delete(t.Context(), "a/b", sinks.IfVersion(info.Version))
			},
			"make a folder": func(s *Store, _ sinks.Info) error { return s.classify(s.makeFolder(s.path("d/e"))) },
			"sweep": func(s *Store, _ sinks.Info) error {
				_, err := s.Sweep(t.Context())
				return err
			},
			"check": func(s *Store, _ sinks.Info) error { return s.Check(t.Context()) },
			"get": func(s *Store, _ sinks.Info) error {
				_, _, err := s.Get(t.Context(), "a/b")
				return err
			},
			"stat": func(s *Store, _ sinks.Info) error {
				_, err := s.Stat(t.Context(), "a/b")
				return err
			},
		} {
			t.Run(how+"/"+op, func(t *testing.T) {
				s := open(t)
				info := put(t, s, "a/b", "x")
				gone := depart(t, s.root)
				before, beforeErr := os.ReadDir(s.root)
				for range 2 {
					if err := do(s, info); !errors.Is(err, sinks.ErrUnreachable) || errors.Is(err, sinks.ErrNotExist) {
						t.Errorf("error %v, want ErrUnreachable", err)
					}
				}
				if after, err := os.ReadDir(s.root); len(after) != len(before) || (err == nil) != (beforeErr == nil) {
					t.Errorf("the new root holds %v, error %v; it held %v, error %v", after, err, before, beforeErr)
				}
				if gone == "" {
					return
				}
				if diff := cmp.Diff([]string{"a/b"}, filesAt(t, gone)); diff != "" {
					t.Errorf("files in the folder that was moved (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Whatever happens to the root at whichever step of putting the second of two
// objects: it is where the first one is, or nowhere.
func TestRootDepartsAtAnyStep(t *testing.T) {
	for how, depart := range departures {
		t.Run(how, func(t *testing.T) {
			for step := 1; ; step++ {
				s := open(t)
				put(t, s, "a/data", "x")
				put(t, s, "b/entry", "x") // so that no folder is to be made
				steps, gone, departed := 0, "", false
				next := func() {
					if steps++; steps == step {
						gone, departed = depart(t, s.root), true
					}
				}
				flock, sync := s.flock, s.flushes.sync
				s.flock = func(fd, how int) error {
					next()
					defer next()
					return flock(fd, how)
				}
				s.flushes.sync = func(dir string) error {
					next()
					defer next()
					return sync(dir)
				}
				_, err := s.Put(t.Context(), "b/entry2", []byte("x"), sinks.IfAbsent())
				s.flock, s.flushes.sync = flock, sync
				if !departed {
					if step < 8 || err != nil {
						t.Errorf("there were %d steps, error %v", step-1, err)
					}
					return
				}
				if err != nil && !errors.Is(err, sinks.ErrUnreachable) {
					t.Errorf("step %d: error %v, want ErrUnreachable", step, err)
				}
				if got := filesAt(t, s.root); len(got) > 0 {
					t.Errorf("step %d: files %q were put into the new root", step, got)
				}
				if gone != "" && err == nil {
					if _, err := os.Stat(filepath.Join(gone, "b/entry2")); err != nil {
						t.Errorf("step %d: what was put is not beside the first object: %v", step, err)
					}
				}
				if _, err := s.Put(t.Context(), "b/entry3", []byte("x"), sinks.IfAbsent()); !errors.Is(err, sinks.ErrUnreachable) {
					t.Errorf("step %d: the next put: error %v, want ErrUnreachable", step, err)
				}
				if got := filesAt(t, s.root); len(got) > 0 {
					t.Errorf("step %d: files %q were put into the new root", step, got)
				}
			}
		})
	}
}

// That the root was another folder for a while is not forgotten: something may
// have been found there that is not in the one that is back.
func TestRootComesBack(t *testing.T) {
	s := open(t)
	put(t, s, "a", "x")
	gone := moveAway(t, s.root)
	if err := s.Check(t.Context()); !errors.Is(err, ErrMoved) {
		t.Errorf("check: error %v, want ErrMoved", err)
	}
	must(t, os.Rename(gone, s.root))
	if _, err := s.Put(t.Context(), "b", []byte("x"), sinks.IfAbsent()); !errors.Is(err, ErrMoved) {
		t.Errorf("put: error %v, want ErrMoved", err)
	}
	if diff := cmp.Diff([]string{"a"}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// A listing that finds nothing because the root is gone must not pass for one of
// a store without objects.
func TestListingOfRootThatIsGone(t *testing.T) {
	for _, prefix := range []string{"", "a/", "a/b", "c/"} {
		s := open(t)
		put(t, s, "a/b", "x")
		moveAway(t, s.root)
		var got error
		for _, got = range s.List(t.Context(), prefix) {
		}
		if !errors.Is(got, sinks.ErrUnreachable) {
			t.Errorf("list %q: error %v, want ErrUnreachable", prefix, got)
		}
	}
	s := open(t)
	put(t, s, "a/1", "x")
	put(t, s, "a/2", "x")
	var got error
	for info, err := range s.List(t.Context(), "a/") {
		if info.Name == "a/1" {
			moveAway(t, s.root)
		}
		got = err
	}
	if !errors.Is(got, sinks.ErrUnreachable) {
		t.Errorf("moved while it is listed: error %v, want ErrUnreachable", got)
	}
}

// Reading is enough to have seen the root.
func TestRootSeenByReading(t *testing.T) {
	for op, do := range operations {
		if op == "put" || op == "list" || op == "list folder" {
			continue // one makes it, and listing a folder that is there needs no look at the root
		}
		s := open(t)
		must(t, os.Mkdir(s.root, 0o777))
		_ = do(t.Context(), s)
		moveAway(t, s.root)
		if _, err := s.Put(t.Context(), "a", nil, sinks.IfAbsent()); !errors.Is(err, ErrMoved) {
			t.Errorf("put after %s: error %v, want ErrMoved", op, err)
		}
		if _, err := os.Lstat(s.root); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %s the root was made again: error %v", op, err)
		}
	}
}

// The link that a root is may be led elsewhere.
func TestLinkedRootIsLedElsewhere(t *testing.T) {
	s := open(t)
	first, second := t.TempDir(), t.TempDir()
	must(t, os.Symlink(first, s.root))
	put(t, s, "a", "x")
	put(t, s, "b", "x")
	must(t, os.Remove(s.root))
	must(t, os.Symlink(second, s.root))
	if _, err := s.Put(t.Context(), "c", []byte("x"), sinks.IfAbsent()); !errors.Is(err, ErrMoved) {
		t.Errorf("put: error %v, want ErrMoved", err)
	}
	// Another way to the same folder is none to another one.
	s = open(t)
	must(t, os.Symlink(first, s.root))
	put(t, s, "d", "x")
	must(t, os.Remove(s.root))
	must(t, os.Rename(first, s.root))
	put(t, s, "e", "x")
	if got := filesAt(t, second); len(got) > 0 {
		t.Errorf("files %q", got)
	}
}

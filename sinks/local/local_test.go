package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) sinks.Store {
		s := open(t)
		t.Cleanup(func() {
			if _, err := os.Stat(s.root); errors.Is(err, fs.ErrNotExist) {
				return
			}
			for _, name := range files(t, s) {
				if isTemporary(filepath.Base(name)) {
					t.Errorf("temporary %s is left", name)
				}
			}
		})
		return s
	})
}

func TestOpen(t *testing.T) {
	if _, err := Open(""); err == nil {
		t.Error("open without a folder: no error")
	}
	t.Chdir(t.TempDir())
	s, err := Open("out")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	put(t, s, "a", "x")
	if _, err := os.Stat("out"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the root moved with the working directory: error %v", err)
	}
}

func TestReadingMakesNoRoot(t *testing.T) {
	s := open(t)
	if _, _, err := s.Get(t.Context(), "a"); !errors.Is(err, sinks.ErrNotExist) {
		t.Errorf("get: error %v, want ErrNotExist", err)
	}
	if _, err := s.Stat(t.Context(), "a"); !errors.Is(err, sinks.ErrNotExist) {
		t.Errorf("stat: error %v, want ErrNotExist", err)
	}
	if err := s.Delete(t.Context(), "a", sinks.IfVersion("1")); !errors.Is(err, sinks.ErrNotExist) {
		t.Errorf("delete: error %v, want ErrNotExist", err)
	}
	var conflict *sinks.ConflictError
	if _, err := s.Put(t.Context(), "a", nil, sinks.IfVersion("1")); !errors.As(err, &conflict) {
		t.Errorf("put: error %v, want a conflict", err)
	}
	for info, err := range s.List(t.Context(), "") {
		t.Errorf("list yielded %q, error %v", info.Name, err)
	}
	if n, err := s.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("sweep: %d, error %v", n, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	if _, err := os.Lstat(s.root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the root was made: error %v", err)
	}
}

// Files are shared with other users as the umask says, like any other file.
func TestPermissions(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	s := open(t)
	put(t, s, "a/b", "x")
	for path, want := range map[string]fs.FileMode{
		"":                        fs.ModeDir | 0o750,
		"a":                       fs.ModeDir | 0o750,
		"a/b":                     0o640,
		lockFolder:                fs.ModeDir | 0o750,
		lockName(stripeOf("a/b")): 0o640,
	} {
		info, err := os.Stat(s.path(path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%q has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestOwnNamesAreRefused(t *testing.T) {
	s := open(t)
	for _, name := range []string{
		lockFolder + "/" + lockPrefix + "00",
		lockFolder + "/" + lockPrefix + "x",
		temporaryPrefix + "x" + temporarySuffix,
		"a/" + temporaryPrefix + temporarySuffix,
	} {
		if _, err := s.Put(t.Context(), name, nil, sinks.IfAbsent()); err == nil {
			t.Errorf("put %q: no error", name)
		}
		if _, _, err := s.Get(t.Context(), name); err == nil || errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("get %q: error %v, want one of the name", name, err)
		}
	}
}

// A name that is too long for the file system is an error of that object alone.
func TestLongNames(t *testing.T) {
	s := open(t)
	longest := strings.Repeat("a", 255)
	put(t, s, longest, "x")
	_, err := s.Put(t.Context(), longest+"a", nil, sinks.IfAbsent())
	if !errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, sinks.ErrUnreachable) {
		t.Errorf("put under a name of 256 bytes: error %v", err)
	}
	if diff := cmp.Diff([]string{longest}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestFolderIsNoObject(t *testing.T) {
	s := open(t)
	put(t, s, "a/b/c", "x")
	for _, name := range []string{"a", "a/b"} {
		if _, _, err := s.Get(t.Context(), name); !errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("get %s: error %v, want ErrNotExist", name, err)
		}
		if err := s.Delete(t.Context(), name, sinks.IfVersion("1")); !errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("delete %s: error %v, want ErrNotExist", name, err)
		}
		_, err := s.Put(t.Context(), name, nil, sinks.IfAbsent())
		refused(t, err)
		_, err = s.Put(t.Context(), name, nil, sinks.IfVersion("1"))
		refused(t, err)
	}
	_, err := s.Put(t.Context(), "a/b/c/d", nil, sinks.IfAbsent())
	refused(t, err)
	if diff := cmp.Diff([]string{"a/b/c"}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// refused checks that a put failed for its name, and not in a way that says
// that something is missing, lost or unusable.
func refused(t *testing.T, err error) {
	t.Helper()
	var conflict *sinks.ConflictError
	if err == nil || errors.Is(err, sinks.ErrNotExist) || errors.Is(err, sinks.ErrUnreachable) || errors.As(err, &conflict) {
		t.Errorf("put where files and folders clash: error %v", err)
	}
}

// Of all that may be in a folder only regular files with possible names are
// objects, and opening the rest must not block.
func TestOnlyFilesAreObjects(t *testing.T) {
	s := open(t)
	put(t, s, "a/file", "x")
	elsewhere := t.TempDir()
	outside := filepath.Join(elsewhere, "outside")
	if err := os.WriteFile(outside, []byte("untouched"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(path string) error{
		"a/link to file":   func(path string) error { return os.Symlink(outside, path) },
		"a/link to folder": func(path string) error { return os.Symlink(elsewhere, path) },
		"a/link to itself": func(path string) error { return os.Symlink(path, path) },
		"a/link to void":   func(path string) error { return os.Symlink(path+"?", path) },
		"a/pipe":           func(path string) error { return syscall.Mkfifo(path, 0o666) },
	} {
		if err := make(s.path(name)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Get(t.Context(), name); !errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("get %s: error %v, want ErrNotExist", name, err)
		}
	}
	if err := os.WriteFile(s.path(`a/back\slash`), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a/z", "x")
	if diff := cmp.Diff([]string{"a/file", "a/z"}, list(t, s, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	put(t, s, "a/link to file", "x") // takes the place of the link
	if diff := cmp.Diff([]string{"a/file", "a/link to file", "a/z"}, list(t, s, "a/")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != "untouched" {
		t.Errorf("what the link led to is now %q, error %v", got, err)
	}
}

// A link to an entry, say, must not look as if there were none: its files would have
// nobody who names them.
func TestOwnFoldersHaveFilesAlone(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	for what, make := range map[string]func(path string) error{
		"a symbolic link": func(path string) error { return os.Symlink(target, path) },
		"a pipe":          func(path string) error { return syscall.Mkfifo(path, 0o666) },
		"a directory":     func(path string) error { return os.Mkdir(path, 0o777) },
	} {
		s := open(t)
		put(t, s, "_manifest/t/a.json", "x")
		const name = "_manifest/t/b.json"
		if err := make(s.path(name)); err != nil {
			t.Fatal(err)
		}
		_, _, getErr := s.Get(t.Context(), name)
		_, putErr := s.Put(t.Context(), name, []byte("y"), sinks.IfAbsent())
		for op, err := range map[string]error{"get": getErr, "put": putErr, "list": listErr(t, s, "_manifest/t/"), "list all": listErr(t, s, "")} {
			if err == nil || errors.Is(err, sinks.ErrNotExist) || !strings.Contains(err.Error(), name+" is "+what) {
				t.Errorf("%s where %s is: error %v", op, what, err)
			}
		}
	}
	s := open(t)
	put(t, s, "_manifest/t", "x")
	if err := listErr(t, s, "_manifest/t/"); err == nil || !strings.Contains(err.Error(), "_manifest/t is not a directory") {
		t.Errorf("list below a file: error %v", err)
	}
}

// listErr returns the error of a listing.
func listErr(t *testing.T, s *Store, prefix string) error {
	t.Helper()
	for _, err := range s.List(t.Context(), prefix) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestLinkedRoot(t *testing.T) {
	target := t.TempDir()
	s := open(t)
	if err := os.Symlink(target, s.root); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a/b", "x")
	crashed := filepath.Join(target, "a", temporaryPrefix+"x"+temporarySuffix)
	if err := os.WriteFile(crashed, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/b"}, list(t, s, "")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if n, err := s.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("sweep: %d, error %v; want 1", n, err)
	}
}

// A file that somebody else writes to in place has the number that it had, but
// not the content.
func TestWrittenInPlace(t *testing.T) {
	s := open(t)
	info := put(t, s, "a/b", "x")
	if err := os.WriteFile(s.path("a/b"), []byte("y"), 0o666); err != nil {
		t.Fatal(err)
	}
	var conflict *sinks.ConflictError
	_, err := s.Put(t.Context(), "a/b", []byte("z"), sinks.IfVersion(info.Version))
	if !errors.As(err, &conflict) || conflict.Current == nil || conflict.Current.Version == info.Version {
		t.Errorf("put: error %v, want a conflict with what is there", err)
	}
	if err := s.Delete(t.Context(), "a/b", sinks.IfVersion(info.Version)); !errors.As(err, &conflict) {
		t.Errorf("delete: error %v, want a conflict", err)
	}
	if got, _, err := s.Get(t.Context(), "a/b"); string(got) != "y" || err != nil {
		t.Errorf("content %q, error %v", got, err)
	}
	if diff := cmp.Diff([]string{"a/b"}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Somebody may clear folders while a store is in use, as long as the root stays.
func TestFolderIsCleared(t *testing.T) {
	s := open(t)
	put(t, s, "a/b/c", "x")
	for _, gone := range []string{"a/b", "a"} {
		if err := os.RemoveAll(s.path(gone)); err != nil {
			t.Fatal(err)
		}
		put(t, s, "a/b/c", "x")
	}
	if diff := cmp.Diff([]string{"a/b/c"}, files(t, s)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// A layout may have a folder for every batch; not all of them are remembered.
func TestManyFolders(t *testing.T) {
	s := open(t)
	put(t, s, "a/b", "x")
	for i := range 3 * maxDurable {
		s.noteDurable(s.path(strconv.Itoa(i)))
	}
	if n := len(s.durable); n > maxDurable {
		t.Errorf("%d folders are remembered", n)
	}
	put(t, s, "a/c", "x")
}

// put stores content where no object is.
func put(t *testing.T, s *Store, name, content string) sinks.Info {
	t.Helper()
	info, err := s.Put(t.Context(), name, []byte(content), sinks.IfAbsent())
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
	return info
}

// list returns the names of the objects.
func list(t *testing.T, s *Store, prefix string) []string {
	t.Helper()
	names := []string{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		names = append(names, info.Name)
	}
	return names
}

// The system gives the number of a file that was deleted to the next one. Its time
// tells that it is another, however soon it comes.
func TestSameBytesInAnotherFile(t *testing.T) {
	s := open(t)
	before := put(t, s, "a", "x")
	path := filepath.Join(s.root, "a")
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	other := stat.ModTime().Add(time.Nanosecond) // the least that a clock can tell
	if err := os.Chtimes(path, other, other); err != nil {
		t.Fatal(err)
	}
	after, err := s.Stat(t.Context(), "a")
	if err != nil || after.Version == before.Version {
		t.Errorf("version %q as before, error %v", after.Version, err)
	}
	var conflict *sinks.ConflictError
	if err := s.Delete(t.Context(), "a", sinks.IfVersion(before.Version)); !errors.As(err, &conflict) {
		t.Errorf("deleted as the one before: error %v", err)
	}
	times := make(map[time.Time]bool)
	for i := range 200 {
		name := strconv.Itoa(i)
		put(t, s, name, "x")
		stat, err := os.Stat(filepath.Join(s.root, name))
		if err != nil {
			t.Fatal(err)
		}
		times[stat.ModTime()] = true
	}
	if len(times) != 200 {
		t.Errorf("200 files have %d times", len(times))
	}
}

package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// operations are all that can be done to a store.
var operations = map[string]func(context.Context, *Store) error{
	"put": func(ctx context.Context, s *Store) error {
		_, err := s.Put(ctx, "a/b", []byte("x"), sinks.IfAbsent())
		return err
	},
	"get": func(ctx context.Context, s *Store) error {
		_, _, err := s.Get(ctx, "a/b")
		return err
	},
	"stat": func(ctx context.Context, s *Store) error {
		_, err := s.Stat(ctx, "a/b")
		return err
	},
	"delete": func(ctx context.Context, s *Store) error {
		return s.Delete(ctx, "a/b", sinks.IfVersion("1"))
	},
	"list": func(ctx context.Context, s *Store) (err error) {
		for _, err = range s.List(ctx, "") {
		}
		return err
	},
	"list folder": func(ctx context.Context, s *Store) (err error) {
		for _, err = range s.List(ctx, "a/") {
		}
		return err
	},
	"sweep": func(ctx context.Context, s *Store) error {
		_, err := s.Sweep(ctx)
		return err
	},
	"check": func(ctx context.Context, s *Store) error { return s.Check(ctx) },
}

func TestRootIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("untouched"), 0o666); err != nil {
		t.Fatal(err)
	}
	for where, root := range map[string]string{"at": file, "below": filepath.Join(file, "x", "y")} {
		s, err := Open(root)
		if err != nil {
			t.Fatal(err)
		}
		for op, do := range operations {
			err := do(t.Context(), s)
			if !errors.Is(err, sinks.ErrUnreachable) || errors.Is(err, sinks.ErrNotExist) {
				t.Errorf("%s, root %s a file: error %v, want ErrUnreachable", op, where, err)
				continue
			}
			if !strings.Contains(err.Error(), root) {
				t.Errorf("%s, root %s a file: %q does not name the root", op, where, err)
			}
		}
	}
	if got, err := os.ReadFile(file); string(got) != "untouched" {
		t.Errorf("the file holds %q, error %v", got, err)
	}
}

// A link to nothing is what a disk leaves behind that is not mounted.
func TestRootIsDanglingLink(t *testing.T) {
	s := open(t)
	if err := os.Symlink(s.root+"-gone", s.root); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"put", "list", "sweep", "check"} {
		if err := operations[op](t.Context(), s); !errors.Is(err, sinks.ErrUnreachable) {
			t.Errorf("%s: error %v, want ErrUnreachable", op, err)
		}
	}
}

// nobodysFolder returns a store whose root exists with the mode given, and can
// be reached by any user.
func nobodysFolder(t *testing.T, mode fs.FileMode) *Store {
	t.Helper()
	s := open(t)
	if err := os.Mkdir(s.root, 0o777); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(s.root); dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(s.root, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(s.root, 0o777) })
	return s
}

func TestRootReadOnly(t *testing.T) {
	s := nobodysFolder(t, 0o555)
	out := start(t, "put as nobody", s.root).finish()
	want := "check: destination cannot be used: access " + s.root + ": permission denied\n" +
		"unreachable=true destination cannot be used: mkdir " + s.path("a") + ": permission denied\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("put (-want +got):\n%s", diff)
	}
	if got := files(t, s); len(got) > 0 {
		t.Errorf("files %q", got)
	}
}

func TestRootUnreadable(t *testing.T) {
	s := nobodysFolder(t, 0o333)
	out := start(t, "list as nobody", s.root).finish()
	want := "check: destination cannot be used: access " + s.root + ": permission denied\n" +
		"unreachable=true destination cannot be used: open " + s.root + ": permission denied\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

// A destination that is complete may well be read-only: that a temporary stays
// is no reason to call it unusable.
func TestSweepReadOnly(t *testing.T) {
	s := nobodysFolder(t, 0o777)
	crashed := s.path(temporaryPrefix + "x" + temporarySuffix)
	if err := os.WriteFile(crashed, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	// Whatever the umask, it is the folder's permission that decides.
	if err := os.Chmod(crashed, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.root, 0o555); err != nil {
		t.Fatal(err)
	}
	out := start(t, "sweep as nobody", s.root).finish()
	if want := "unreachable=false mkdir " + s.path(lockFolder) + ": permission denied\n"; out != want {
		t.Errorf("sweep: %s, want %s", out, want)
	}
}

// The parent of a root that does not exist is what counts.
func TestRootCannotBeMade(t *testing.T) {
	s := nobodysFolder(t, 0o555)
	out := start(t, "put as nobody", filepath.Join(s.root, "x", "y")).finish()
	want := "check: destination cannot be used: access " + s.root + ": permission denied\n" +
		"unreachable=true destination cannot be used: mkdir " + s.path("x") + ": permission denied\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("put (-want +got):\n%s", diff)
	}
}

func TestFileSizeLimit(t *testing.T) {
	s := open(t)
	out := start(t, "put limited", s.root).finish()
	if !strings.HasPrefix(out, "unreachable=true ") || !strings.HasSuffix(out, ": file too large\n") {
		t.Errorf("put: %s", out)
	}
	if got := files(t, s); len(got) > 0 {
		t.Errorf("files %q are left", got)
	}
}

func TestClassify(t *testing.T) {
	s := open(t)
	for errno, want := range map[syscall.Errno]bool{
		syscall.ENOSPC:       true,
		syscall.EDQUOT:       true,
		syscall.EFBIG:        true,
		syscall.EROFS:        true,
		syscall.EACCES:       true,
		syscall.EPERM:        true,
		syscall.EIO:          true,
		syscall.ESTALE:       true,
		syscall.ENAMETOOLONG: false,
		syscall.EMFILE:       true,
		syscall.ENFILE:       true,
		syscall.ENOMEM:       true,
		syscall.ENOTDIR:      false, // the root could still be made
		syscall.EISDIR:       false,
	} {
		cause := &fs.PathError{Op: "write", Path: "a", Err: errno}
		err := s.classify(cause)
		if got := errors.Is(err, sinks.ErrUnreachable); got != want {
			t.Errorf("%v is unreachable: %t, want %t", errno, got, want)
		}
		if !errors.Is(err, cause) {
			t.Errorf("%v: cause is lost in %v", errno, err)
		}
	}
	conflict := &sinks.ConflictError{Name: "a"}
	for _, err := range []error{nil, conflict, context.Canceled} {
		if got := s.classify(err); got != err { //nolint:errorlint // the very same is meant
			t.Errorf("%v became %v", err, got)
		}
	}
}

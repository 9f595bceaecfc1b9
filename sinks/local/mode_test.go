package local

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"enrow-export/sinks"
)

// What is new has the mode that the umask leaves; what takes the place of a file keeps
// that one's, except for what would run as somebody else.
func TestModes(t *testing.T) {
	for _, test := range []struct {
		umask             int
		file, folder      fs.FileMode // new ones
		replaced, becomes fs.FileMode
	}{
		{0o022, 0o644, 0o755, 0o600, 0o600},
		{0o077, 0o600, 0o700, 0o664, 0o664},
		{0o027, 0o640, 0o750, 0o444, 0o444},
		{0, 0o666, 0o777, 0o755 | fs.ModeSetuid | fs.ModeSetgid, 0o755},
	} {
		t.Run(fmt.Sprintf("%04o", test.umask), func(t *testing.T) {
			s := open(t)
			must(t, os.MkdirAll(s.root, 0o777))
			before := syscall.Umask(test.umask)
			defer syscall.Umask(before)
			put(t, s, "a/b", "x")
			if got := modeOf(t, s.path("a")); got != fs.ModeDir|test.folder {
				t.Errorf("folder %v, want %v", got, test.folder)
			}
			if got := modeOf(t, s.path("a/b")); got != test.file {
				t.Errorf("new file %v, want %v", got, test.file)
			}
			must(t, os.Chmod(s.path("a/b"), test.replaced))
			info, err := s.Stat(t.Context(), "a/b")
			must(t, err)
			_, err = s.Put(t.Context(), "a/b", []byte("y"), sinks.IfVersion(info.Version))
			must(t, err)
			if got := modeOf(t, s.path("a/b")); got != test.becomes {
				t.Errorf("replaced file %v, want %v", got, test.becomes)
			}
		})
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	must(t, err)
	return info.Mode()
}

// ofOthers describes a file that is another one's.
type ofOthers struct {
	fs.FileInfo
	mode     fs.FileMode
	uid, gid uint32
}

func (o ofOthers) Mode() fs.FileMode { return o.mode }
func (o ofOthers) Sys() any          { return &syscall.Stat_t{Uid: o.uid, Gid: o.gid} }

// Who cannot give a file away must not show it to a group of his own instead.
func TestModeOfAnotherGroup(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	must(t, os.Mkdir(root, 0o777))
	for dir := root; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		must(t, os.Chmod(dir, 0o777))
	}
	want := "-rw-rw---- becomes -rw-------\n-rw-r----- becomes -rw-------\n-rw-rw-r-- becomes -rw-r--r--\n"
	if got := start(t, "keep modes as nobody", root).finish(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Who can give a file away does.
func TestModeAndOwnerOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("nothing can be given away by this user: a group that it has stays")
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	must(t, err)
	defer f.Close()
	replaced := ofOthers{mode: 0o640, uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	if os.Geteuid() == 0 {
		replaced.uid, replaced.gid = 12345, 54321
	}
	must(t, KeepMode(f, replaced))
	info, err := f.Stat()
	must(t, err)
	has := info.Sys().(*syscall.Stat_t)
	if info.Mode() != 0o640 || has.Uid != replaced.uid || has.Gid != replaced.gid {
		t.Errorf("mode %v of %d:%d, want 0640 of %d:%d", info.Mode(), has.Uid, has.Gid, replaced.uid, replaced.gid)
	}
}

// keepModesAsNobody prints what becomes of the modes of files of a group that this
// process is not in.
func keepModesAsNobody(s *Store) error {
	if err := becomeNobody(); err != nil {
		return err
	}
	for _, mode := range []fs.FileMode{0o660, 0o640, 0o664} {
		f, err := os.CreateTemp(s.root, "")
		if err != nil {
			return err
		}
		if err := KeepMode(f, ofOthers{mode: mode, uid: uint32(os.Geteuid()), gid: 54321}); err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		fmt.Println(mode, "becomes", info.Mode())
		f.Close()
	}
	return nil
}

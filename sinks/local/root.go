package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"enrow-export/sinks"
)

// ErrMoved says that the root is not the folder that it was. It is for good: a Store that is
// opened anew takes the folder that is there then for its root.
var ErrMoved = errors.New("the directory was moved away or replaced while it was in use")

// rootFolder is the folder that the root was when it was first seen. Objects go
// together: whoever moves the folder away takes with him what was put, and what
// is put into another one at its place would tell of objects that are not there.
type rootFolder struct {
	info fs.FileInfo
	// file is open, where the folder may be read: as long as it is, the number of
	// a folder that is removed is not given to the next one.
	file *os.File
}

// seenRoot is a rootFolder once there is one.
type seenRoot struct {
	folder atomic.Pointer[rootFolder]
	// moved is for good. What was seen meanwhile may not be in the folder that
	// comes back.
	moved atomic.Bool
}

// checkRoot reports, as sinks.ErrUnreachable, that the root cannot be a folder
// of objects, or is not the one that it was. A root that never existed can still
// become one; one that does exist is remembered.
func (s *Store) checkRoot() error {
	seen := s.seen.folder.Load() // before others of this process may make it
	info, err := os.Stat(s.root)
	switch {
	case s.seen.moved.Load():
		return s.moved()
	case errors.Is(err, fs.ErrNotExist) && seen != nil:
		return s.moved()
	case errors.Is(err, fs.ErrNotExist):
		// It may have been made just now.
		if at, err := os.Lstat(s.root); err == nil && at.Mode()&fs.ModeSymlink != 0 {
			return unreachable(fmt.Errorf("%s is a link to nothing", s.root))
		}
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return unreachable(NotDirectory(s.root))
	case err != nil:
		return unreachable(err)
	case !info.IsDir():
		return unreachable(NotDirectory(s.root))
	}
	if seen == nil {
		seen = s.seen.remember(s.root, info)
	}
	if !os.SameFile(seen.info, info) {
		return s.moved()
	}
	return nil
}

// NotDirectory returns the error of a path that is a file, or below one, where a directory
// has to be.
func NotDirectory(path string) *sinks.AdvisedError {
	file := path
	for dir := filepath.Dir(file); dir != file; dir = filepath.Dir(file) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			break
		}
		file = dir
	}
	e := &sinks.AdvisedError{
		Text: path + " is a file, not a directory",
		Hint: "name a directory, or move the file away",
	}
	if file != path {
		e.Text = fmt.Sprintf("%s cannot be a directory: %s is a file", path, file)
	}
	return e
}

// moved notes that the root is not the folder that it was.
func (s *Store) moved() error {
	s.seen.moved.Store(true)
	return unreachable(fmt.Errorf("%s: %w", s.root, ErrMoved))
}

// remember takes the folder at root, which info describes, for the root from now
// on, unless somebody was faster, and returns the one that is the root.
func (r *seenRoot) remember(root string, info fs.FileInfo) *rootFolder {
	mine := &rootFolder{info: info}
	if f, err := openFile(root, os.O_RDONLY|syscall.O_DIRECTORY); err == nil {
		mine.file = f
	}
	if r.folder.CompareAndSwap(nil, mine) {
		return mine
	}
	mine.close()
	return r.folder.Load()
}

// close closes what is open. The folder is still known by its number.
func (r *rootFolder) close() {
	if r != nil && r.file != nil {
		r.file.Close()
	}
}

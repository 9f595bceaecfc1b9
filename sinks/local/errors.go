package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"enrow-export/sinks"
)

// errFolder says that a folder is where an object was looked for.
var errFolder = fmt.Errorf("is a directory: %w", sinks.ErrNotExist)

// errNoLocks says that the file system of the root has no advisory locks, or
// none that exclude anybody: no condition would hold there.
var errNoLocks = errors.New("the file system has no working locks (flock): choose a directory on another file system")

func notExist(name string) error {
	return fmt.Errorf("%s: %w", name, sinks.ErrNotExist)
}

// noObject is the error of a name at which something is, but no file. Among a user's own
// files it is no object, as it would not be in a bucket. In the folders that the program
// keeps for itself, whose names begin with "_", it is an error: a link to an entry is
// not to look as if there were no entry.
func noObject(name, what string) error {
	if !strings.HasPrefix(name, "_") {
		return notExist(name)
	}
	return fmt.Errorf("%s is %s where only files of this program belong: put a file in its place, or move it out of the root", name, what)
}

// kindOf says in words what it is that is no file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "no regular file"
}

// hopeless are the causes that any other object would meet too: nothing may be
// written or read, nothing more fits, the file system is gone, or the system has no
// more open files or memory for this process.
var hopeless = []syscall.Errno{
	syscall.EACCES, syscall.EPERM, syscall.EROFS,
	syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG,
	syscall.EIO, syscall.ENODEV, syscall.ENOTCONN, syscall.ESTALE,
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
}

// classify marks an error of the operating system that concerns the whole root
// as sinks.ErrUnreachable, and returns any other as it is.
func (s *Store) classify(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	if slices.Contains(hopeless, errno) {
		return unreachable(err)
	}
	if rootErr := s.checkRoot(); rootErr != nil && !errors.Is(err, sinks.ErrUnreachable) {
		return rootErr
	}
	return err
}

func unreachable(err error) error {
	if errors.Is(err, sinks.ErrUnreachable) {
		return err
	}
	return fmt.Errorf("%w: %w", sinks.ErrUnreachable, err)
}

// Check reports, as sinks.ErrUnreachable, what keeps this process from putting
// objects: the root is a file, or another folder than it was, or it may not be
// read or written, or it does not exist and may not be made. It changes nothing,
// and sees neither quotas nor whether the file system has locks.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.checkRoot(); err != nil {
		return err
	}
	const search, write, read = 0o1, 0o2, 0o4
	err := access(s.root, search|write|read)
	for dir := s.root; errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); {
		dir = filepath.Dir(dir)
		err = access(dir, search|write)
	}
	if err != nil {
		return unreachable(err)
	}
	return nil
}

// access reports an error unless this process may use path as mode, an
// access(2) mask, says.
func access(path string, mode uint32) error {
	if err := syscall.Access(path, mode); err != nil {
		return &fs.PathError{Op: "access", Path: path, Err: err}
	}
	return nil
}

package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxDurable bounds what is remembered of folders: a layout may have one for
// every batch. One that was forgotten is looked at again.
const maxDurable = 4096

// inFolder calls do, which makes a file in the folder dir, the root or one below
// it, after it has made sure of the folder. That one which it has seen before is
// gone it finds out by do.
func (s *Store) inFolder(dir string, do func() error) error {
	if s.isDurable(dir) {
		if err := do(); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := s.makeFolder(dir); err != nil {
		return err
	}
	return do()
}

// isDurable reports whether the folder dir was made sure of before.
func (s *Store) isDurable(dir string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, durable := s.durable[dir]
	return durable
}

// makeFolder makes sure that the folder dir, the root or one below it, is there
// and survives a crash: the parents that name it, up to the root, are flushed
// before it is used, whoever made it.
func (s *Store) makeFolder(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeDurable(dir)
}

func (s *Store) makeDurable(dir string) error {
	if dir == s.root {
		// One that was there is not made again, nor is anything made in another.
		if err := s.checkRoot(); err != nil {
			return err
		}
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case err == nil:
		if below := len(dir) > len(s.root); !below {
			s.noteDurable(dir)
			return nil
		}
		if _, durable := s.durable[dir]; durable {
			return nil
		}
		if err := s.makeDurable(filepath.Dir(dir)); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := s.makeDurable(filepath.Dir(dir)); err != nil {
			return err
		}
		// Another process may have been faster.
		if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			if len(dir) <= len(s.root) {
				return unreachable(err) // whatever the cause: no object has a place
			}
			return err
		}
		if dir == s.root {
			if err := s.checkRoot(); err != nil { // which remembers it
				return err
			}
		}
	default:
		return err
	}
	if err := s.flushes.sync(filepath.Dir(dir)); err != nil {
		return err
	}
	s.noteDurable(dir)
	return nil
}

// noteDurable remembers that the folder dir survives a crash.
func (s *Store) noteDurable(dir string) {
	if len(s.durable) >= maxDurable {
		clear(s.durable)
	}
	s.durable[dir] = struct{}{}
}

// openFile is os.OpenFile for a file or folder, of which it does not try to find
// out, at the cost of five calls to the system, whether it can be polled.
func openFile(path string, flags int) (*os.File, error) {
	for {
		fd, err := syscall.Open(path, flags|syscall.O_CLOEXEC, 0o666)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), path), nil
		case !errors.Is(err, syscall.EINTR):
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

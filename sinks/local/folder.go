package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// makeFolder makes sure that the folder dir, the root or one below it, is there
// and survives a crash: the parents that name it, up to the root, are flushed
// before it is used, whoever made it.
func (s *Store) makeFolder(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeDurable(dir)
}

func (s *Store) makeDurable(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case err == nil:
		_, durable := s.durable[dir]
		if below := len(dir) > len(s.root); durable || !below {
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
	default:
		return err
	}
	if err := syncFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	s.durable[dir] = struct{}{}
	return nil
}

// syncFolder flushes the names in the folder dir to the disk.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	// There are file systems that refuse because they keep no folder in a
	// cache that could be flushed.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("flush folder: %w", err)
	}
	return nil
}

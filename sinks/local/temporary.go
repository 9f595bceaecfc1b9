package local

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A temporary's name does not depend on the object's, so that it is never too
// long, hides from globs, and does not end like a data file.
const (
	temporaryPrefix = ".enrow-export-"
	temporarySuffix = ".tmp"
)

// isTemporary reports whether base, the last segment of a name, is that of a
// temporary.
func isTemporary(base string) bool {
	return strings.HasPrefix(base, temporaryPrefix) && strings.HasSuffix(base, temporarySuffix)
}

// temporary is a file that is locked by this process for as long as it is open,
// and has no content yet that anybody relies on.
type temporary struct {
	store *Store
	file  *os.File
	path  string
}

// newTemporary makes an empty temporary in the folder dir. The caller calls
// close.
func (s *Store) newTemporary(dir string) (*temporary, error) {
	for {
		name := filepath.Join(dir, temporaryPrefix+rand.Text()+temporarySuffix)
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return nil, err
		}
		t := &temporary{store: s, file: f, path: name}
		mine, err := t.claim()
		if mine {
			return t, nil
		}
		t.close()
		if err != nil {
			return nil, err
		}
	}
}

// claim locks the temporary, for its writer or for a sweeper. It reports false
// when the other has the lock, or has removed or renamed the file meanwhile: a
// sweeper that comes between the making of a temporary and its locking takes it
// for a dead process's.
func (t *temporary) claim() (bool, error) {
	locked, err := t.store.tryLock(t.file)
	if !locked {
		return false, err
	}
	return names(t.path, t.file)
}

// write makes data the temporary's content and flushes it to the disk.
func (t *temporary) write(data []byte) error {
	if _, err := t.file.Write(data); err != nil {
		return err
	}
	return t.file.Sync()
}

// rename gives the temporary its final name, replacing what has it.
func (t *temporary) rename(to string) error {
	if err := os.Rename(t.path, to); err != nil {
		return err
	}
	t.path = ""
	return nil
}

// close removes the temporary, unless it was renamed, and unlocks it. What
// cannot be removed is left to Sweep.
func (t *temporary) close() {
	if t.path != "" {
		os.Remove(t.path)
	}
	t.file.Close()
}

// Sweep implements sinks.Sweeper. A folder that cannot be read is passed over:
// this process has no temporaries there. A temporary that cannot be removed
// does not end the sweep. The first such error is returned in the end, but not
// as sinks.ErrUnreachable: nobody needs the temporary gone.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	root := s.root + string(filepath.Separator) // a root that is a link is followed
	var failed error
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && path != root:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			return s.checkRoot()
		case err != nil:
			return s.classify(err)
		}
		if !entry.Type().IsRegular() || !isTemporary(entry.Name()) {
			return nil
		}
		switch ok, err := s.sweep(path); {
		case ok:
			removed++
		case failed == nil:
			failed = err
		}
		return nil
	})
	if err == nil {
		err = failed
	}
	return removed, err
}

// sweep removes the temporary at path unless a living process has it locked.
func (s *Store) sweep(path string) (removed bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	t := &temporary{store: s, file: f, path: path}
	if mine, err := t.claim(); !mine {
		return false, err
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // its writer has lost the claim, and cleaned up
	}
	return err == nil, err
}

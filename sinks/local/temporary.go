package local

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
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
	file *os.File
	path string
}

// newTemporary makes an empty temporary in the folder dir, which it makes sure
// of. The caller calls close.
func (s *Store) newTemporary(ctx context.Context, dir string) (*temporary, error) {
	if !s.isDurable(dir) {
		if err := s.makeFolder(dir); err != nil {
			return nil, err
		}
	}
	unshare, err := s.share(ctx, &s.sweep)
	if err != nil {
		return nil, err
	}
	defer unshare()
	t := &temporary{path: filepath.Join(dir, temporaryPrefix+rand.Text()+temporarySuffix)}
	err = s.inFolder(dir, func() (err error) {
		t.file, err = openFile(t.path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.waitLock(ctx, t.file, syscall.LOCK_EX); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// takeModeOf gives the temporary, which is empty yet, the mode of the file at path,
// if there is one.
func (t *temporary) takeModeOf(path string) error {
	replaced, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return KeepMode(t.file, replaced)
}

// writeSize is how many bytes are digested and written at a time: so few that
// they are still in the processor's cache when the system copies them.
const writeSize = 512 << 10

// write makes data the temporary's content, flushes it to the disk, and digests
// it. It has the file's time differ from that of every other one.
func (t *temporary) write(data []byte, d digest) error {
	for chunk := range slices.Chunk(data, writeSize) {
		_, _ = d.Write(chunk) // never fails
		if err := writePast(t.file, chunk); err != nil {
			return err
		}
	}
	// The system's clock for this may stand still for some milliseconds.
	now := time.Now()
	if err := os.Chtimes(t.path, now, now); err != nil {
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
	return s.eachDead(ctx, os.Remove)
}

// Leftovers returns how many temporaries Sweep would remove, and removes none.
func (s *Store) Leftovers(ctx context.Context) (int, error) {
	return s.eachDead(ctx, func(string) error { return nil })
}

// eachDead calls do for each temporary of a process that is dead, and returns for how
// many that succeeded.
func (s *Store) eachDead(ctx context.Context, do func(path string) error) (done int, err error) {
	if err := s.checkRoot(); err != nil {
		return 0, err
	}
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
		switch ok, err := s.ifDead(ctx, path, do); {
		case ok:
			done++
		case failed == nil:
			failed = err
		}
		return nil
	})
	if err == nil {
		err = failed
	}
	return done, err
}

// ifDead calls do for the temporary at path unless a living process has it locked,
// or is about to. Its lock file is its own: writers of this process too are kept
// away by its lock.
func (s *Store) ifDead(ctx context.Context, path string, do func(path string) error) (done bool, err error) {
	noWriter := newLockFile(sweepLock)
	if err := s.take(ctx, &noWriter, syscall.LOCK_EX); err != nil {
		return false, err
	}
	defer noWriter.close()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if dead, err := s.tryLock(f); !dead {
		return false, err
	}
	file, err := f.Stat()
	if err != nil {
		return false, err
	}
	// It may be an object by now, whose writer is done with it.
	if still, err := names(path, file); !still {
		return false, err
	}
	err = do(path)
	return err == nil, err
}

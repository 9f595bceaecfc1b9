// Package local keeps objects as files below one folder.
//
// An object is put as a temporary in the folder of its final name, flushed, and
// renamed: whoever reads, with this package or without, meets the whole object
// or none. Then the folder is flushed, once for all that were renamed there since
// the last time. Conditions compare the digest of the file that is there, under an
// advisory lock (flock) on one of a few lock files that all processes share;
// the kernel lets go of it when a process dies, so a crash locks nobody out. By
// the same means a writer shows that it lives: it holds a lock on its
// temporary, and Sweep removes the temporaries whose lock it can take.
//
// An object is a regular file. A folder, a device or a symbolic link is none,
// although the root, and a folder below it, may be reached through a link;
// listing and sweeping do not follow links below the folder they start in.
package local

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/zeebo/xxh3"

	"enrow-export/sinks"
	_ "enrow-export/sinks/platform" // files are locked
)

// Store is a folder of objects.
type Store struct {
	root    string // absolute
	stripes [stripeCount]lockFile
	sweep   sharers
	seen    seenRoot

	flushes flushes

	flock func(fd, how int) error

	mu          sync.Mutex
	durable     map[string]struct{} // folders known to survive a crash
	locksProven bool
}

var (
	_ sinks.Store   = (*Store)(nil)
	_ sinks.Sweeper = (*Store)(nil)
	_ sinks.Checker = (*Store)(nil)
	_ io.Closer     = (*Store)(nil)
)

// Open returns the store below the folder root. Nothing is touched yet: a root
// that does not exist reads as an empty store, and Put makes it, once: from when
// it has been seen it has to stay that folder. Who is done with a store calls
// Close.
func Open(root string) (*Store, error) {
	if root == "" {
		return nil, errors.New("open local store: no directory given")
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open local store: %w", err)
	}
	s := &Store{
		root:    abs,
		sweep:   sharers{lockFile: newLockFile(sweepLock)},
		flock:   syscall.Flock,
		durable: make(map[string]struct{}),
	}
	s.flushes = newFlushes(s.flushFolder)
	for i := range s.stripes {
		s.stripes[i] = newLockFile(lockName(uint32(i)))
	}
	return s, nil
}

// Traits implements sinks.Store.
func (s *Store) Traits() sinks.Traits { return sinks.FolderTraits }

// Close closes the root and the lock files, which the store keeps open, when all
// that was begun has ended. Whatever is done later opens lock files again.
func (s *Store) Close() error {
	for i := range s.stripes {
		s.stripes[i].close()
	}
	s.sweep.close()
	s.seen.folder.Load().close()
	return nil
}

// Get implements sinks.Store.
func (s *Store) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	var content bytes.Buffer
	info, err := s.read(ctx, name, func(d digest, f *os.File) (int64, error) {
		if stat, err := f.Stat(); err == nil {
			content.Grow(int(stat.Size()) + bytes.MinRead)
		}
		n, err := content.ReadFrom(f)
		_, _ = d.Write(content.Bytes())
		return n, err
	})
	if err != nil {
		return nil, sinks.Info{}, err
	}
	return content.Bytes(), info, nil
}

// Stat implements sinks.Store. It reads the object.
func (s *Store) Stat(ctx context.Context, name string) (sinks.Info, error) {
	return s.read(ctx, name, func(d digest, f *os.File) (int64, error) { return io.Copy(d, f) })
}

// read describes the object that consume reads from its file to the end.
func (s *Store) read(ctx context.Context, name string, consume func(digest, *os.File) (int64, error)) (sinks.Info, error) {
	if err := checkName(name); err != nil {
		return sinks.Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return sinks.Info{}, err
	}
	f, err := s.open(name)
	if err != nil {
		return sinks.Info{}, err
	}
	defer f.Close()
	d := newDigest()
	n, err := consume(d, f)
	if err != nil {
		return sinks.Info{}, s.classify(err)
	}
	return d.info(name, n, f)
}

// open opens the file of an object for reading. What is there but not a regular
// file is noObject, a folder among a user's files errFolder.
func (s *Store) open(name string) (*os.File, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	f, err := os.OpenFile(s.path(name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	switch {
	case err == nil:
	case errors.Is(err, syscall.ELOOP):
		return nil, noObject(name, kindOf(fs.ModeSymlink))
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EOPNOTSUPP):
		return nil, noObject(name, "a socket")
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		if rootErr := s.checkRoot(); rootErr != nil {
			return nil, rootErr
		}
		return nil, notExist(name)
	default:
		return nil, s.classify(err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, s.classify(err)
	}
	if !info.Mode().IsRegular() {
		f.Close()
		if info.IsDir() && !strings.HasPrefix(name, "_") {
			return nil, fmt.Errorf("%s %w", name, errFolder)
		}
		return nil, noObject(name, kindOf(info.Mode()))
	}
	return f, nil
}

func (s *Store) path(name string) string {
	return filepath.Join(s.root, filepath.FromSlash(name))
}

// checkName refuses, beyond what sinks.CheckName does, the names that this
// package uses for itself.
func checkName(name string) error {
	if err := sinks.CheckName(name); err != nil {
		return err
	}
	if isTemporary(path.Base(name)) || isLock(name) {
		return fmt.Errorf("%q is a name that the local store keeps for itself", name)
	}
	return nil
}

// digest computes what describes a content.
type digest struct {
	xxh3   *xxh3.Hasher
	crc32c hash.Hash32
}

func newDigest() digest {
	return digest{xxh3: xxh3.New(), crc32c: crc32.New(sinks.Castagnoli)}
}

// Write implements io.Writer. It never fails.
func (d digest) Write(p []byte) (int, error) {
	_, _ = d.xxh3.Write(p) // never fails
	d.crc32c.Write(p)
	return len(p), nil
}

// info describes the content of size bytes that was written to d and is in f.
func (d digest) info(name string, size int64, f *os.File) (sinks.Info, error) {
	stat, err := f.Stat()
	if err != nil {
		return sinks.Info{}, err
	}
	return sinks.Info{Name: name, Size: size, CRC32C: d.crc32c.Sum32(), Version: version(d.xxh3.Sum128(), stat)}, nil
}

// version returns the version of a file: a digest of its content, which every
// process reads alike, and what tells two files with the same bytes apart, so that
// these put again are another version: whoever is about to replace the earlier ones
// has been overtaken. The digest tells writings apart; it is not made to withstand
// forgers.
func version(content xxh3.Uint128, file fs.FileInfo) string {
	sum := content.Bytes()
	return hex.EncodeToString(sum[:]) + fileNumber(file)
}

// fileNumber returns what a version has of the file itself: when it was written,
// and its number, where files have one, which a file may have after another that
// was deleted.
func fileNumber(file fs.FileInfo) string {
	number := "-" + strconv.FormatInt(file.ModTime().UnixNano(), 36)
	if sys, ok := file.Sys().(*syscall.Stat_t); ok {
		number += "-" + strconv.FormatUint(sys.Ino, 36)
	}
	return number
}

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"enrow-export/sinks"
)

// List implements sinks.Store. It reads only the folders that can hold names
// that begin with prefix, each when the listing comes to it.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		dir, base := path.Split(prefix)
		if dir != "" && sinks.CheckName(strings.TrimSuffix(dir, "/")) != nil {
			return // no valid name begins so
		}
		l := lister{store: s, yield: yield}
		if err := l.folder(ctx, dir, base); err != nil {
			yield(sinks.Info{}, s.classify(err))
		}
	}
}

// lister is one listing under way.
type lister struct {
	store   *Store
	yield   func(sinks.Info, error) bool
	stopped bool // yield returned false
}

// folder yields the objects in and below the folder dir, a name that ends in
// "/", or "" for the root. Of the folder's own entries it takes those alone
// whose names begin with base.
func (l *lister) folder(ctx context.Context, dir, base string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := readFolder(l.store.path(dir), base, strings.HasPrefix(dir, "_"))
	switch {
	case errors.Is(err, syscall.ENOTDIR) && strings.HasPrefix(dir, "_"):
		if err := l.store.checkRoot(); err != nil {
			return err
		}
		return fmt.Errorf("%s is not a directory, and enrow-export keeps a directory there: move it out of the root", strings.TrimSuffix(dir, "/"))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return l.store.checkRoot()
	case err != nil:
		return err
	}
	for _, entry := range entries {
		if entry.isFolder && strings.HasPrefix(dir, "_") && strings.Contains(entry.name, ".") {
			err = noObject(dir+entry.name, kindOf(fs.ModeDir)) // only files have such names there
		} else if entry.isFolder {
			err = l.folder(ctx, dir+entry.name+"/", "")
		} else {
			err = l.file(ctx, dir+entry.name)
		}
		if l.stopped || err != nil {
			return err
		}
	}
	return nil
}

// folderEntry is what is kept of each entry of a folder while it is listed: a
// folder may have a hundred thousand.
type folderEntry struct {
	name     string
	isFolder bool
}

// readFolder returns the entries of a folder whose names begin with base and may
// be those of objects or folders, in the order of the names below them. With all it
// returns what is neither file nor folder, too.
func readFolder(path, base string, all bool) ([]folderEntry, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY, 0) // opening a pipe would wait
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var entries []folderEntry
	for {
		some, err := f.ReadDir(1000)
		for _, entry := range some {
			isFolder := entry.IsDir()
			if (all || isFolder || entry.Type().IsRegular()) && strings.HasPrefix(entry.Name(), base) && sinks.CheckName(entry.Name()) == nil {
				entries = append(entries, folderEntry{entry.Name(), isFolder})
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(entries, func(a, b folderEntry) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	return entries, nil
}

// sortKey orders the entries of a folder such that the names below them come in
// the order of their bytes: "a.b" before "a/b".
func (e folderEntry) sortKey() string {
	if e.isFolder {
		return e.name + "/"
	}
	return e.name
}

// file yields the file if it is an object.
func (l *lister) file(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if isObject := checkName(name) == nil; !isObject {
		return nil
	}
	switch info, err := os.Lstat(l.store.path(name)); {
	case err == nil && info.Mode().IsRegular():
		l.stopped = !l.yield(sinks.Info{Name: name, Size: info.Size()}, nil)
	case errors.Is(err, fs.ErrNotExist): // it has just gone, if not all have
		return l.store.checkRoot()
	case err != nil:
		return err
	case strings.HasPrefix(name, "_"):
		return noObject(name, kindOf(info.Mode()))
	}
	return nil
}

package local

import (
	"context"
	"errors"
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
	entries, err := os.ReadDir(l.store.path(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return l.store.checkRoot()
	case err != nil:
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortKey(a), sortKey(b)) })
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), base) || sinks.CheckName(entry.Name()) != nil {
			continue
		}
		name := dir + entry.Name()
		if entry.IsDir() {
			err = l.folder(ctx, name+"/", "")
		} else {
			err = l.file(ctx, name, entry)
		}
		if l.stopped || err != nil {
			return err
		}
	}
	return nil
}

// sortKey orders the entries of a folder such that the names below them come in
// the order of their bytes: "a.b" before "a/b".
func sortKey(entry fs.DirEntry) string {
	if entry.IsDir() {
		return entry.Name() + "/"
	}
	return entry.Name()
}

// file yields the file if it is an object.
func (l *lister) file(ctx context.Context, name string, entry fs.DirEntry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if isObject := entry.Type().IsRegular() && checkName(name) == nil; !isObject {
		return nil
	}
	switch info, err := entry.Info(); {
	case err == nil:
		l.stopped = !l.yield(sinks.Info{Name: name, Size: info.Size()}, nil)
	case !errors.Is(err, fs.ErrNotExist): // else it has just gone
		return err
	}
	return nil
}

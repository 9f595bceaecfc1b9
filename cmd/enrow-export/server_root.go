package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/probe"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
)

// servedRoot is the root of a service: it may go away and come back, and its disk may be full
// for a while. Its methods may be called from any goroutine.
type servedRoot struct {
	root
	// onWritable is called when an attempt to write succeeds after one that failed, onReplaced
	// when the root is another folder, or the same one again after it was away. Both are set
	// before the service begins.
	onWritable, onReplaced func()

	mu        sync.Mutex
	store     sinks.Store               // of the folder that is there
	former    []sinks.Store             // of folders that were
	unwritten atomic.Pointer[unwritten] // the write that failed last, nil when an attempt has succeeded since
}

// unwritten is a write that failed.
type unwritten struct {
	err   error
	tried atomic.Bool // an attempt to write has failed, too
}

// manifestFolder is where the manifest of a folder is. When it is gone, so is the volume that
// the root was on, and what is written next would be lost when the volume comes back.
func (r *servedRoot) manifestFolder() string { return filepath.Join(r.folder, "_manifest") }

// begin makes a folder a root that there knows again, and finds out whether it can be written
// to.
func (r *servedRoot) begin(ctx context.Context) error {
	if r.isBucket() {
		return nil
	}
	err := os.MkdirAll(r.manifestFolder(), 0o777)
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		return fmt.Errorf("%w: make directory %s: %w", sinks.ErrUnreachable, r.manifestFolder(), err)
	}
	if err := tryToWrite(ctx, r.store); err != nil {
		return manifest.Failure("write to the destination", "", err)
	}
	return nil
}

// open returns the store of the root, for one operation. A folder's store is of no use any
// more once the folder was away, since nobody knows which folder came back: it is opened anew.
func (r *servedRoot) open(ctx context.Context) (sinks.Store, error) {
	if err := r.there(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.store.(sinks.Checker); !ok || r.isBucket() || !errors.Is(c.Check(ctx), local.ErrMoved) {
		return r.store, nil
	}
	again, err := r.root.open()
	if err != nil {
		return nil, err
	}
	r.former = append(r.former, r.store) // operations on it may be under way
	r.store = again
	r.onReplaced()
	return again, nil
}

// close closes all stores. No operation is under way any more.
func (r *servedRoot) close() {
	for _, store := range append(r.former, r.store) {
		closeStore(store)
	}
}

// there returns an error if a folder is not the root any more that it was.
func (r *servedRoot) there() error {
	if r.isBucket() {
		return nil
	}
	if info, err := os.Stat(r.manifestFolder()); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is not there: is its volume mounted?", r.manifestFolder())
	}
	return nil
}

// failed notes why a write has failed.
func (r *servedRoot) failed(err error) { r.unwritten.Store(&unwritten{err: err}) }

// look returns why the root cannot be used, nil when it can. After a write that failed, it
// attempts another one: nothing else shows that a disk is full, or that it has room again. An
// attempt that succeeds at once proves nothing about the write that failed.
func (r *servedRoot) look(ctx context.Context) error {
	store, err := r.open(ctx)
	if err != nil {
		return err
	}
	if r.isBucket() {
		if _, err := manifest.KnowsAny(ctx, store, schema.Tables()[:1]); err != nil {
			return manifest.Failure("look at the destination", "", err)
		}
	}
	failed := r.unwritten.Load()
	if failed == nil {
		return nil
	}
	if err := tryToWrite(ctx, store); err != nil {
		failed.tried.Store(true)
		return failed.err
	}
	if r.unwritten.CompareAndSwap(failed, nil) && failed.tried.Load() {
		r.onWritable()
	}
	return nil
}

// tryToWrite puts a small object and removes it. It tries no conditions, as doctor does: a
// store for a single writer may not keep them.
func tryToWrite(ctx context.Context, store sinks.Store) error {
	scratch := &probe.Scratch{Store: store}
	_, err := scratch.Put(ctx, scratch.Name(), []byte("this can be deleted\n"), sinks.IfAbsent())
	return cmp.Or(err, scratch.Clean(ctx))
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/probe"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// servedRoot is the root of a service: it may go away and come back, and its disk may be full
// for a while. Its methods may be called from any goroutine.
type servedRoot struct {
	root
	store sinks.Store
	// onWritable is called when an attempt to write succeeds after one that failed.
	onWritable func()

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

// begin makes a folder a root that there knows again.
func (r *servedRoot) begin() error {
	if r.isBucket() {
		return nil
	}
	err := os.MkdirAll(r.manifestFolder(), 0o777)
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		return fmt.Errorf("destination cannot be used: make directory %s: %w", r.manifestFolder(), err)
	}
	return nil
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
	if err := r.there(); err != nil {
		return err
	}
	if r.isBucket() {
		if _, err := manifest.KnowsAny(ctx, r.store, schema.Tables()[:1]); err != nil {
			return manifest.Failure("look at the destination", "", err)
		}
	}
	failed := r.unwritten.Load()
	if failed == nil {
		return nil
	}
	if err := tryToWrite(ctx, r.store); err != nil {
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

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
	"time"

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
	// when the root is another folder, or is there again after it was away. Both are set before
	// the service begins.
	onWritable, onReplaced func()

	mu        sync.Mutex
	store     *heldStore
	gone      bool                      // when it was looked for last
	unwritten atomic.Pointer[unwritten] // the write that failed last, nil when it is over
}

// heldStore is a store, and how many operations on it are under way.
type heldStore struct {
	sinks.Store
	users  int
	former bool // the root is another folder now
}

// unwritten is a write that failed.
type unwritten struct {
	err   error
	at    time.Time
	tried atomic.Bool // an attempt to write has failed, too
}

func newServedRoot(r root, store sinks.Store) *servedRoot {
	return &servedRoot{root: r, store: &heldStore{Store: store}}
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
	if err == nil {
		err = tryToWrite(ctx, r.store.Store)
	} else {
		err = fmt.Errorf("%w: make directory %s: %w", sinks.ErrUnreachable, r.manifestFolder(), err)
	}
	if err != nil {
		return manifest.Failure("", "", err)
	}
	return nil
}

// open returns the store of the root for one operation, which calls release at its end. A
// folder's store is of no use any more once the folder was away, since nobody knows which
// folder came back: it is opened anew.
func (r *servedRoot) open(ctx context.Context) (store sinks.Store, release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.there(); err != nil {
		r.gone = true
		return nil, nil, err
	}
	replaced := r.gone
	if c, ok := r.store.Store.(sinks.Checker); ok && !r.isBucket() && errors.Is(c.Check(ctx), local.ErrMoved) {
		again, err := r.root.open()
		if err != nil {
			return nil, nil, err
		}
		r.store.former = true
		r.closeUnused(r.store)
		r.store, replaced = &heldStore{Store: again}, true
	}
	if r.gone = false; replaced {
		r.onReplaced()
	}
	held := r.store
	held.users++
	return held.Store, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		held.users--
		r.closeUnused(held)
	}, nil
}

// closeUnused closes a former store on which no operation is under way.
func (r *servedRoot) closeUnused(s *heldStore) {
	if s.former && s.users == 0 {
		closeStore(s.Store)
	}
}

// close closes the store. No operation is under way any more.
func (r *servedRoot) close() { closeStore(r.store.Store) }

// isThere returns why a folder is not there, and has a folder that is another one opened anew.
func (r *servedRoot) isThere(ctx context.Context) error {
	_, release, err := r.open(ctx)
	if err == nil {
		release()
	}
	return err
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
func (r *servedRoot) failed(err error) { r.unwritten.Store(&unwritten{err: err, at: time.Now()}) }

// unwrittenFor is for how long a write that failed counts, when an attempt to write does not
// fail: the attempt may be at another place.
const unwrittenFor = time.Minute

// look returns why the root cannot be used, nil when it can. After a write that failed, it
// attempts another one: nothing else shows that a disk is full, or that it has room again.
func (r *servedRoot) look(ctx context.Context) error {
	store, release, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer release()
	if r.isBucket() {
		if _, err := manifest.KnowsAny(ctx, store, schema.Tables()[:1]); err != nil {
			return manifest.Failure("look at the destination", "", err)
		}
	}
	failed := r.unwritten.Load()
	if failed == nil {
		return nil
	}
	switch err := tryToWrite(ctx, store); {
	case err != nil:
		failed.tried.Store(true)
		return failed.err
	case failed.tried.Load():
		if r.unwritten.CompareAndSwap(failed, nil) {
			r.onWritable()
		}
	case time.Since(failed.at) < unwrittenFor:
		return failed.err
	default:
		r.unwritten.CompareAndSwap(failed, nil)
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

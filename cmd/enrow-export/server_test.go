package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/service"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
	"enrow-export/sources/webhook"
)

// limited is a store that may have no room, or none for manifests.
type limited struct {
	sinks.Store
	full, noManifest atomic.Bool
}

func (l *limited) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if l.full.Load() || l.noManifest.Load() && strings.HasPrefix(name, "_manifest/email_find/") {
		return sinks.Info{}, syscall.ENOSPC
	}
	return l.Store.Put(ctx, name, data, cond)
}

// A service whose disk is full is not ready, however long nothing else is written; it is ready
// when there is room again, though no notice has come since.
func TestServeDiskIsFull(t *testing.T) {
	store := &limited{Store: sinks.NewMemory()}
	hurried := 0
	root := newServedRoot(root{scheme: schemes()[0]}, store)
	root.onWritable = func() { hurried++ }
	notices := &notices{root: root, loop: service.New(service.Config{}, nil), log: pipeline.NoLog}
	n := webhook.Notice{Table: &schema.EmailFind, BatchID: "a"}
	if err := root.look(t.Context()); err != nil {
		t.Error(err)
	}
	store.full.Store(true)
	if err := root.look(t.Context()); err != nil {
		t.Errorf("nothing has been written, and yet: %v", err)
	}
	if err := notices.record(t.Context(), n); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
	for range 3 {
		if err := root.look(t.Context()); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("the disk is full, and yet: %v", err)
		}
	}
	store.full.Store(false)
	if err := root.look(t.Context()); err != nil || hurried != 1 {
		t.Errorf("there is room: %v; told %d times", err, hurried)
	}
	if err := notices.record(t.Context(), n); err != nil {
		t.Error(err)
	}
	if objects := pipelinetest.Objects(t, store); len(objects) != 1 {
		t.Errorf("objects %v", objects)
	}
}

// A write that fails where others succeed ends no pause, however often the service is looked
// at: the next run would fail, too. It counts for a while.
func TestServeFailsInPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &limited{Store: sinks.NewMemory()}
		root := newServedRoot(root{scheme: schemes()[0]}, store)
		root.onWritable = func() { t.Error("the pause is ended") }
		notices := &notices{root: root, loop: service.New(service.Config{}, nil), log: pipeline.NoLog}
		store.noManifest.Store(true)
		for range 3 {
			if err := notices.record(t.Context(), webhook.Notice{Table: &schema.EmailFind, BatchID: "a"}); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("error %v", err)
			}
			time.Sleep(59 * time.Second)
			if err := root.look(t.Context()); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("error %v", err)
			}
		}
		time.Sleep(time.Second)
		if err := root.look(t.Context()); err != nil {
			t.Errorf("an attempt to write succeeds, and nothing else was tried for a minute, and yet: %v", err)
		}
	})
}

// A service does not start on a root that it cannot write to, and leaves nothing there.
func TestServeBegins(t *testing.T) {
	folder := t.TempDir()
	store := &limited{Store: sinks.NewMemory()}
	r := newServedRoot(root{folder: folder}, store)
	store.full.Store(true)
	if err := r.begin(t.Context()); !errors.Is(err, syscall.ENOSPC) || exitCode(err) != exitStopped {
		t.Errorf("error %v", err)
	}
	store.full.Store(false)
	if err := r.begin(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.there(); err != nil {
		t.Error(err)
	}
	if objects := pipelinetest.Objects(t, store); len(objects) != 0 {
		t.Errorf("objects %v", objects)
	}
}

// A root that is replaced again and again takes no more files to keep open than one, and each
// operation has the store that it began with until its end. Where it was away, that is told.
func TestServedRootIsReplaced(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out")
	to := root{folder: folder, timeout: time.Minute}
	first, err := to.open()
	if err != nil {
		t.Fatal(err)
	}
	replaced := 0
	r := newServedRoot(to, first)
	r.onReplaced = func() { replaced++ }
	defer r.close()
	replace := func() {
		t.Helper()
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(r.manifestFolder(), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	open := func() int {
		t.Helper()
		files, err := os.ReadDir("/dev/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	replace()
	use := func(name string) {
		t.Helper()
		store, release, err := r.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if _, err := store.Put(t.Context(), name, []byte("x"), sinks.IfAbsent()); err != nil {
			t.Error(err)
		}
	}
	use("a")
	before := open()
	for range 20 {
		replace()
		use("a")
	}
	if after := open(); after > before {
		t.Errorf("%d files are open, and %d were", after, before)
	}
	if replaced != 20 {
		t.Errorf("replaced %d times", replaced)
	}

	old, release, err := r.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	replace()
	use("b")
	if _, err := old.Put(t.Context(), "c", nil, sinks.IfAbsent()); !errors.Is(err, local.ErrMoved) {
		t.Errorf("the store of the former folder: error %v", err)
	}
	release()

	away := folder + ".away"
	if err := os.Rename(folder, away); err != nil {
		t.Fatal(err)
	}
	if err := r.isThere(t.Context()); err == nil {
		t.Error("the root is away")
	}
	if err := os.Rename(away, folder); err != nil {
		t.Fatal(err)
	}
	if err := r.isThere(t.Context()); err != nil || replaced != 22 {
		t.Errorf("the root is back: error %v, told %d times", err, replaced)
	}
}

package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"enrow-export/pipeline"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/service"
	"enrow-export/schema"
	"enrow-export/sinks"
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
	root := &servedRoot{root: root{scheme: schemes()[0]}, store: store, onWritable: func() { hurried++ }}
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
// at: the next run would fail, too.
func TestServeFailsInPart(t *testing.T) {
	store := &limited{Store: sinks.NewMemory()}
	root := &servedRoot{root: root{scheme: schemes()[0]}, store: store, onWritable: func() { t.Error("the pause is ended") }}
	notices := &notices{root: root, loop: service.New(service.Config{}, nil), log: pipeline.NoLog}
	store.noManifest.Store(true)
	for range 3 {
		if err := notices.record(t.Context(), webhook.Notice{Table: &schema.EmailFind, BatchID: "a"}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v", err)
		}
		if err := root.look(t.Context()); err != nil {
			t.Errorf("an attempt to write succeeds, and yet: %v", err)
		}
	}
}

// A service does not start on a root that it cannot write to, and leaves nothing there.
func TestServeBegins(t *testing.T) {
	folder := t.TempDir()
	store := &limited{Store: sinks.NewMemory()}
	r := &servedRoot{root: root{folder: folder}, store: store}
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

package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"enrow-export/sinks"
)

// sized is a store whose objects have a size that no test could hold.
type sized struct {
	sinks.Store
	size int64
	read int
}

func (s *sized) Stat(_ context.Context, name string) (sinks.Info, error) {
	return sinks.Info{Name: name, Size: s.size}, nil
}

func (s *sized) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	s.read++
	return s.Store.Get(ctx, name)
}

// An object that is no list for its size is not read.
func TestListsInBucketsAreBounded(t *testing.T) {
	memory := sinks.NewMemory()
	if _, err := memory.Put(t.Context(), "ids.txt", []byte("a\n"), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	store := &sized{Store: memory, size: maxListed}
	if data, err := getBounded(t.Context(), store, "ids.txt"); string(data) != "a\n" || err != nil {
		t.Errorf("%q, error %v", data, err)
	}
	store.size++
	fault := (*listFault)(nil)
	if _, err := getBounded(t.Context(), store, "ids.txt"); !errors.As(err, &fault) || !strings.Contains(fault.hint, "on this machine") || store.read != 1 {
		t.Errorf("error %v, read %d times", err, store.read)
	}
}

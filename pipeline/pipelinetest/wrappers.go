package pipelinetest

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// Overwrite replaces an object by a change of its content.
func Overwrite(t *testing.T, store sinks.Store, name string, change func(string) string) {
	t.Helper()
	data, _, err := store.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	ReplaceObject(t, store, name, change(string(data)))
}

// RemoveObject deletes an object.
func RemoveObject(t *testing.T, store sinks.Store, name string) {
	t.Helper()
	info, err := store.Stat(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), name, sinks.IfVersion(info.Version)); err != nil {
		t.Fatal(err)
	}
}

// RemoveIfThere deletes an object that may be there.
func RemoveIfThere(t *testing.T, store sinks.Store, name string) {
	t.Helper()
	if _, err := store.Stat(t.Context(), name); err == nil {
		RemoveObject(t, store, name)
	}
}

// NewHurried returns a Store that is faulty with a timeout. The operation that hangs has
// next to no time, so that it costs none, and all others have enough.
func NewHurried(faulty *storetest.Faulty) sinks.Store {
	faulty.HangFor = time.Millisecond
	return sinks.WithTimeout(faulty, time.Minute)
}

// Counted is a Store that counts its operations, a listing once for every
// thousand objects, as a bucket does.
type Counted struct {
	sinks.Store
	mu  sync.Mutex
	Ops map[string]int
}

// Counting returns a Counted in front of the store.
func Counting(store sinks.Store) *Counted {
	return &Counted{Store: store, Ops: make(map[string]int)}
}

func (c *Counted) add(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Ops[op]++
}

// Taken returns the operations since the last call.
func (c *Counted) Taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	ops := c.Ops
	c.Ops = make(map[string]int)
	return ops
}

func (c *Counted) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	c.add("put")
	return c.Store.Put(ctx, name, data, cond)
}

func (c *Counted) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	c.add("get")
	return c.Store.Get(ctx, name)
}

func (c *Counted) Stat(ctx context.Context, name string) (sinks.Info, error) {
	c.add("stat")
	return c.Store.Stat(ctx, name)
}

func (c *Counted) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	c.add("delete")
	return c.Store.Delete(ctx, name, cond)
}

func (c *Counted) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		n := 0
		for info, err := range c.Store.List(ctx, prefix) {
			if n%1000 == 0 {
				c.add("list")
			}
			if n++; !yield(info, err) {
				return
			}
		}
		if n == 0 {
			c.add("list")
		}
	}
}

// ReplaceObject replaces the content of an object.
func ReplaceObject(t *testing.T, store sinks.Store, name, data string) {
	t.Helper()
	info, err := store.Stat(t.Context(), name)
	if err == nil {
		_, err = store.Put(t.Context(), name, []byte(data), sinks.IfVersion(info.Version))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// FailingList is a Store whose listing of Prefix ends in Err after some
// objects.
type FailingList struct {
	sinks.Store
	Prefix string
	Err    error
	Failed bool
}

func (s *FailingList) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		n := 0
		for info, err := range s.Store.List(ctx, prefix) {
			if n++; n == 10 && prefix == s.Prefix {
				s.Failed = true
				yield(sinks.Info{}, s.Err)
				return
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// PutObject puts an object where none is.
func PutObject(t *testing.T, store sinks.Store, name, data string) {
	t.Helper()
	if _, err := store.Put(t.Context(), name, []byte(data), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
}

// Intruded is a Store that calls Do once, before its operation number At. It asks for one
// operation at a time, so that the operation of a number is always the same one.
type Intruded struct {
	storetest.Faulty
	At    int
	Do    func()
	Watch func() // called before each operation, unless it is nil
	begun atomic.Int64
}

// Traits implements sinks.Store.
func (s *Intruded) Traits() sinks.Traits {
	traits := s.Faulty.Traits()
	traits.Operations = 1
	return traits
}

// Happened reports whether Do was called.
func (s *Intruded) Happened() bool { return s.begun.Load() >= int64(s.At) }

func (s *Intruded) intrude() {
	if s.Watch != nil {
		s.Watch()
	}
	if s.begun.Add(1) == int64(s.At) {
		s.Do()
	}
}

func (s *Intruded) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	s.intrude()
	return s.Faulty.Put(ctx, name, data, cond)
}

func (s *Intruded) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	s.intrude()
	return s.Faulty.Get(ctx, name)
}

func (s *Intruded) Stat(ctx context.Context, name string) (sinks.Info, error) {
	s.intrude()
	return s.Faulty.Stat(ctx, name)
}

func (s *Intruded) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	s.intrude()
	return s.Faulty.List(ctx, prefix)
}

func (s *Intruded) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	s.intrude()
	return s.Faulty.Delete(ctx, name, cond)
}

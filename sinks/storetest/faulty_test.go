package storetest_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// script is what the tests run against a Faulty: six operations, each of which
// goes on from what the one before has really left behind.
func script(ctx context.Context, s sinks.Store) (errs []error) {
	first, err := s.Put(ctx, "a", []byte("1"), sinks.IfAbsent())
	errs = append(errs, err)
	_, err = s.Put(ctx, "b", []byte("2"), sinks.IfAbsent())
	errs = append(errs, err)
	_, _, err = s.Get(ctx, "b")
	errs = append(errs, err)
	_, err = s.Stat(ctx, "b")
	errs = append(errs, err)
	_, err = list(s.List(ctx, ""))
	errs = append(errs, err)
	return append(errs, s.Delete(ctx, "a", sinks.IfVersion(first.Version)))
}

// operations are those of script, as a Faulty records them.
var operations = []string{"put a", "put b", "get b", "stat b", "list ", "delete a"}

// list collects what a listing yields, and the error it ends with.
func list(seq iter.Seq2[sinks.Info, error]) (names []string, err error) {
	for info, err := range seq {
		if err != nil {
			return names, err
		}
		names = append(names, info.Name)
	}
	return names, nil
}

func TestFaultyConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) sinks.Store {
		return &storetest.Faulty{Store: sinks.NewMemory()}
	})
}

func TestFaultyRecords(t *testing.T) {
	f := &storetest.Faulty{Store: sinks.NewMemory()}
	if err := errors.Join(script(t.Context(), f)...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(operations, f.Ops()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if f.Fired() {
		t.Error("a recorder fired")
	}
}

func TestFaultyFailsOneOperation(t *testing.T) {
	for name, mode := range map[string]storetest.Mode{"before": storetest.FailBefore, "after": storetest.FailAfter} {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				f := &storetest.Faulty{Store: sinks.NewMemory(), At: n, Mode: mode}
				errs := script(t.Context(), f)
				if !f.Fired() {
					if n != len(operations)+1 {
						t.Errorf("fault %d had nothing to fail", n)
					}
					return
				}
				if !errors.Is(errs[n-1], storetest.ErrInjected) {
					t.Errorf("operation %d, which is to fail: error %v", n, errs[n-1])
				}
				for i, err := range errs {
					if i != n-1 && errors.Is(err, storetest.ErrInjected) {
						t.Errorf("operation %d, when %d is to fail: error %v", i+1, n, err)
					}
				}
			}
		})
	}
}

func TestFaultyEffect(t *testing.T) {
	for _, c := range []struct {
		name string
		mode storetest.Mode
		want []string // objects after the put of b failed
	}{
		{"fail before", storetest.FailBefore, []string{"a"}},
		{"fail after", storetest.FailAfter, []string{"a", "b"}},
		{"cancel before", storetest.CancelBefore, []string{"a"}},
		{"hang before", storetest.HangBefore, []string{"a"}},
		{"hang after", storetest.HangAfter, []string{"a", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			memory := sinks.NewMemory()
			f := &storetest.Faulty{Store: memory, At: 2, Mode: c.mode, Cancel: cancel}
			if c.mode == storetest.HangBefore || c.mode == storetest.HangAfter {
				cancel() // memory would refuse the first put; it is not asked
				f.Store = patient{memory}
			}
			for _, name := range []string{"a", "b"} {
				info, err := f.Put(ctx, name, []byte("x"), sinks.IfAbsent())
				if failed := name == "b"; failed != (err != nil) || failed != (info == sinks.Info{}) {
					t.Errorf("put %s: %+v, error %v", name, info, err)
				}
			}
			got, err := list(memory.List(t.Context(), ""))
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

// patient is a store that does not heed its context.
type patient struct{ sinks.Store }

func (p patient) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	return p.Store.Put(context.WithoutCancel(ctx), name, data, cond)
}

// A listing that nobody ranges over any more must not hang.
func TestFaultyHangsNobodyWhoHasLeft(t *testing.T) {
	memory := sinks.NewMemory()
	if _, err := memory.Put(t.Context(), "a", nil, sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	f := &storetest.Faulty{Store: memory, At: 1, Mode: storetest.HangAfter}
	for range f.List(t.Context(), "") {
		break
	}
}

func TestFaultyListAfter(t *testing.T) {
	f := &storetest.Faulty{Store: sinks.NewMemory(), At: 2, Mode: storetest.FailAfter}
	if _, err := f.Put(t.Context(), "a", nil, sinks.IfAbsent()); err != nil {
		t.Fatalf("put: %v", err)
	}
	got, err := list(f.List(t.Context(), ""))
	if !errors.Is(err, storetest.ErrInjected) {
		t.Errorf("list: error %v, want ErrInjected", err)
	}
	if diff := cmp.Diff([]string{"a"}, got); diff != "" {
		t.Errorf("names before the error (-want +got):\n%s", diff)
	}
}

func TestFaultyCancels(t *testing.T) {
	for n := 1; n <= len(operations); n++ {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		// A context of its own shows that the store refuses by itself.
		f := &storetest.Faulty{Store: sinks.NewMemory(), At: n, Mode: storetest.CancelBefore, Cancel: cancel}
		errs := script(t.Context(), f)
		if ctx.Err() == nil {
			t.Errorf("operation %d did not cancel the context", n)
		}
		for i, err := range errs {
			if cancelled := i >= n-1; cancelled != errors.Is(err, context.Canceled) {
				t.Errorf("operation %d, cancelled at %d: error %v", i+1, n, err)
			}
		}
	}
}

// sweeping is a store that has had two temporaries.
type sweeping struct{ sinks.Store }

func (sweeping) Sweep(context.Context) (int, error) { return 2, nil }

func TestFaultySweep(t *testing.T) {
	f := &storetest.Faulty{Store: sweeping{sinks.NewMemory()}, At: 2}
	if n, err := f.Sweep(t.Context()); n != 2 || err != nil {
		t.Errorf("sweep: %d, error %v; want 2", n, err)
	}
	if _, err := f.Sweep(t.Context()); !errors.Is(err, storetest.ErrInjected) {
		t.Errorf("sweep that is to fail: error %v", err)
	}
	if diff := cmp.Diff([]string{"sweep", "sweep"}, f.Ops()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}

	without := &storetest.Faulty{Store: sinks.NewMemory(), At: 1}
	if n, err := without.Sweep(t.Context()); n != 0 || err != nil || without.Fired() {
		t.Errorf("sweep of a store that is no Sweeper: %d, error %v", n, err)
	}
}

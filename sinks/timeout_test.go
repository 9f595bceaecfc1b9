package sinks_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

func TestWithTimeoutConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) sinks.Store {
		return sinks.WithTimeout(sinks.NewMemory(), time.Minute)
	})
}

// Each operation that hangs ends at the limit, and says so.
func TestTimeoutEndsWhatHangs(t *testing.T) {
	const limit = time.Minute
	for name, op := range map[string]func(context.Context, sinks.Store) error{
		"put": func(ctx context.Context, s sinks.Store) error {
			_, err := s.Put(ctx, "a", nil, sinks.IfAbsent())
			return err
		},
		"get": func(ctx context.Context, s sinks.Store) error {
			_, _, err := s.Get(ctx, "a")
			return err
		},
		"stat": func(ctx context.Context, s sinks.Store) error {
			_, err := s.Stat(ctx, "a")
			return err
		},
		"delete": func(ctx context.Context, s sinks.Store) error {
			return s.Delete(ctx, "a", sinks.IfVersion("1"))
		},
		"list": func(ctx context.Context, s sinks.Store) (err error) {
			for _, err = range s.List(ctx, "a") {
			}
			return err
		},
		"sweep": func(ctx context.Context, s sinks.Store) error {
			_, err := s.(sinks.Sweeper).Sweep(ctx)
			return err
		},
		"check": func(ctx context.Context, s sinks.Store) error { return s.(sinks.Checker).Check(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				s := sinks.WithTimeout(&storetest.Faulty{Store: all{sinks.NewMemory()}, At: 1, Mode: storetest.HangBefore}, limit)
				err := op(t.Context(), s)
				if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "no response within 1m0s" || !advisesTimeout(err) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(start); took != limit {
					t.Errorf("it took %s", took)
				}

				// Whoever is not waited for any more is not said to be slow.
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				s = sinks.WithTimeout(&storetest.Faulty{Store: all{sinks.NewMemory()}, At: 1, Mode: storetest.HangBefore}, limit)
				if err := op(ctx, s); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: error %v", err)
				}
			})
		})
	}
}

// all is a store with everything that a store can have.
type all struct{ sinks.Store }

func (all) Sweep(context.Context) (int, error) { return 3, nil }
func (all) Check(context.Context) error        { return errors.New("checked") }
func (all) Close() error                       { return errors.New("closed") }

func TestTimeoutHandsOn(t *testing.T) {
	s := sinks.WithTimeout(all{sinks.NewMemory()}, time.Minute)
	if n, err := s.(sinks.Sweeper).Sweep(t.Context()); n != 3 || err != nil {
		t.Errorf("sweep: %d, error %v", n, err)
	}
	if err := s.(sinks.Checker).Check(t.Context()); err == nil || err.Error() != "checked" {
		t.Errorf("check: error %v", err)
	}
	if err := s.(interface{ Close() error }).Close(); err == nil || err.Error() != "closed" {
		t.Errorf("close: error %v", err)
	}
	s = sinks.WithTimeout(sinks.NewMemory(), time.Minute)
	n, err := s.(sinks.Sweeper).Sweep(t.Context())
	if err = errors.Join(err, s.(sinks.Checker).Check(t.Context()), s.(interface{ Close() error }).Close()); n != 0 || err != nil {
		t.Errorf("of a store that has nothing of it: %d, error %v", n, err)
	}
}

// slow is a store whose listing takes a while for each object.
type slow struct{ sinks.Store }

func (slow) List(ctx context.Context, _ string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		for range 3 {
			select {
			case <-time.After(40 * time.Second):
				if !yield(sinks.Info{Name: "a"}, nil) {
					return
				}
			case <-ctx.Done():
				yield(sinks.Info{}, ctx.Err())
				return
			}
		}
	}
}

// A long listing is none that hangs, and a slow reader does not make it one.
func TestTimeoutOfListingIsForEachObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		for _, err := range sinks.WithTimeout(slow{}, time.Minute).List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
			<-time.After(time.Hour)
		}
		if n != 3 {
			t.Errorf("%d objects, want 3", n)
		}
	})
}

// advisesTimeout reports whether an error names the flag that raises the limit.
func advisesTimeout(err error) bool {
	var advised interface{ Advice() string }
	return errors.As(err, &advised) && strings.Contains(advised.Advice(), "--store-timeout")
}

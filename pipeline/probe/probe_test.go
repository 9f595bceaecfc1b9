package probe_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"enrow-export/pipeline/probe"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
	"enrow-export/sinks/storetest"
)

// objects returns the names of all objects of a store.
func objects(t *testing.T, store sinks.Store) (names []string) {
	t.Helper()
	for info, err := range store.List(context.WithoutCancel(t.Context()), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	return names
}

func openFolder(t *testing.T, dir string) *local.Store {
	t.Helper()
	store, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// all makes every try on a scratch, and cleans up.
func all(ctx context.Context, s *probe.Scratch) error {
	err := s.Conditions(ctx)
	if err == nil {
		err = s.Race(ctx, 32, 2)
	}
	if left := s.Clean(ctx); err == nil {
		err = left
	}
	return err
}

func TestGoodStores(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	for name, s := range map[string]*probe.Scratch{
		"memory":           {Store: sinks.NewMemory()},
		"content versions": {Store: sinks.NewContentMemory()},
		"folder":           {Store: openFolder(t, dir), Rival: openFolder(t, dir)},
	} {
		if err := all(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left := objects(t, s.Store); left != nil {
			t.Errorf("%s: %v are left", name, left)
		}
		if refused, err := s.StaleDelete(t.Context()); err != nil || !refused {
			t.Errorf("%s: a stale delete is refused: %t, error %v", name, refused, err)
		}
		if err := s.Clean(t.Context()); err != nil || objects(t, s.Store) != nil {
			t.Errorf("%s: %v are left, error %v", name, objects(t, s.Store), err)
		}
	}
}

// A store that ignores one of the conditions is found out, by the cheap try and by the
// race, and nothing is left there.
func TestBrokenStores(t *testing.T) {
	absent := func(c sinks.Condition) bool { return c.Absent() }
	version := func(c sinks.Condition) bool { return !c.Absent() }
	for _, test := range []struct {
		name        string
		heeds       func(sinks.Condition) bool
		cheap, race string
	}{
		{"all ignored", nil, "an object was replaced by a put that must fail because the object exists", "32 of 32 writers created one object at the same time: exactly one must succeed"},
		{"absence ignored", version, "an object was replaced by a put that must fail because the object exists", "32 of 32 writers created one object at the same time: exactly one must succeed"},
		{"versions ignored", absent, "an object was replaced by a put under a version that the object no longer had", "32 of 32 writers replaced one version of an object at the same time: exactly one must succeed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := &storetest.Careless{Store: sinks.NewContentMemory(), Heeds: test.heeds}
			broken := (*probe.BrokenError)(nil)
			if err := probe.Conditions(t.Context(), store); !errors.As(err, &broken) || err.Error() != test.cheap {
				t.Errorf("cheap: error %v", err)
			}
			s := &probe.Scratch{Store: store}
			if err := s.Race(t.Context(), 32, 1); !errors.As(err, &broken) || err.Error() != test.race {
				t.Errorf("race: error %v", err)
			}
			if err := s.Clean(t.Context()); err != nil {
				t.Error(err)
			}
			if left := objects(t, store); left != nil {
				t.Errorf("%v are left", left)
			}
		})
	}
}

// refusing refuses every put, or one condition, as if it had not held.
type refusing struct {
	sinks.Store
	when func(sinks.Condition) bool
}

func (r refusing) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if r.when(cond) {
		return sinks.Info{}, &sinks.ConflictError{Name: name}
	}
	return r.Store.Put(ctx, name, data, cond)
}

func TestStoreThatRefusesAll(t *testing.T) {
	for _, test := range []struct {
		when func(sinks.Condition) bool
		want string
	}{
		{func(sinks.Condition) bool { return true }, "the first put of a new object was refused, as if the object existed"},
		{func(c sinks.Condition) bool { return !c.Absent() }, "a put under the version of the object was refused"},
	} {
		store := refusing{sinks.NewMemory(), test.when}
		broken := (*probe.BrokenError)(nil)
		if err := probe.Conditions(t.Context(), store); !errors.As(err, &broken) || err.Error() != test.want {
			t.Errorf("error %v, want %s", err, test.want)
		}
		s := probe.Scratch{Store: store}
		if err := s.Race(t.Context(), 4, 1); !errors.As(err, &broken) || !strings.HasPrefix(err.Error(), "none of 4 writers") {
			t.Errorf("race: error %v", err)
		}
		if left := objects(t, store); left != nil && s.Clean(t.Context()) != nil {
			t.Errorf("%v are left", left)
		}
	}
}

// overwriting reports conflicts as a good store does, but puts the refused bytes all the same.
type overwriting struct{ storetest.Careless }

func (o *overwriting) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	info, err := o.Store.Put(ctx, name, data, cond)
	if _, lost := sinks.Conflict(err); lost {
		_, _ = o.Careless.Put(ctx, name, data, cond)
	}
	return info, err
}

func TestLoserOverwrites(t *testing.T) {
	s := probe.Scratch{Store: &overwriting{storetest.Careless{Store: sinks.NewMemory()}}}
	if err := s.Race(t.Context(), 8, 1); err == nil || !strings.Contains(err.Error(), "the bytes of another writer") {
		t.Errorf("error %v", err)
	}
}

// Whatever fails, and when: the error is no proof against the store, and nothing is left
// that could be removed.
func TestFaultsOfAProbe(t *testing.T) {
	for _, mode := range []storetest.Mode{storetest.FailBefore, storetest.FailAfter, storetest.CancelBefore} {
		fired := true
		for at := 1; fired; at++ {
			ctx, cancel := context.WithCancel(t.Context())
			store := sinks.NewContentMemory()
			faulty := &storetest.Faulty{Store: store, At: at, Mode: mode, Cancel: cancel}
			err := probe.Conditions(ctx, faulty)
			fired = faulty.Fired()
			var broken *probe.BrokenError
			var left *probe.LeftError
			const puts = 4 // the removal looks again, and succeeds
			if errors.As(err, &broken) || fired && at <= puts && err == nil {
				t.Errorf("mode %d, operation %d: error %v", mode, at, err)
			}
			// The faults of cancelled contexts go on for the clean-up.
			if names := objects(t, store); len(names) > 0 && !errors.As(err, &left) && mode != storetest.CancelBefore {
				t.Errorf("mode %d, operation %d: %v are left, and the error is %v", mode, at, names, err)
			}
			cancel()
		}
	}
}

// interrupted cancels the context of the probe at a put, which then takes effect.
type interrupted struct {
	sinks.Store
	cancel context.CancelFunc
	puts   int
}

func (i *interrupted) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if i.puts--; i.puts == 0 {
		i.cancel()
		ctx = context.WithoutCancel(ctx)
	}
	return i.Store.Put(ctx, name, data, cond)
}

func TestInterruptedProbeCleansUp(t *testing.T) {
	for puts := 1; puts <= 4; puts++ {
		ctx, cancel := context.WithCancel(t.Context())
		store := sinks.NewMemory()
		err := probe.Conditions(ctx, &interrupted{store, cancel, puts})
		if left := objects(t, store); left != nil {
			t.Errorf("put %d: %v are left, error %v", puts, left, err)
		}
		if puts == 1 && !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
}

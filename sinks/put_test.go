package sinks_test

import (
	"errors"
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// Whatever becomes of the answer, Put says whether the object has the bytes.
func TestPutLooksBeforeItFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		there  string // before, "" for nothing
		mode   storetest.Mode
		cond   func(there sinks.Info) sinks.Condition
		want   string
		failed bool
	}{
		{"answer lost", "", storetest.FailAfter, func(sinks.Info) sinks.Condition { return sinks.IfAbsent() }, "new", false},
		{"not done", "", storetest.FailBefore, func(sinks.Info) sinks.Condition { return sinks.IfAbsent() }, "", true},
		{"not done, the same is there", "new", storetest.FailBefore, func(sinks.Info) sinks.Condition { return sinks.IfAbsent() }, "new", false},
		{"replaced, answer lost", "old", storetest.FailAfter, func(there sinks.Info) sinks.Condition { return sinks.IfVersion(there.Version) }, "new", false},
		{"not replaced", "old", storetest.FailBefore, func(there sinks.Info) sinks.Condition { return sinks.IfVersion(there.Version) }, "old", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			memory := sinks.NewMemory()
			var there sinks.Info
			if test.there != "" {
				var err error
				if there, err = memory.Put(t.Context(), "a", []byte(test.there), sinks.IfAbsent()); err != nil {
					t.Fatal(err)
				}
			}
			faulty := &storetest.Faulty{Store: memory, At: 1, Mode: test.mode}
			info, err := sinks.Put(t.Context(), faulty, "a", []byte("new"), test.cond(there))
			if (err != nil) != test.failed || test.failed && !errors.Is(err, storetest.ErrInjected) {
				t.Errorf("error %v, want one: %t", err, test.failed)
			}
			data, now, getErr := memory.Get(t.Context(), "a")
			if string(data) != test.want || (getErr != nil) != (test.want == "") || err == nil && info != now {
				t.Errorf("%q is there (%v), want %q; put returned %+v, it is %+v", data, getErr, test.want, info, now)
			}
		})
	}
	// A lost condition is one, unless what is there has the bytes.
	memory := sinks.NewMemory()
	if _, err := memory.Put(t.Context(), "a", []byte("old"), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	_, err := sinks.Put(t.Context(), memory, "a", []byte("new"), sinks.IfAbsent())
	if current, lost := sinks.Conflict(err); !lost || current == nil || current.Size != 3 {
		t.Errorf("error %v, conflict with %+v", err, current)
	}
	if _, err := sinks.Put(t.Context(), memory, "a", []byte("old"), sinks.IfAbsent()); err != nil {
		t.Error(err)
	}
	if _, lost := sinks.Conflict(errors.New("x")); lost {
		t.Error("any error is a conflict")
	}
}

func TestTraitsReachThroughWrappers(t *testing.T) {
	want := sinks.Traits{Operations: 3, Bytes: 5, ContentVersions: true}
	for name, store := range map[string]sinks.Store{
		"timeout": sinks.WithTimeout(slowStore{sinks.NewMemory(), want}, 1), "faulty": &storetest.Faulty{Store: slowStore{sinks.NewMemory(), want}},
	} {
		if got := store.Traits(); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

type slowStore struct {
	sinks.Store
	traits sinks.Traits
}

func (l slowStore) Traits() sinks.Traits { return l.traits }

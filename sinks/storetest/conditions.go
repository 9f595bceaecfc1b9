package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// conflicts checks that err says that the condition on name did not hold
// because current was there, or nothing when it is nil.
func conflicts(t *testing.T, err error, name string, current *sinks.Info) {
	t.Helper()
	var conflict *sinks.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("error %v, want a *ConflictError", err)
	}
	if diff := cmp.Diff(&sinks.ConflictError{Name: name, Current: current}, conflict); diff != "" {
		t.Errorf("conflict (-want +got):\n%s", diff)
	}
}

func testIfAbsent(t *testing.T, s sinks.Store) {
	info := put(t, s, "a", []byte("first"))
	for _, data := range []string{"second", "first", ""} {
		_, err := s.Put(t.Context(), "a", []byte(data), sinks.IfAbsent())
		conflicts(t, err, "a", &info)
	}
	holds(t, s, "a", []byte("first"), info)
	if err := s.Delete(t.Context(), "a", sinks.IfVersion(info.Version)); err != nil {
		t.Fatalf("delete: %v", err)
	}
	info = put(t, s, "a", []byte("second"))
	holds(t, s, "a", []byte("second"), info)
}

func testIfVersion(t *testing.T, s sinks.Store) {
	_, err := s.Put(t.Context(), "a/b", []byte("0"), sinks.IfVersion("1"))
	conflicts(t, err, "a/b", nil)
	lacks(t, s, "a/b")

	first := put(t, s, "a/b", []byte("1"))
	second, err := s.Put(t.Context(), "a/b", []byte("2"), sinks.IfVersion(first.Version))
	if err != nil {
		t.Fatalf("put under the right version: %v", err)
	}
	if second.Version == first.Version {
		t.Errorf("version %q of two contents", first.Version)
	}
	holds(t, s, "a/b", []byte("2"), second)

	_, err = s.Put(t.Context(), "a/b", []byte("3"), sinks.IfVersion(first.Version))
	conflicts(t, err, "a/b", &second)
	holds(t, s, "a/b", []byte("2"), second)

	if err := s.Delete(t.Context(), "a/b", sinks.IfVersion(second.Version)); err != nil {
		t.Fatalf("delete: %v", err)
	}
	_, err = s.Put(t.Context(), "a/b", []byte("3"), sinks.IfVersion(second.Version))
	conflicts(t, err, "a/b", nil)
	lacks(t, s, "a/b")
}

// The same content put again must undo the versions that were read before it, unless
// versions may be the content's.
func testSameContentAgain(t *testing.T, s sinks.Store) {
	if s.Traits().ContentVersions {
		testContentVersions(t, s)
		return
	}
	first := put(t, s, "a", []byte("same"))
	second, err := s.Put(t.Context(), "a", []byte("same"), sinks.IfVersion(first.Version))
	if err != nil {
		t.Fatalf("put the same content again: %v", err)
	}
	_, err = s.Put(t.Context(), "a", []byte("other"), sinks.IfVersion(first.Version))
	conflicts(t, err, "a", &second)
	conflicts(t, s.Delete(t.Context(), "a", sinks.IfVersion(first.Version)), "a", &second)
	holds(t, s, "a", []byte("same"), second)
}

// A version of other content is refused, also where versions are the content's. The same
// content put again is no conflict.
func testContentVersions(t *testing.T, s sinks.Store) {
	first := put(t, s, "a", []byte("same"))
	again, err := s.Put(t.Context(), "a", []byte("same"), sinks.IfVersion(first.Version))
	if err != nil {
		t.Fatalf("put the same content again: %v", err)
	}
	other, err := s.Put(t.Context(), "a", []byte("other"), sinks.IfVersion(again.Version))
	if err != nil {
		t.Fatalf("put other content: %v", err)
	}
	_, err = s.Put(t.Context(), "a", []byte("third"), sinks.IfVersion(again.Version))
	conflicts(t, err, "a", &other)
	conflicts(t, s.Delete(t.Context(), "a", sinks.IfVersion(again.Version)), "a", &other)
	holds(t, s, "a", []byte("other"), other)
}

func testInvalidConditions(t *testing.T, s sinks.Store) {
	info := put(t, s, "a", []byte("original"))
	for name, cond := range map[string]sinks.Condition{
		"zero":             {},
		"of empty version": sinks.IfVersion(""),
	} {
		for _, object := range []string{"a", "b"} {
			var conflict *sinks.ConflictError
			if _, err := s.Put(t.Context(), object, []byte("x"), cond); err == nil || errors.As(err, &conflict) {
				t.Errorf("put %q under a condition %s: error %v, want one that is no conflict", object, name, err)
			}
			err := s.Delete(t.Context(), object, cond)
			if err == nil || errors.As(err, &conflict) || errors.Is(err, sinks.ErrNotExist) {
				t.Errorf("delete %q under a condition %s: error %v, want one of the condition", object, name, err)
			}
		}
	}
	if err := s.Delete(t.Context(), "a", sinks.IfAbsent()); err == nil {
		t.Error("delete if absent: no error")
	}
	holds(t, s, "a", []byte("original"), info)
	lacks(t, s, "b")
}

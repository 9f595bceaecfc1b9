package local

import (
	"errors"
	"testing"

	"enrow-export/sinks"
)

// A root that no folder can be made for is out of reach for every object, even
// where the system words it as something that is missing.
func TestRootWhereNoFolderCanBe(t *testing.T) {
	s, err := Open("/proc/enrow-export")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "a/b", nil, sinks.IfAbsent()); !errors.Is(err, sinks.ErrUnreachable) {
		t.Errorf("error %v, want ErrUnreachable", err)
	}
}

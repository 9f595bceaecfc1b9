package pipeline

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// docs/manifest.md explains every field of an entry.
func TestManifestPageIsComplete(t *testing.T) {
	page, err := os.ReadFile("../docs/manifest.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[Entry](), reflect.TypeFor[File]()} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name == "" || !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/manifest.md says nothing of %s.%s (%q)", typ.Name(), typ.Field(i).Name, name)
			}
		}
	}
	for _, state := range []State{StatePending, StateOngoing, StateExported, StateFailed} {
		if !strings.Contains(string(page), "`"+string(state)+"`") {
			t.Errorf("docs/manifest.md says nothing of the state %s", state)
		}
	}
}

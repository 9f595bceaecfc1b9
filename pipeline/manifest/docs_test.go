package manifest_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"enrow-export/pipeline/manifest"
)

// docs/manifest.md explains every field of an entry.
func TestManifestPageIsComplete(t *testing.T) {
	page, err := os.ReadFile("../../docs/manifest.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[manifest.Entry](), reflect.TypeFor[manifest.File]()} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name == "-" { // it is not written
				continue
			}
			if name == "" || !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/manifest.md says nothing of %s.%s (%q)", typ.Name(), typ.Field(i).Name, name)
			}
		}
	}
	for _, state := range []manifest.State{manifest.StatePending, manifest.StateOngoing, manifest.StateExported, manifest.StateFailed} {
		if !strings.Contains(string(page), "`"+string(state)+"`") {
			t.Errorf("docs/manifest.md says nothing of the state %s", state)
		}
	}
}

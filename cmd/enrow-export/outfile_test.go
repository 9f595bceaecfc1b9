package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/local"
)

// The file on its way below a root is nothing that a sweep takes, which would make the
// rename fail, and does not pass for data. Its mode is tight before anything is in it.
func TestPartialFileOfAUser(t *testing.T) {
	dir := t.TempDir()
	store, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	name := filepath.Join(dir, "all.csv")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = replaceFile(name, func(w io.Writer) error {
		if n, err := store.Sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("a sweep took %d, error %v", n, err)
		}
		f, ok := w.(*os.File)
		if !ok {
			t.Fatalf("written to a %T", w)
		}
		for _, format := range sinks.Formats() {
			if strings.Contains(filepath.Base(f.Name()), "."+format.Name) {
				t.Errorf("%s passes for %s", f.Name(), format.Name)
			}
		}
		if !strings.HasPrefix(filepath.Base(f.Name()), ".") {
			t.Errorf("%s is not hidden", f.Name())
		}
		if info, err := f.Stat(); err != nil || info.Mode() != 0o600 || info.Size() != 0 {
			t.Errorf("%v, error %v: not as tight as the file that it replaces", info, err)
		}
		_, err := io.WriteString(w, "new")
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(name); string(got) != "new" || err != nil {
		t.Errorf("the file holds %q, error %v", got, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 && len(entries) != 2 { // the manifest's locks
		t.Errorf("entries %v, error %v", entries, err)
	}
}

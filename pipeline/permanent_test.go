package pipeline_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A batch is permanently failed because Enrow says so of it: in the answer that export
// has taken apart, or over several runs, which it counts. Everything else that can go
// wrong may be over tomorrow, so nobody else says permanent.
func TestNothingElseIsPermanent(t *testing.T) {
	allowed := map[string]int{"pipeline/export/encode.go": 1, "pipeline/export/outcome.go": 2}
	found := make(map[string]int)
	root := ".."
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := strings.Count(string(code), "pipeline.Permanent"); n > 0 {
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			found[filepath.ToSlash(name)] = n
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range found {
		if n != allowed[name] {
			t.Errorf("%s says %d times that a failure is permanent, and may %d times: the default of every classification is Transient", name, n, allowed[name])
		}
	}
	for name, n := range allowed {
		if found[name] != n {
			t.Errorf("%s says %d times that a failure is permanent, not %d times as this test knows it", name, found[name], n)
		}
	}
}

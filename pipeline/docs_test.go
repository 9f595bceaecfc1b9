package pipeline_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that docs/guarantees.md names is there, in some package.
func TestGuaranteesAreTested(t *testing.T) {
	page, err := os.ReadFile("../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]bool)
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(t `).FindAllSubmatch(code, -1) {
			tests[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(page, -1)
	if len(named) < 30 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, match := range named {
		if !tests[string(match[1])] {
			t.Errorf("docs/guarantees.md names %s, which is no test", match[1])
		}
	}
	// And every row of a table names one.
	for line := range strings.Lines(string(page)) {
		row := strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|---") && strings.Count(line, "|") > 3
		if row && !strings.Contains(line, "shown by") && !strings.Contains(line, "`Test") {
			t.Errorf("docs/guarantees.md shows by no test: %s", line)
		}
	}
}

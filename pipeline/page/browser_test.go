//go:build browser

package page_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"enrow-export/pipeline/page"
)

var shots = flag.String("browser.shots", "", "directory in which screenshots are kept")

// Pages are rendered by Chromium on a phone and on a desk, light and dark, and looked at by
// testdata/browser/check.mjs.
func TestPagesInABrowser(t *testing.T) {
	dir, args := t.TempDir(), []string{"check.mjs"}
	if *shots != "" {
		dir, args = *shots, append(args, "--shots")
	}
	program := func(args ...string) {
		t.Helper()
		cmd := exec.Command("go", append([]string{"run", "enrow-export/cmd/enrow-export"}, args...)...)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	root := filepath.Join(t.TempDir(), "demo")
	program("demo", "--to", root)
	program("report", "--to", root, "--out", filepath.Join(dir, "demo.html"))
	for name, d := range map[string]page.Data{
		"empty":   {Title: "Enrow exports", To: "out", Now: now, Version: "1.0.0", Overview: overviewOf()},
		"typical": typical(),
		"crowd":   crowd(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), pageOf(t, d), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	check := exec.Command("node", append(args, dir)...)
	check.Dir = "../../testdata/browser"
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, output)
	} else {
		t.Logf("%s", output)
	}
}

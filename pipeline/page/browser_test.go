//go:build browser

package page_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	if output, err := look(args, dir); err != nil {
		t.Errorf("%v:\n%s", err, output)
	} else {
		t.Logf("%s", output)
	}
}

// look has the pages of a directory looked at.
func look(args []string, dir string) (string, error) {
	check := exec.Command("node", append(args, dir)...)
	check.Dir = "../../testdata/browser"
	output, err := check.CombinedOutput()
	return string(output), err
}

// A page that is wrong in every way is told so: the looks do look.
func TestABadPageIsRefused(t *testing.T) {
	dir := t.TempDir()
	bad := `<!DOCTYPE html><html><head><title>Bad</title><meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src *"></head>
<body><main><h1>Bad</h1><h3>Order</h3><p style="color: red">Style</p><img src="missing.png" alt=""><font color="#ddd">Pale</font>
<pre>` + strings.Repeat("wide", 400) + `</pre><script>alert(1)</script>
<svg role="img" viewBox="0 0 10 10" width="100"><text x="9" y="5">leaves</text><text x="9" y="5">covers</text></svg></main></body></html>`
	if err := os.WriteFile(filepath.Join(dir, "bad.html"), []byte(bad), 0o666); err != nil {
		t.Fatal(err)
	}
	output, err := look([]string{"check.mjs"}, dir)
	if err == nil {
		t.Error("the page passes")
	}
	for _, want := range []string{
		"inline style", "inline script", "request: file:", "and the window 390", "and the window 1280", "reaches from", "color-contrast", "heading-order", "html-has-lang", "svg-img-alt",
		"leaves its chart", "lies over",
	} {
		if !strings.Contains(strings.ToLower(output), strings.ToLower(want)) {
			t.Errorf("%q is not said", want)
		}
	}
	if t.Failed() {
		t.Log(output)
	}
}

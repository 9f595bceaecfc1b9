package platform_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// onWindows runs the Go command as for Windows.
func onWindows(t *testing.T, args ...string) (string, error) {
	goCommand := exec.CommandContext(t.Context(), "go", args...)
	goCommand.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	out, err := goCommand.CombinedOutput()
	return string(out), err
}

// A build for Windows fails with one line that says what to use instead.
func TestWindowsIsRefused(t *testing.T) {
	out, err := onWindows(t, "build", ".")
	if err == nil {
		t.Fatal("it builds")
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(out), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "#") // the name of the package
	})
	if len(lines) != 1 || !strings.Contains(lines[0], "enrow-export does not run on Windows: use WSL 2") {
		t.Errorf("the build says\n%s", out)
	}
}

// What would fail on Windows in other words imports the package, and is never compiled.
func TestWhatNeedsUnixSaysSo(t *testing.T) {
	out, err := onWindows(t, "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "enrow-export/...")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := 0
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "enrow-export/sinks/local" && !slices.Contains(words, "golang.org/x/sys/unix") {
			continue
		}
		found++
		if !slices.Contains(words, "enrow-export/sinks/platform") {
			t.Errorf("%s needs Unix, and does not import sinks/platform", words[0])
		}
	}
	if found < 2 {
		t.Errorf("%d packages need Unix:\n%s", found, out)
	}
}

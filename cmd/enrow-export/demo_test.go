package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Each command that demo names works as it stands, in the same directory.
func TestDemoNamesWhatWorks(t *testing.T) {
	dir := t.TempDir()
	sh := func(command string) string {
		shell := exec.CommandContext(t.Context(), "sh", "-c", command)
		shell.Dir = dir
		shell.Env = append(os.Environ(), "ENROW_API_KEY=")
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	for _, demo := range []string{"enrow-export demo", "enrow-export demo --to \"a dir's\""} {
		_, next, found := strings.Cut(sh(demo), "what next:\n")
		if lines := strings.Count(next, "\n"); !found || lines != 4 {
			t.Errorf("%s names %d commands:\n%s", demo, lines, next)
		}
		for line := range strings.Lines(next) {
			command, _, _ := strings.Cut(strings.TrimPrefix(line, "  "), "  ")
			sh(command)
		}
	}
}

// What go run has made is gone, or has a name that nobody can type.
func TestInvocation(t *testing.T) {
	hash := strings.Repeat("0d", 32)
	for called, want := range map[string]string{
		"enrow-export":                                             "enrow-export",
		"./enrow-export":                                           "./enrow-export",
		"/opt/my tools/enrow-export":                               "'/opt/my tools/enrow-export'",
		"/tmp/go-build12/enrow-export":                             "/tmp/go-build12/enrow-export",
		"/tmp/go-build3553315152/b001/exe/enrow-export":            "go run enrow-export/cmd/enrow-export",
		"/home/ada/.cache/go-build/0d/" + hash + "-d/enrow-export": "go run enrow-export/cmd/enrow-export",
	} {
		if got := invocation(called); got != want {
			t.Errorf("%s: %s, want %s", called, got, want)
		}
	}
	t.Chdir("../..")
	if got := invocation("/tmp/go-build3553315152/b001/exe/enrow-export"); got != "go run ./cmd/enrow-export" {
		t.Errorf("%s in the root of the module", got)
	}
}

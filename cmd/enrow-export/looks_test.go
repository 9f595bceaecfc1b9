package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A command that was stopped before it could look sums nothing up, and makes nothing.
func TestNothingIsSummedUpWhenStopped(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	if code := run(t.Context(), []string{"enrow-export", "enqueue", "--quiet", "--to", root, "a"}, nil, new(bytes.Buffer), new(bytes.Buffer)); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	for _, command := range []string{
		"prune", "prune --delete", "status", "status a", "verify", "verify a", "files", "load-sql --dialect duckdb",
		"batches --out " + filepath.Join(dir, "batches.parquet"), "compact --into " + filepath.Join(dir, "packed"),
		"enqueue b", "dismiss b", "export --pending --dry-run", "export --dry-run a", "export --pending --api-url http://127.0.0.1:9",
	} {
		t.Run(command, func(t *testing.T) {
			t.Setenv("ENROW_API_KEY", testKey)
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(&signalError{os.Interrupt})
			var stdout, stderr bytes.Buffer
			args := append([]string{"enrow-export"}, strings.Fields(command)...)
			code := run(ctx, append(args, "--to", root), nil, &stdout, &stderr)
			if code != exitInterrupt || stdout.Len() > 0 || strings.Count(stderr.String(), "enrow-export: ") != 1 {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, exitInterrupt, stdout.String(), stderr.String())
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("there is %v, error %v", left, err)
	}
}

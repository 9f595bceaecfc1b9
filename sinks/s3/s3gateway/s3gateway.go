// Package s3gateway is for tests: it starts a real server of S3, versitygw, as a process
// of its own. Versitygw keeps objects as files, and its conditions are atomic. The server is
// testdata/gateway, a module of its own, which the go tool builds and caches.
package s3gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"enrow-export/sinks/s3/s3test"
)

// Start runs a server with these empty buckets for as long as the test takes, and returns
// its URL. It sets s3test.Environment, whose credentials are those of the server's root
// account. The server's region is us-east-1.
func Start(t *testing.T, buckets ...string) (url string) {
	t.Helper()
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	s3test.Environment(t)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, buckets...) // it ends in Cleanup
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, _ = bufio.NewReader(stdout).ReadString('\n')
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("gateway: %v", err)
		}
		if stderr.Len() > 0 && t.Failed() {
			t.Logf("the gateway says:\n%s", &stderr)
		}
	})
	if url == "" {
		t.Fatal("the gateway does not say where it is")
	}
	return strings.TrimSpace(url)
}

// built returns the path of the program, which the go tool builds if its cache does not
// have it.
var built = sync.OnceValues(func() (string, error) {
	module, err := goTool(".", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	return goTool(filepath.Join(filepath.Dir(module), "testdata", "gateway"), "tool", "-n", "gateway")
})

func goTool(dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = dir
	// As the product is built, so that both have much of the cache in common.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

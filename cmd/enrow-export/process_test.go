package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"enrow-export/sources/fakeapi"
)

// process is the program as a process of its own, with its output so far.
type process struct {
	cmd        *exec.Cmd
	stdout     io.Reader
	stderr     io.Reader
	stdoutPipe io.Closer // what stdout reads
}

// start runs the program in dir with an API of its own choice.
func start(t *testing.T, dir, apiURL string, args ...string) *process {
	t.Helper()
	return startReading(t, nil, dir, apiURL, args...)
}

// startReading is start with a standard input.
func startReading(t *testing.T, stdin io.Reader, dir, apiURL string, args ...string) *process {
	t.Helper()
	cmd := prepared(t, dir, apiURL, args...)
	cmd.Stdin = stdin
	return launch(t, cmd)
}

// prepared is the program, not started yet, in dir with an API of its own choice.
func prepared(t *testing.T, dir, apiURL string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = append([]string{programName}, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ENROW_API_URL="+apiURL, "ENROW_API_KEY="+testKey, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// launch starts a process.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout, p.stdoutPipe = stdout, stdout
	if p.stderr, err = cmd.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// end sends a signal, unless it is nil, and returns the rest of the output and
// the exit code.
func (p *process) end(t *testing.T, signal os.Signal) (stdout, stderr string, code int) {
	t.Helper()
	if signal != nil {
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	var both sync.WaitGroup
	both.Go(func() { _, _ = out.ReadFrom(p.stdout) })
	both.Go(func() { _, _ = errs.ReadFrom(p.stderr) })
	both.Wait()
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), p.cmd.ProcessState.ExitCode()
}

var signals = []struct {
	name   string
	signal syscall.Signal
	code   int
}{
	{"interrupt", syscall.SIGINT, 130},
	{"terminated", syscall.SIGTERM, 143},
	{"hangup", syscall.SIGHUP, 129},
}

// held is an API that does not answer for one batch until it is told to.
type held struct {
	api     *fakeapi.Server
	url     string
	asked   chan struct{} // a value for each request
	release chan struct{} // an answer for each value, or for all when closed
}

const heldID = "slow"

func holdAPI(t *testing.T) *held {
	h := &held{api: fakeapi.New(fakeapi.Options{Keys: []string{testKey}}), asked: make(chan struct{}, 9), release: make(chan struct{})}
	h.api.Add(fakeapi.Sample())
	h.api.Add(fakeapi.Generate(heldID, 4, 1))
	h.api.Add(fakeapi.Generate("next", 5, 1))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("id") == heldID {
			h.asked <- struct{}{}
			select {
			case <-h.release:
			case <-r.Context().Done():
				return
			}
		}
		h.api.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.Close(); h.api.Close() })
	h.url = server.URL
	return h
}

// start starts an export of three batches, one at a time, and returns when the
// first is exported and the second under way.
func (h *held) start(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	p := start(t, dir, h.url, append(append([]string{"export", "--concurrency", "1", "--to", "out"}, flags...), fakeapi.Sample().ID, heldID, "next")...)
	<-h.asked
	stdout := bufio.NewReader(p.stdout)
	first, err := stdout.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = io.MultiReader(strings.NewReader(first), stdout)
	return p
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Output that cannot be written is a failure of the run, for every command.
func TestOutputCannotBeWritten(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	api.Add(fakeapi.Sample())
	server := httptest.NewServer(api)
	defer server.Close()
	t.Setenv("ENROW_API_URL", server.URL)
	t.Setenv("ENROW_API_KEY", testKey)
	to := filepath.Join(t.TempDir(), "out")
	for _, args := range [][]string{
		{"export", "--to", to, fakeapi.Sample().ID},
		{"export", "--to", to, "--dry-run", fakeapi.Sample().ID},
		{"status", "--to", to},
		{"verify", "--to", to, "--output", "json"},
		{"files", "--to", to},
		{"load-sql", "--to", to, "--dialect", "duckdb"},
		{"compact", "--to", to, "--into", to + "-packed"},
		{"schema"},
		{"demo", "--to", to + "-demo"},
		{"--help"},
		{"--version"},
	} {
		var stderr bytes.Buffer
		code := run(context.Background(), append([]string{programName}, args...), strings.NewReader(""), fullDisk{}, &stderr)
		if want := "enrow-export: write output: no space left on device\n"; code != exitStopped || stderr.String() != want {
			t.Errorf("%q: exit code %d, stderr %q", args, code, stderr.String())
		}
	}
}

// dataFiles returns all files below dir/out, those of the manifest aside.
func dataFiles(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	root := filepath.Join(dir, "out")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "_manifest" {
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

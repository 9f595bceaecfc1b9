package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"enrow-export/pipeline/runs"
	"enrow-export/sinks"
)

// monitorServer is a monitor of cron jobs that replies with a status. Each ping is a line of a
// file. It returns the URL of a check. The caller closes the server.
func monitorServer(file string, status int) (server *httptest.Server, url string) {
	const check = "/ping/secret-of-the-check"
	var mu sync.Mutex
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		text, _ := io.ReadAll(r.Body)
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		defer f.Close()
		fmt.Fprintf(f, "%s: %s\n", strings.TrimPrefix(r.URL.Path, check), text)
		w.Header().Set("Location", "/")
		w.WriteHeader(status)
	}))
	return server, server.URL + check
}

// startMonitor starts a monitor that replies with a status, and sets a variable to the URL
// of a check. Its pings are in pings.txt.
func startMonitor(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	server, url := monitorServer(ts.MkAbs("pings.txt"), status)
	ts.Defer(server.Close)
	ts.Setenv(args[0], url)
}

// A run that is stopped tells so, within its grace and without.
func TestStoppedRunIsTold(t *testing.T) {
	for _, grace := range []string{"0s", "1m"} {
		t.Run(grace, func(t *testing.T) {
			dir := t.TempDir()
			pings, file := filepath.Join(dir, "pings.txt"), filepath.Join(dir, "enrow.prom")
			server, url := monitorServer(pings, http.StatusOK)
			defer server.Close()
			h := holdAPI(t)
			p := h.start(t, dir, "--grace", grace, "--metrics-file", "enrow.prom", "--ping", url)
			if grace != "0s" {
				if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				stderr := bufio.NewReader(p.stderr)
				if line, err := stderr.ReadString('\n'); err != nil || !strings.Contains(line, "stopping: ") {
					t.Fatalf("log line %q, error %v", line, err)
				}
				p.stderr = stderr
				close(h.release)
			}
			_, stderr, code := p.end(t, map[bool]os.Signal{true: syscall.SIGTERM}[grace == "0s"])
			if code != exitTerminated || strings.Contains(stderr, "secret-of") {
				t.Errorf("exit code %d, stderr %s", code, stderr)
			}
			told, err := os.ReadFile(pings)
			if err != nil || !regexp.MustCompile(`^/start: \n/fail: exit code 143; 3 batches: .* exported .*; stopped by signal: terminated\n$`).Match(told) {
				t.Errorf("pings %q, error %v", told, err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{"enrow_export_last_run_exit_code 143\n", `enrow_export_pending_batches{kind="email-find"} `} {
				if !strings.Contains(string(text), "\n"+line) {
					t.Errorf("the metrics lack %q:\n%s", line, text)
				}
			}
		})
	}
}

// A file of metrics that cannot be written in the end is a failure, if there is no other.
func TestMetricsThatCannotBeWritten(t *testing.T) {
	var log strings.Builder
	m := &monitors{
		log: slog.New(slog.NewTextHandler(&log, nil)), metrics: filepath.Join(t.TempDir(), "gone", "enrow.prom"), store: sinks.NewMemory(),
	}
	for _, outcome := range []error{nil, errSomeFailed, errSomeLeft} {
		log.Reset()
		want := max(exitCode(outcome), exitStopped)
		if err := m.end(t.Context(), &record{}, runs.Summary{}, outcome); exitCode(err) != want {
			t.Errorf("after %v: error %v, exit code %d, want %d", outcome, err, exitCode(err), want)
		}
		if logged := strings.Contains(log.String(), `level=ERROR msg="the run is not in the metrics" error="write metrics to `); logged != (outcome != nil) {
			t.Errorf("after %v: log %s", outcome, log.String()) // the caller tells an error that is returned
		}
	}
}

package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"enrow-export/pipeline/runs"
	"enrow-export/sinks"
)

// startMonitor starts a monitor of cron jobs that replies with a status, and sets a variable
// to the URL of a check there. Each ping is a line of pings.txt.
func startMonitor(ts *testscript.TestScript, _ bool, args []string) {
	const check = "/ping/secret-of-the-check"
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	var mu sync.Mutex
	name := ts.MkAbs("pings.txt")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		text, _ := io.ReadAll(r.Body)
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		defer file.Close()
		fmt.Fprintf(file, "%s: %s\n", strings.TrimPrefix(r.URL.Path, check), text)
		w.Header().Set("Location", "/")
		w.WriteHeader(status)
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL+check)
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
		if !strings.Contains(log.String(), `level=ERROR msg="the run is not in the metrics" error="write metrics to `) {
			t.Errorf("log %s", log.String())
		}
	}
}

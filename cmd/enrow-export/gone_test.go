package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"enrow-export/sources/fakeapi"
)

// An API that goes away ends the run: what was not tried is not noted as failed.
func TestAPIGoesAway(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	defer api.Close()
	args := []string{"export", "--concurrency", "1", "--retries", "1", "--to", "out"}
	for i := range 50 {
		b := fakeapi.Generate(fmt.Sprintf("b%02d", i), 1, 1)
		api.Add(b)
		args = append(args, b.ID)
	}
	var server *httptest.Server
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		api.ServeHTTP(w, r)
		if api.Requests("") == 3 {
			server.Listener.Close()
		}
	}))
	server.Start()
	defer server.Close()
	dir := t.TempDir()
	stdout, stderr, code := start(t, dir, server.URL, args...).end(t, nil)
	if code != exitStopped || !strings.Contains(stderr, "the API can no longer be reached: ") ||
		!strings.Contains(stderr, "hint: nothing that was exported is lost: check the network and run again\n") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr)
	}
	// Two batches fail before the third makes it six tries in a row.
	if !strings.Contains(stdout, "\n50 batches: 2 failed, 45 not tried, 3 exported (3 rows, ") {
		t.Errorf("the summary is not true:\n%s", stdout)
	}
	stdout, _, _ = start(t, dir, server.URL, "status", "--to", "out").end(t, nil)
	if !strings.Contains(stdout, "\n5 batches: 2 failed, 3 exported ") {
		t.Errorf("the manifest knows of others:\n%s", stdout)
	}
}

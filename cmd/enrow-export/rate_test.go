package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"enrow-export/sources/fakeapi"
)

// --rate spreads the requests of a run, however many batches it works on at a
// time.
func TestRateOfRun(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	ids := []string{"a", "b", "c", "d"}
	for _, id := range ids {
		api.Add(fakeapi.Generate(id, 1, 1))
	}
	came := make(chan time.Time, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- time.Now()
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	args := append([]string{"export", "--rate", "20", "--concurrency", "4", "--to", "out"}, ids...)
	if stdout, stderr, code := start(t, t.TempDir(), server.URL, args...).end(t, nil); code != exitOK {
		t.Fatalf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	// The last of four may not come before three turns of 50 ms have passed,
	// but for what the first was under way.
	first := <-came
	last := first
	for range len(ids) - 1 {
		last = <-came
	}
	if spread := last.Sub(first); spread < 100*time.Millisecond {
		t.Errorf("%d requests came within %s, want at least 100ms", len(ids), spread)
	}
}

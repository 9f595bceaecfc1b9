//go:build many

// The first run over 100,000 batches reads every entry, which takes minutes: make many.

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"enrow-export/sinks/s3/s3test"
	"enrow-export/sources/fakeapi"
)

// A run over many batches that are done takes a few requests for each thousand of them,
// and no time to speak of: also where each request takes 50 ms.
func TestManyDoneBatchesOnS3(t *testing.T) {
	const (
		batches      = 100_000
		latency      = 50 * time.Millisecond
		mostRequests = 350
		bucket       = "bucket-of-tests"
	)
	s3test.Environment(t)
	store := s3test.New(s3test.Options{}, bucket)
	defer store.Close()
	var slow atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			ctx, cancel := context.WithTimeout(r.Context(), latency)
			<-ctx.Done()
			cancel()
		}
		store.ServeHTTP(w, r)
	}))
	defer server.Close()
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	defer api.Close()
	id := func(n int) string { return fmt.Sprintf("batch-%06d", n) }
	api.Add(fakeapi.Generate(id(0), 3, 1))
	apiServer := httptest.NewServer(api)
	defer apiServer.Close()

	p := &place{to: "s3://" + bucket + "/enrow", env: []string{"ENROW_EXPORT_S3_ENDPOINT=" + server.URL, "ENROW_EXPORT_S3_REGION=us-east-1"}}
	run := func(what string, args ...string) int {
		t.Helper()
		store.ResetRequests()
		cmd, stdout, stderr := p.export(t, apiServer.URL, args...)
		start := time.Now()
		err := cmd.Run()
		took := time.Since(start)
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", what, err, tail(stdout), stderr)
		}
		sum := 0
		for n := range maps.Values(store.Requests()) {
			sum += n
		}
		processor := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		t.Logf("%s: %.1fs (processor: %.1fs), %d requests %v\n%s", what, took.Seconds(), processor.Seconds(), sum, store.Requests(), tail(stdout))
		return sum
	}
	run("the first batch", id(0))

	// The others are copies of it, put past the program.
	var list bytes.Buffer
	copies := make(map[string][]byte) // its entry and its file
	for _, key := range store.Keys(bucket) {
		if strings.Contains(key, id(0)) {
			copies[key], _ = store.Content(bucket, key)
		}
	}
	if len(copies) != 2 {
		t.Fatalf("%d objects of a batch", len(copies))
	}
	for n := range batches {
		fmt.Fprintln(&list, id(n))
		for key, content := range copies {
			if strings.HasSuffix(key, ".json") {
				content = bytes.ReplaceAll(content, []byte(id(0)), []byte(id(n)))
			}
			store.Store(bucket, strings.ReplaceAll(key, id(0), id(n)), content)
		}
	}
	ids := filepath.Join(t.TempDir(), "ids.txt")
	if err := os.WriteFile(ids, list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	apiServer.Close() // all are done
	run("the first run, which reads every entry", "--ids-file", ids)
	slow.Store(true)
	requests := run("the second run, with 50 ms added to each request", "--ids-file", ids)
	if requests > mostRequests {
		t.Errorf("%d requests, want at most %d", requests, mostRequests)
	}
}

// tail returns the last lines of an output.
func tail(output *bytes.Buffer) string {
	lines := strings.Split(strings.TrimSpace(output.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-2):], "\n")
}

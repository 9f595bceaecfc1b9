//go:build memory

package main

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"slices"
	"syscall"
	"testing"
	"time"

	"enrow-export/sources/fakeapi"
)

var serveBatches = flag.Int("serve.batches", 2500, "how many batches a service exports, one after the other")

// A service stays within what docs/machine.md says, after any number of batches. Its log
// also tells how long a batch takes from its notice to the visible file.
func TestMemoryOfServe(t *testing.T) {
	const (
		rows = 50
		most = 96 << 20
	)
	batches := *serveBatches
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	defer api.Close()
	for i := range batches {
		api.Add(fakeapi.Generate(fmt.Sprintf("batch-%05d", i), rows, uint64(i)))
	}
	server := httptest.NewServer(api)
	defer server.Close()
	dir := t.TempDir()
	cmd := prepared(t, dir, server.URL, append([]string{"serve", "--to", "out", "--report", "runs.jsonl"}, serveFlags...)...)
	cmd.Path, cmd.Args[0] = builtProgram(t), builtProgram(t)
	s, ok := startService(t, cmd)
	if !ok {
		t.Fatalf("the service has ended: %s", s.log())
	}
	var waits []time.Duration
	for i := range batches {
		id := fmt.Sprintf("batch-%05d", i)
		start := time.Now()
		if status := s.notify(finished(id)); status != 200 {
			t.Fatalf("status %d", status)
		}
		if i%100 == 0 { // and the others meanwhile
			s.mustLog(t, "batch exported", id)
			waits = append(waits, time.Since(start))
		}
	}
	s.mustLog(t, "batch exported", fmt.Sprintf("batch-%05d", batches-1))
	s.get(t, "/")
	untilMetrics(t, s, `enrow_export_batches_total{kind="email-find",outcome="exported"}`, float64(batches))
	used, ok := peakMemory(s.cmd.Process.Pid)
	slices.Sort(waits)
	t.Logf("%d KiB after %d batches; from notice to file %v, at most %v", used>>10, batches, waits[len(waits)/2], waits[len(waits)-1])
	if !ok || used > most {
		t.Errorf("the service takes %d KiB, at most %d are promised", used>>10, most>>10)
	}
	s.end(t, syscall.SIGTERM)
}

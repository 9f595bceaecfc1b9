package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// TestServeStory is the whole story: batches are started at the API, which announces them. A
// service exports them, is killed in the middle of it, and another one goes on. The page and
// the metrics say what has happened, and a load has exactly these batches.
func TestServeStory(t *testing.T) {
	dir := t.TempDir()
	announced := make(chan error, 10)
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}, Announced: func(_ string, err error) { announced <- err }})
	defer api.Close()
	var silent atomic.Bool
	asked := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && silent.Load() {
			asked <- struct{}{}
			<-r.Context().Done()
			return
		}
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	search := func(table *schema.Table, n int) string {
		t.Helper()
		id := startBatch(t, server.URL+table.Endpoint, n)
		if err := <-announced; err != nil {
			t.Fatalf("the notice of %s: %v", id, err)
		}
		return id
	}
	flags := []string{"--report", "runs.jsonl", "--then", "cat >> then.jsonl; env > then.env"}

	first := mustServe(t, dir, server.URL, flags...)
	api.SetWebhook(first.hooks)
	find, phone := search(&schema.EmailFind, 7), search(&schema.PhoneFind, 3)
	first.mustLog(t, "batch exported", find)
	first.mustLog(t, "batch exported", phone)
	// The API does not answer about the next batches: their notices are acknowledged, and that
	// is as far as the service comes.
	silent.Store(true)
	interrupted := []string{search(&schema.EmailFind, 5), search(&schema.EmailVerify, 4)}
	<-asked
	first.end(t, syscall.SIGKILL)
	silent.Store(false)

	second := mustServe(t, dir, server.URL, flags...)
	api.SetWebhook(second.hooks)
	for _, id := range interrupted {
		second.mustLog(t, "batch exported", id)
	}
	last := search(&schema.EmailFind, 2)
	second.mustLog(t, "batch exported", last)
	untilReady(t, second, http.StatusOK, "OK")
	all := append(interrupted, find, phone, last)
	slices.Sort(all)

	gauges := untilMetrics(t, second, `enrow_export_batches_total{kind="email-find",outcome="exported"}`, 2)
	for series, want := range map[string]float64{
		`enrow_export_batches_total{kind="email-verify",outcome="exported"}`: 1,
		`enrow_export_last_run_exit_code`:                                    0,
		`enrow_export_notices_total{result="recorded"}`:                      1,
		`enrow_export_notices_total{result="unrecorded"}`:                    0,
		`enrow_export_ready`:                                                 1,
		`enrow_export_runs_total{exit_code="1"}`:                             0,
	} {
		if got, ok := gauges[series]; got != want || !ok && want != 0 {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if code := second.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d", code)
	}

	// The page of the last state says how much there is, and names no address.
	if _, _, code := start(t, dir, "", "report", "--to", "out", "--report", "runs.jsonl", "--out", "page.html").end(t, nil); code != exitOK {
		t.Errorf("report ends with %d", code)
	}
	page, err := os.ReadFile(filepath.Join(dir, "page.html"))
	if err != nil || !strings.Contains(string(page), "All is well") || !strings.Contains(string(page), "All 5 batches are exported") || regexp.MustCompile(`\w@\w`).Match(page) {
		t.Errorf("error %v, the page:\n%.20000s", err, page)
	}
	if told := exportedSince(t, filepath.Join(dir, "then.jsonl")); told != 5 {
		t.Errorf("--then was told of %d batches, want 5", told)
	}
	if env, err := os.ReadFile(filepath.Join(dir, "then.env")); err != nil || !strings.Contains(string(env), "PATH=") || strings.Contains(string(env), hookSecret) || strings.Contains(string(env), testKey) {
		t.Errorf("error %v, the environment of --then:\n%s", err, env)
	}

	loaded := func() []string {
		t.Helper()
		sql, stderr, code := start(t, dir, "", "load-sql", "--dialect", "duckdb", "--to", "out", "--only-new").end(t, nil)
		if code != exitOK {
			t.Fatalf("load-sql ends with %d: %s", code, stderr)
		}
		if err := os.WriteFile(filepath.Join(dir, "load.sql"), []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := start(t, dir, "", "load-sql", "--dialect", "duckdb", "--loaded", "load.sql", "--to", "out").end(t, nil); code != exitOK {
			t.Fatalf("load-sql --loaded ends with %d: %s", code, stderr)
		}
		var ids []string
		for _, match := range regexp.MustCompile(`/([A-Za-z0-9_-]+)\.parquet'`).FindAllStringSubmatch(sql, -1) {
			ids = append(ids, match[1])
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	if got := loaded(); !slices.Equal(got, all) {
		t.Errorf("the load has %q, want %q", got, all)
	}
	if got := loaded(); got != nil {
		t.Errorf("the next load has %q", got)
	}
}

// startBatch starts a search of so many things, and returns the id of its batch.
func startBatch(t *testing.T, url string, n int) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"searches": make([]struct{}, n)})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-api-key", testKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var started struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&started); err != nil || !schema.ValidBatchID(started.ID) {
		t.Fatalf("status %d, id %q, error %v", resp.StatusCode, started.ID, err)
	}
	return started.ID
}

// untilMetrics asks for the metrics until a series has the value, and returns all of them.
func untilMetrics(t *testing.T, s *serving, series string, want float64) map[string]float64 {
	t.Helper()
	for {
		_, body := s.get(t, "/metrics")
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		found := make(map[string]float64)
		for name, family := range families {
			for _, m := range family.GetMetric() {
				var labels []string
				for _, l := range m.GetLabel() {
					labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
				}
				slices.Sort(labels)
				key := name
				if labels != nil {
					key += "{" + strings.Join(labels, ",") + "}"
				}
				found[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		if found[series] == want {
			return found
		}
	}
}

// exportedSince adds up the batches that the lines of a file say were exported.
func exportedSince(t *testing.T, path string) (n int) {
	t.Helper()
	for _, l := range readReport(t, path) {
		n += l.Exported
	}
	return n
}

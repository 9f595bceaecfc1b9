package metrics_test

import (
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"enrow-export/pipeline/metrics"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/runs"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	noon  = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	build = metrics.Build{Version: "1.2.3", Revision: "0123abcd", GoVersion: "go1.26.8"}
)

// failedRun is a run with all there is to say of one.
func failedRun() runs.Line {
	return runs.Line{
		Type: runs.TypeLine, StartedAt: noon.Add(-90500 * time.Millisecond), FinishedAt: noon, ExitCode: 3,
		Failures: []runs.Failure{{BatchID: "a-batch-id", Kind: "email-find", Error: "fetch: why"}},
		Summary: runs.Summary{
			Asked: 11, Exported: 3, Done: 2, Ongoing: 3, Failed: 1, NotTried: 2, Rows: 1234,
			ByKind: map[string]runs.Counts{
				"email-find": {Asked: 8, Exported: 2, Done: 2, Ongoing: 1, Failed: 1, NotTried: 2, Rows: 1200},
				"phone-find": {Asked: 3, Exported: 1, Ongoing: 2, Rows: 34},
			},
			Bytes:    map[string]int64{"parquet": 5 << 20},
			Requests: map[string]int64{"200": 7, "429": 2, "none": 1, "0200": 1, "nonsense": 3},
			Retries:  3,
		},
	}
}

func someRoot() *overview.Overview {
	return &overview.Overview{At: noon.Add(time.Second), Kinds: []overview.Kind{
		{Kind: "email-find", States: overview.States{Exported: 20, Pending: 1, Ongoing: 2, Failed: 4, NeedAttention: 8, Dismissed: 16, Unreadable: 1}, OldestWaiting: noon.Add(-time.Hour)},
		{Kind: "phone-find", States: overview.States{Pending: 5, Failed: 1}, OldestWaiting: noon.Add(-2 * time.Hour)},
	}}
}

// golden compares metrics with a file, and lints them as promtool does.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
	problems, err := promlint.New(strings.NewReader(got)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func write(t *testing.T, path string, l runs.Line, o *overview.Overview) string {
	t.Helper()
	if err := metrics.WriteFile(path, l, o, build); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// line returns the line of a metric, empty when it has none.
func line(text, name string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, name+" ") || strings.HasPrefix(l, name+"{") {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

func TestFile(t *testing.T) {
	golden(t, "file.prom", write(t, filepath.Join(t.TempDir(), "enrow.prom"), failedRun(), someRoot()))
}

// A root that could not be read has no gauges: 0 would be a lie.
func TestFileWithoutRoot(t *testing.T) {
	text := write(t, filepath.Join(t.TempDir(), "enrow.prom"), failedRun(), nil)
	for _, name := range []string{"root_timestamp_seconds", "pending_batches", "oldest_pending_seconds", "failed_batches", "unreadable_batches"} {
		if strings.Contains(text, "enrow_export_"+name) {
			t.Errorf("there is %s", name)
		}
	}
	if line(text, "enrow_export_last_run_exit_code") == "" {
		t.Error("the run is not there")
	}
}

// The time of the last success outlives runs that fail, and files that cannot be read.
func TestLastSuccess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "enrow.prom")
	const name = "enrow_export_last_success_timestamp_seconds"
	expect := func(text, value string) {
		t.Helper()
		if got := line(text, name); got != name+" "+value {
			t.Errorf("%q, want %s", got, value)
		}
	}
	run := func(exitCode int, after time.Duration) string {
		t.Helper()
		l := failedRun()
		l.ExitCode, l.FinishedAt = exitCode, noon.Add(after)
		return write(t, path, l, nil)
	}
	expect(run(3, 0), "0")
	expect(run(75, time.Second+250*time.Millisecond), "1.77245280125e+09")
	expect(run(1, time.Minute), "1.77245280125e+09")
	expect(run(143, 2*time.Minute), "1.77245280125e+09")
	expect(run(0, time.Hour), "1.7724564e+09")
	expect(run(3, 2*time.Hour), "1.7724564e+09")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	value := line(string(whole), name)
	for what, damaged := range map[string]string{
		"cut off":           string(whole[:len(whole)/2]),
		"zeroed":            strings.Repeat("\x00", 4096),
		"empty":             "",
		"of another":        "# HELP up x\n# TYPE up gauge\nup 1\n",
		"without a number":  strings.ReplaceAll(string(whole), value, name+" NaN"),
		"negative":          strings.ReplaceAll(string(whole), value, name+" -1"),
		"of no year":        strings.ReplaceAll(string(whole), value, name+" 1e300"),
		"a label too many":  strings.ReplaceAll(string(whole), value, name+"{a=\"b\"} 1\n"+name+" 2"),
		"of another type":   name + "_total 5\n# TYPE " + name + " counter\n" + name + " 5\n",
		"larger than a run": strings.Repeat("# comment\n", 100_000) + string(whole),
	} {
		t.Run(what, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
				t.Fatal(err)
			}
			expect(run(3, 3*time.Hour), "0")
		})
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("files %q are left", left)
	}
}

func TestFileThatCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	for name, want := range map[string]string{
		"enrow.txt":                        "its name does not end in .prom",
		"folder.prom":                      "is a directory",
		"absent/enrow.prom":                "no such file or directory",
		"file.prom/some.prom":              "not a directory",
		"device.prom":                      "is not a regular file",
		strings.Repeat("x", 300) + ".prom": "file name too long",
	} {
		t.Run(want, func(t *testing.T) {
			if err := os.MkdirAll(filepath.Join(folder, "folder.prom"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, "file.prom"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(os.DevNull, filepath.Join(folder, "device.prom")); err != nil && !os.IsExist(err) {
				t.Fatal(err)
			}
			path := filepath.Join(folder, name)
			err := metrics.WriteFile(path, failedRun(), nil, build)
			if err == nil || err.Error() != "write metrics to "+path+": "+want {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

func scrape(t *testing.T, s *metrics.Service) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("%d, %v", w.Code, w.Header())
	}
	return w.Body.String()
}

// own leaves the metrics of Go and of the process out.
func own(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if strings.Contains(l, "enrow_export_") {
			b.WriteString(l)
		}
	}
	return b.String()
}

// A process that has done nothing has a series for all that it may do.
func TestServiceBegins(t *testing.T) {
	s := metrics.NewService(build, live(false), "recorded", "refused")
	golden(t, "begin.prom", own(scrape(t, s)))
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total"} {
		if line(scrape(t, s), name) == "" {
			t.Errorf("there is no %s", name)
		}
	}
}

func live(ready bool) metrics.Live {
	return metrics.Live{Ready: func() bool { return ready }, Then: func() time.Duration { return 90 * time.Second }}
}

func TestService(t *testing.T) {
	s := metrics.NewService(build, live(true), "recorded", "refused")
	l := failedRun()
	l.ExitCode = 0
	s.Recall(l)
	l.FinishedAt = l.FinishedAt.Add(time.Hour)
	s.Ran(l)
	l = failedRun()
	l.FinishedAt = l.FinishedAt.Add(2 * time.Hour)
	s.Ran(l)
	s.Root(someRoot())
	s.Request("200", 300*time.Millisecond)
	s.Request("503", time.Minute+time.Second)
	s.Request("none", 0)
	s.Request("", 0)
	s.Request("20\n", 0)
	s.Batch("email-find", "exported", 2*time.Second, 20*time.Millisecond)
	s.Batch("phone-find", "done", time.Hour, time.Hour)
	s.Notice("recorded")
	s.ThenFailed()
	golden(t, "service.prom", own(scrape(t, s)))
}

// A scrape is of one run, while others end.
func TestServiceIsOfOneMoment(t *testing.T) {
	s := metrics.NewService(build, live(true))
	ran := func(n int) {
		l := failedRun()
		l.ExitCode, l.Retries = n, int64(n)
		s.Ran(l)
		s.Root(someRoot())
		s.Request("200", time.Second)
		s.Batch("email-find", "exported", time.Second, time.Second)
	}
	ran(0)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 50 {
				ran(n)
			}
		})
	}
	for range 50 {
		text := scrape(t, s)
		_, exitCode, _ := strings.Cut(line(text, "enrow_export_last_run_exit_code"), " ")
		if _, retries, _ := strings.Cut(line(text, "enrow_export_last_run_retries"), " "); exitCode != retries || exitCode == "" {
			t.Fatalf("exit code %q is beside %q retries", exitCode, retries)
		}
	}
	wg.Wait()
}

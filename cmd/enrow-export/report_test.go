package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/runs"
)

// readReport returns the lines of a report, each of which must be valid.
func readReport(t *testing.T, path string) (lines []runs.Line) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/output.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(text)) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err == nil {
			err = schema.Validate(v)
		}
		var line runs.Line
		if err == nil {
			err = json.Unmarshal([]byte(text), &line)
		}
		if err != nil || !strings.HasSuffix(text, "}\n") {
			t.Fatalf("%v: %s", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

// A run that a signal ends is in the report as well, gently or not.
func TestReportOfInterruptedRun(t *testing.T) {
	for _, test := range signals {
		t.Run(test.name, func(t *testing.T) {
			h, dir := holdAPI(t), t.TempDir()
			p := h.start(t, dir, "--grace", "0s", "--report", "report.jsonl")
			if _, _, code := p.end(t, test.signal); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			lines := readReport(t, filepath.Join(dir, "report.jsonl"))
			if len(lines) != 1 {
				t.Fatalf("%d lines, want 1", len(lines))
			}
			l := lines[0]
			if l.ExitCode != test.code || l.Error != "stopped by signal: "+test.name || l.Asked != 3 || l.Exported != 1 || l.NotTried != 2 ||
				l.FinishedAt.Before(l.StartedAt) || l.Slowest == nil || l.Bytes["parquet"] == 0 {
				t.Errorf("the report says %+v", l)
			}
		})
	}
}

// Runs that end at the same time append whole lines, which name no more batches
// than a person reads.
func TestReportsShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.jsonl")
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
			if err != nil {
				t.Error(err)
				return
			}
			defer file.Close()
			r := &record{runs.Line{Type: runs.TypeLine, To: "out", StartedAt: time.Now(), Formats: []string{"csv"}, Failures: []runs.Failure{}}}
			r.result(export.Result{BatchID: "a", Outcome: export.Done})
			for n := range 2 * runs.MostFailures {
				r.result(export.Result{
					BatchID: fmt.Sprintf("b%d", n), Kind: "email-find", Outcome: export.Failed,
					Err: &pipeline.Error{Op: "fetch", Class: pipeline.Permanent, Err: errors.New(strings.Repeat("no <such> batch ", 10))},
				})
			}
			s := newSummary("email-find", export.Summary{Asked: i}, source{Source: countedSource{}})
			if err := (&report{file}).append(r.end(s, errSomeFailed)); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	asked := make(map[int]bool)
	for _, l := range readReport(t, path) {
		asked[l.Asked] = true
		if len(l.Failures) != runs.MostFailures || !l.Failures[0].Permanent || l.ExitCode != exitFailed || l.Error != "" || l.Retries != 1234 {
			t.Errorf("%d failures, the first %+v, exit code %d, error %q", len(l.Failures), l.Failures[0], l.ExitCode, l.Error)
		}
	}
	if len(asked) != 8 {
		t.Errorf("lines of the runs %v, want 8", asked)
	}

	var none *report
	if err := none.append(runs.Line{}); err != nil {
		t.Error(err)
	}
	none.close()
}

// countedSource counts its retries.
type countedSource struct{ pipeline.Source }

func (countedSource) Retries() int64 { return 1234 }

// A summary says what the batches cost, and that the export cost nothing.
func TestSummaryCredits(t *testing.T) {
	for _, test := range []struct {
		line runs.Summary
		want string
	}{
		{runs.Summary{Exported: 2997, CreditsSpent: 22623}, "these batches cost 22,623 credits when they ran; exporting is free"},
		{runs.Summary{Exported: 2, CreditsSpent: 2.25, CreditsRefunded: 1}, "these batches cost 2.25 credits when they ran (1 refunded); exporting is free"},
		{runs.Summary{Exported: 1, CreditsSpent: 1}, "this batch cost 1 credit when it ran; exporting is free"},
		{runs.Summary{Exported: 1, CreditsRefunded: 3}, "this batch cost 0 credits when it ran (3 refunded); exporting is free"},
	} {
		if got := credits(test.line); got != test.want {
			t.Errorf("%+v: %s", test.line, got)
		}
	}
}

// What held a run up is in its summary.
func TestSummarySpeed(t *testing.T) {
	if n := (source{Source: countedSource{}}).retries() + (source{}).retries(); n != 1234 {
		t.Errorf("%d retries", n)
	}
	tests := []struct {
		line runs.Summary
		want string
	}{
		{runs.Summary{}, ""},
		{runs.Summary{Rows: 1, RowsPerSecond: 12345.6}, "12,345 rows/s"},
		{runs.Summary{Rows: 1, RowsPerSecond: 0.4, Retries: 1}, "0 rows/s, 1 retry"},
		{runs.Summary{Retries: 1234}, "1,234 retries"},
		{runs.Summary{Retries: 2}, "2 retries"},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, speed(test.line)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.line, diff)
		}
	}
}

package export_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// slowAnswers takes its time over each batch.
type slowAnswers struct {
	*pipelinetest.Answers
	delay map[string]time.Duration
}

func (s slowAnswers) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	time.Sleep(s.delay[id])
	return s.Answers.Fetch(ctx, table, id, buf)
}

// The summary has the bytes of each format, of batches exported in this run
// alone, and the batch that took longest.
func TestSummaryBytesAndSlowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
		for _, id := range []string{"a", "b", "c"} {
			source.Set(id, pipelinetest.Finished(id, id, 5))
		}
		delay := map[string]time.Duration{"a": time.Second, "b": 3 * time.Second, "failing": time.Minute}
		cfg := pipelinetest.NewConfig(t, slowAnswers{source, delay}, store, "csv", "ndjson")
		cfg.KeepRaw = true
		results, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "a", "b", "failing")
		if err != nil {
			t.Fatal(err)
		}
		a, b := results["a"].Entry, results["b"].Entry
		want := map[string]int64{
			"csv":              a.Files["csv"].Bytes + b.Files["csv"].Bytes,
			"ndjson":           a.Files["ndjson"].Bytes + b.Files["ndjson"].Bytes,
			manifest.RawFormat: a.Raw.Bytes + b.Raw.Bytes,
		}
		if diff := cmp.Diff(want, s.Bytes); diff != "" || want["csv"] == 0 || want[manifest.RawFormat] == 0 {
			t.Errorf("bytes (-want +got):\n%s", diff)
		}
		if want := (export.Slowest{"b", 3 * time.Second}); s.Slowest != want {
			t.Errorf("slowest is %+v, want %+v", s.Slowest, want)
		}

		_, s, err = pipelinetest.RunAll(t.Context(), t, cfg, "a", "b", "c")
		if want := results["a"].Entry.Files["csv"].Bytes; err != nil || s.Bytes["csv"] != want || s.Slowest.BatchID != "c" {
			t.Errorf("a run that exports one batch has %d bytes of csv, want %d, and %+v; error %v", s.Bytes["csv"], want, s.Slowest, err)
		}
	})
}

// Who is told how many batches wait hears of every change, and of the end.
func TestOnWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := pipelinetest.NewAnswers()
		source.Set("slow", pipelinetest.Ongoing("slow", 1, 9), pipelinetest.Ongoing("slow", 1, 9), pipelinetest.Finished("slow", "x", 9))
		source.Set("never", pipelinetest.Ongoing("never", 1, 9))
		cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
		cfg.Wait, cfg.PollInterval, cfg.WaitTimeout, cfg.Concurrency = true, time.Minute, time.Hour, 1
		var told []int
		cfg.OnWaiting = func(n int) { told = append(told, n) }
		if _, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "slow", "never"); err != nil || s.Exported != 1 || s.Ongoing != 1 {
			t.Errorf("summary %+v, error %v", s, err)
		}
		most := 0
		for i, n := range told {
			most = max(most, n)
			if i > 0 && n == told[i-1] {
				t.Errorf("told %d, where nothing had changed", told)
			}
		}
		if most != 2 || told[len(told)-1] != 0 {
			t.Errorf("told %d: want 2 in between, and 0 in the end", told)
		}

		ctx, cancel := context.WithCancel(t.Context())
		told = nil
		cfg.OnWaiting = func(n int) {
			if told = append(told, n); n == 1 {
				cancel()
			}
		}
		if _, s, err := pipelinetest.RunAll(ctx, t, cfg, "never"); err == nil || s.Ongoing != 1 {
			t.Errorf("summary %+v, error %v", s, err)
		}
		if diff := cmp.Diff([]int{1, 0}, told); diff != "" {
			t.Errorf("a run that is interrupted (-want +told):\n%s", diff)
		}
	})
}

// The counts of the kinds add up to those of the run, also of one that was stopped.
func TestSummaryOfKinds(t *testing.T) {
	source := pipelinetest.NewAnswers()
	for _, id := range []string{"a", "b", "p"} {
		source.Set(id, pipelinetest.Finished(id, id, 5))
	}
	source.Set("o", pipelinetest.Ongoing("o", 1, 9))
	cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
	pipelinetest.Export(t, cfg, "a", export.Exported)
	s, err := export.RunAll(t.Context(), cfg, []export.Work{
		{Table: &schema.EmailFind, IDs: []string{"a", "b", "o", "failing"}},
		{Table: &schema.EmailVerify, IDs: []string{"p", "failing"}},
		{Table: &schema.EmailFind, IDs: []string{"b2"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]export.Counts{
		"email-find":   {Asked: 5, Exported: 1, Done: 1, Ongoing: 1, Failed: 2, Rows: 5},
		"email-verify": {Asked: 2, Failed: 1, Exported: 1, Rows: 5},
	}
	if diff := cmp.Diff(want, s.Kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}

	stop := make(chan struct{})
	close(stop)
	cfg.Stop, cfg.Force = stop, true
	s, err = export.Run(t.Context(), cfg, []string{"a", "b"}, nil)
	if want := (export.Counts{Asked: 2, NotTried: 2}); err != nil || s.Kinds["email-find"] != want {
		t.Errorf("kinds %+v, error %v", s.Kinds, err)
	}
}

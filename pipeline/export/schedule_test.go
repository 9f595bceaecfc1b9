package export_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
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

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
		source.Set("slow", pipelinetest.Ongoing("slow", 1, 9), pipelinetest.Ongoing("slow", 5, 9), pipelinetest.Finished("slow", "x", 9))
		source.Set("quick", pipelinetest.Finished("quick", "x", 1))
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		cfg.Wait, cfg.PollInterval, cfg.WaitTimeout = true, time.Minute, time.Hour
		start := time.Now()
		results, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "slow", "quick")
		if err != nil || s.Exported != 2 || s.Ongoing != 0 {
			t.Errorf("summary %+v, error %v", s, err)
		}
		if waited := time.Since(start); waited != 2*time.Minute || source.Count("slow") != 3 || source.Count("quick") != 1 {
			t.Errorf("waited %s with %d and %d requests", waited, source.Count("slow"), source.Count("quick"))
		}
		if e := results["slow"].Entry; e.Attempts != 2 {
			t.Errorf("%d attempts in the manifest, want 2: noted as ongoing, and exported", e.Attempts)
		}
	})
}

func TestWaitTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
		source.Set("b", pipelinetest.Ongoing("b", 1, 9))
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		cfg.Wait, cfg.PollInterval, cfg.WaitTimeout = true, time.Minute, 150*time.Second
		start := time.Now()
		results, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "b")
		if err != nil || s.Ongoing != 1 || results["b"].Finished != 1 || results["b"].Requested != 9 {
			t.Errorf("summary %+v, result %+v, error %v", s, results["b"], err)
		}
		if waited := time.Since(start); waited != 150*time.Second || source.Count("b") != 4 {
			t.Errorf("waited %s with %d requests, want 2m30s with 4", waited, source.Count("b"))
		}
		if e := pipelinetest.ReadEntry(t, store, "b"); e.State != manifest.StateOngoing || e.Batch == nil {
			t.Errorf("entry %+v", e)
		}
	})
}

func TestWaitIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := pipelinetest.NewAnswers()
		source.Set("b", pipelinetest.Ongoing("b", 1, 9))
		cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
		cfg.Wait, cfg.PollInterval = true, time.Hour
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		start := time.Now()
		_, s, err := pipelinetest.RunAll(ctx, t, cfg, "b")
		if !errors.Is(err, cause) || s.Ongoing != 1 || time.Since(start) != time.Minute {
			t.Errorf("error %v, summary %+v after %s", err, s, time.Since(start))
		}
	})
}

// A batch is looked at again when it may well be finished, going by its
// progress and by the time that is left: not sooner than the interval, nor later
// than ten intervals, and for the last time at the very end.
func TestLooksFollowProgress(t *testing.T) {
	cases := []struct {
		name    string
		replies []any
		timeout time.Duration
		want    string // minutes from the start of the looks at the batch
	}{
		{"steady", []any{pipelinetest.Ongoing("b", 0, 80), pipelinetest.Ongoing("b", 10, 80), pipelinetest.Ongoing("b", 80, 80), pipelinetest.Finished("b", "x", 1)}, 0, "0 1 8 9"},
		{"none, then all", []any{pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 8, 9), pipelinetest.Finished("b", "x", 1)}, 0, "0 1 3 7 8"},
		{"never any", []any{
			pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Ongoing("b", 0, 9), pipelinetest.Finished("b", "x", 1),
		}, 0, "0 1 3 7 15 25 35 45"},
		{"backwards", []any{pipelinetest.Ongoing("b", 5, 9), pipelinetest.Ongoing("b", 3, 9), pipelinetest.Finished("b", "x", 1)}, 0, "0 1 3"},
		{"slow", []any{pipelinetest.Ongoing("b", 0, 5000), pipelinetest.Ongoing("b", 1, 5000), pipelinetest.Finished("b", "x", 1)}, 0, "0 1 11"},
		{"no totals", []any{
			`{"general":{"id":"b","status":"ongoing"}}`, `{"general":{"id":"b","status":"ongoing"}}`, pipelinetest.Finished("b", "x", 1),
		}, 0, "0 1 3"},
		{"little time", []any{pipelinetest.Ongoing("b", 0, 9)}, 20 * time.Minute, "0 1 3 7 10 12 14 15 16 17 18 19 20"},
	}
	for _, c := range cases {
		synctest.Test(t, func(t *testing.T) {
			source := &timedAnswers{Answers: pipelinetest.NewAnswers(), start: time.Now()}
			source.Set("b", c.replies...)
			cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
			cfg.Wait, cfg.PollInterval, cfg.WaitTimeout = true, time.Minute, c.timeout
			if _, _, err := pipelinetest.RunAll(t.Context(), t, cfg, "b"); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(source.looks, " "); got != c.want {
				t.Errorf("%s: looks at %s, want %s", c.name, got, c.want)
			}
		})
	}
}

// timedAnswers notes in which minute it is asked.
type timedAnswers struct {
	*pipelinetest.Answers
	start time.Time
	looks []string
}

func (s *timedAnswers) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	s.looks = append(s.looks, strconv.Itoa(int(time.Since(s.start).Minutes())))
	return s.Answers.Fetch(ctx, table, id, buf)
}

// Batches that wait hold up no worker: a thousand of them are looked at by one,
// beside batches that are finished.
func TestManyWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := pipelinetest.NewAnswers()
		var ids []string
		for i := range 1000 {
			id := "b" + strconv.Itoa(i)
			ids = append(ids, id)
			source.Set(id, pipelinetest.Ongoing(id, 1, 2), pipelinetest.Ongoing(id, 1, 2), pipelinetest.Finished(id, "x", 1))
		}
		source.Set("last", pipelinetest.Finished("last", "x", 1))
		cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
		cfg.Wait, cfg.PollInterval, cfg.Concurrency = true, time.Minute, 1
		start := time.Now()
		var at time.Duration
		s, err := export.Run(t.Context(), cfg, append(ids, "last"), func(r export.Result) {
			if r.BatchID == "last" {
				at = time.Since(start)
			}
		})
		if err != nil || s.Exported != 1001 || at != 0 || time.Since(start) != 3*time.Minute {
			t.Errorf("summary %+v, error %v; the last batch after %s, all after %s", s, err, at, time.Since(start))
		}
		if source.Count("b7") != 3 {
			t.Errorf("%d requests for one batch, want 3", source.Count("b7"))
		}
	})
}

// At the debug level each look at a batch that waits is logged, at the info level how many
// batches are waited for.
func TestWaitingIsLogged(t *testing.T) {
	for level, want := range map[slog.Level][]string{
		slog.LevelDebug: {
			`"batch is still ongoing" batch=b finished=1 requested=9 next_look=1m0s`,
			`"waiting for ongoing batches" batches=1 next_look=1m0s`,
			`"batch is still ongoing" batch=b finished=1 requested=9 next_look=2m0s`,
			`"batch is still ongoing" batch=b finished=5 requested=9 next_look=2m0s`,
		},
		slog.LevelInfo: {`"waiting for ongoing batches" batches=1 next_look=1m0s`},
	} {
		synctest.Test(t, func(t *testing.T) {
			source := pipelinetest.NewAnswers()
			source.Set("b", pipelinetest.Ongoing("b", 1, 9), pipelinetest.Ongoing("b", 1, 9), pipelinetest.Ongoing("b", 5, 9), pipelinetest.Finished("b", "x", 1))
			got := waitingLog(t, level, source, "b")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", level, diff)
			}
		})
	}
}

// Of a hundred batches that end one after the other, a few lines are logged.
func TestWaitingForManyIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := pipelinetest.NewAnswers()
		var ids []string
		for i := range 100 {
			id := "b" + strconv.Itoa(i)
			ids = append(ids, id)
			answers := slices.Repeat([]any{pipelinetest.Ongoing(id, 1, 9)}, i+1)
			source.Set(id, append(answers, pipelinetest.Finished(id, "x", 1))...)
		}
		var counts []string
		for _, line := range waitingLog(t, slog.LevelInfo, source, ids...) {
			_, rest, _ := strings.Cut(line, "batches=")
			n, _, _ := strings.Cut(rest, " ")
			counts = append(counts, n)
		}
		if diff := cmp.Diff([]string{"100", "50", "25", "12", "6", "3", "1"}, counts); diff != "" {
			t.Errorf("numbers of batches (-want +got):\n%s", diff)
		}
	})
}

// waitingLog returns the messages of a run with Wait.
func waitingLog(t *testing.T, level slog.Level, source *pipelinetest.Answers, ids ...string) (messages []string) {
	t.Helper()
	cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
	cfg.Wait, cfg.WaitTimeout, cfg.PollInterval = true, 0, time.Minute
	var log strings.Builder
	cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
	if _, _, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(log.String()) {
		_, message, _ := strings.Cut(line, "msg=")
		if strings.Contains(message, "still ongoing") || strings.Contains(message, "waiting") {
			messages = append(messages, strings.TrimSpace(message))
		}
	}
	return messages
}

func TestWithoutWaitOngoingIsLeft(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Ongoing("b", 1, 9))
	pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "b", export.Ongoing)
	if source.Count("b") != 1 {
		t.Errorf("%d requests, want 1", source.Count("b"))
	}
}

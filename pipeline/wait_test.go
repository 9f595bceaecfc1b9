package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, source := sinks.NewMemory(), newAnswers()
		source.set("slow", ongoing("slow", 1, 9), ongoing("slow", 5, 9), finished("slow", "x", 9))
		source.set("quick", finished("quick", "x", 1))
		cfg := config(t, source, store, "csv")
		cfg.Wait, cfg.PollInterval, cfg.WaitTimeout = true, time.Minute, time.Hour
		start := time.Now()
		results, s, err := runAll(t.Context(), t, cfg, "slow", "quick")
		if err != nil || s.Exported != 2 || s.Ongoing != 0 {
			t.Errorf("summary %+v, error %v", s, err)
		}
		if waited := time.Since(start); waited != 2*time.Minute || source.count("slow") != 3 || source.count("quick") != 1 {
			t.Errorf("waited %s with %d and %d requests", waited, source.count("slow"), source.count("quick"))
		}
		if e := results["slow"].Entry; e.Attempts != 2 {
			t.Errorf("%d attempts in the manifest, want 2: noted as ongoing, and exported", e.Attempts)
		}
	})
}

func TestWaitTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, source := sinks.NewMemory(), newAnswers()
		source.set("b", ongoing("b", 1, 9))
		cfg := config(t, source, store, "csv")
		cfg.Wait, cfg.PollInterval, cfg.WaitTimeout = true, time.Minute, 150*time.Second
		start := time.Now()
		results, s, err := runAll(t.Context(), t, cfg, "b")
		if err != nil || s.Ongoing != 1 || results["b"].Finished != 1 || results["b"].Requested != 9 {
			t.Errorf("summary %+v, result %+v, error %v", s, results["b"], err)
		}
		if waited := time.Since(start); waited != 150*time.Second || source.count("b") != 4 {
			t.Errorf("waited %s with %d requests, want 2m30s with 4", waited, source.count("b"))
		}
		if e := readEntry(t, store, "b"); e.State != StateOngoing || e.Batch == nil {
			t.Errorf("entry %+v", e)
		}
	})
}

func TestWaitIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newAnswers()
		source.set("b", ongoing("b", 1, 9))
		cfg := config(t, source, sinks.NewMemory(), "csv")
		cfg.Wait, cfg.PollInterval = true, time.Hour
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		start := time.Now()
		_, s, err := runAll(ctx, t, cfg, "b")
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
		{"steady", []any{ongoing("b", 0, 80), ongoing("b", 10, 80), ongoing("b", 80, 80), finished("b", "x", 1)}, 0, "0 1 8 9"},
		{"none, then all", []any{ongoing("b", 0, 9), ongoing("b", 0, 9), ongoing("b", 0, 9), ongoing("b", 8, 9), finished("b", "x", 1)}, 0, "0 1 3 7 8"},
		{"never any", []any{
			ongoing("b", 0, 9), ongoing("b", 0, 9), ongoing("b", 0, 9), ongoing("b", 0, 9), ongoing("b", 0, 9), ongoing("b", 0, 9), ongoing("b", 0, 9), finished("b", "x", 1),
		}, 0, "0 1 3 7 15 25 35 45"},
		{"backwards", []any{ongoing("b", 5, 9), ongoing("b", 3, 9), finished("b", "x", 1)}, 0, "0 1 3"},
		{"slow", []any{ongoing("b", 0, 5000), ongoing("b", 1, 5000), finished("b", "x", 1)}, 0, "0 1 11"},
		{"no totals", []any{
			`{"general":{"id":"b","status":"ongoing"}}`, `{"general":{"id":"b","status":"ongoing"}}`, finished("b", "x", 1),
		}, 0, "0 1 3"},
		{"little time", []any{ongoing("b", 0, 9)}, 20 * time.Minute, "0 1 3 7 10 12 14 15 16 17 18 19 20"},
	}
	for _, c := range cases {
		synctest.Test(t, func(t *testing.T) {
			source := &timedAnswers{answers: newAnswers(), start: time.Now()}
			source.set("b", c.replies...)
			cfg := config(t, source, sinks.NewMemory(), "csv")
			cfg.Wait, cfg.PollInterval, cfg.WaitTimeout = true, time.Minute, c.timeout
			if _, _, err := runAll(t.Context(), t, cfg, "b"); err != nil {
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
	*answers
	start time.Time
	looks []string
}

func (s *timedAnswers) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	s.looks = append(s.looks, strconv.Itoa(int(time.Since(s.start).Minutes())))
	return s.answers.Fetch(ctx, table, id, buf)
}

// Batches that wait hold up no worker: a thousand of them are looked at by one,
// beside batches that are finished.
func TestManyWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newAnswers()
		var ids []string
		for i := range 1000 {
			id := "b" + strconv.Itoa(i)
			ids = append(ids, id)
			source.set(id, ongoing(id, 1, 2), ongoing(id, 1, 2), finished(id, "x", 1))
		}
		source.set("last", finished("last", "x", 1))
		cfg := config(t, source, sinks.NewMemory(), "csv")
		cfg.Wait, cfg.PollInterval, cfg.Concurrency = true, time.Minute, 1
		start := time.Now()
		var at time.Duration
		s, err := Run(t.Context(), cfg, append(ids, "last"), func(r Result) {
			if r.BatchID == "last" {
				at = time.Since(start)
			}
		})
		if err != nil || s.Exported != 1001 || at != 0 || time.Since(start) != 3*time.Minute {
			t.Errorf("summary %+v, error %v; the last batch after %s, all after %s", s, err, at, time.Since(start))
		}
		if source.count("b7") != 3 {
			t.Errorf("%d requests for one batch, want 3", source.count("b7"))
		}
	})
}

// Each batch that waits says how far it is, and again when it has got further.
func TestProgressIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newAnswers()
		source.set("b", ongoing("b", 1, 9), ongoing("b", 1, 9), ongoing("b", 5, 9), finished("b", "x", 1))
		cfg := config(t, source, sinks.NewMemory(), "csv")
		cfg.Wait, cfg.PollInterval = true, time.Minute
		var log strings.Builder
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		if _, _, err := runAll(t.Context(), t, cfg, "b"); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(log.String()) {
			_, message, _ := strings.Cut(line, "msg=")
			got = append(got, strings.TrimSpace(message))
		}
		want := []string{
			`"batch is still ongoing" batch=b finished=1 requested=9 next_look=1m0s`,
			`"batch is still ongoing" batch=b finished=5 requested=9 next_look=2m0s`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestWithoutWaitOngoingIsLeft(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", ongoing("b", 1, 9))
	export(t, config(t, source, store, "csv"), "b", StillOngoing)
	if source.count("b") != 1 {
		t.Errorf("%d requests, want 1", source.count("b"))
	}
}

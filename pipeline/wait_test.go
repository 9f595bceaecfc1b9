package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

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

func TestWithoutWaitOngoingIsLeft(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", ongoing("b", 1, 9))
	export(t, config(t, source, store, "csv"), "b", StillOngoing)
	if source.count("b") != 1 {
		t.Errorf("%d requests, want 1", source.count("b"))
	}
}

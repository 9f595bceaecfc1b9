package export_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// gated is a Source that answers when it is let through.
type gated struct {
	pipeline.Source
	asked, pass chan struct{}
}

func (g gated) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	g.asked <- struct{}{}
	<-g.pass
	return g.Source.Fetch(ctx, table, id, buf)
}

// Stop lets the batches under way be finished, and begins no other, not even
// one that waits for its turn.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	source := pipelinetest.NewAnswers()
	var ids []string
	for i := range 20 {
		id := fmt.Sprintf("b%02d", i)
		ids = append(ids, id)
		source.Set(id, pipelinetest.Finished(id, "x", 2))
	}
	g := gated{source, make(chan struct{}), make(chan struct{})}
	stop := make(chan struct{})
	cfg := pipelinetest.NewConfig(t, g, sinks.NewMemory(), "csv")
	cfg.Concurrency, cfg.Stop = 3, stop
	go func() {
		for range cfg.Concurrency {
			<-g.asked
		}
		close(stop)
		close(g.pass)
	}()
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	if err != nil || s.Exported != 3 || s.NotTried != 17 || s.CutOff != 0 || s.Rows != 6 {
		t.Errorf("summary %+v, error %v; want 3 exported, 17 not tried", s, err)
	}
}

// Nobody waits for ongoing batches after Stop.
func TestStopEndsWaiting(t *testing.T) {
	source := pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Ongoing("b", 1, 2))
	stop := make(chan struct{})
	cfg := pipelinetest.NewConfig(t, closing{source, stop}, sinks.NewMemory(), "csv")
	cfg.Wait, cfg.PollInterval, cfg.Stop = true, time.Hour, stop
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "b")
	if err != nil || s.Ongoing != 1 || s.NotTried != 0 {
		t.Errorf("summary %+v, error %v; want 1 ongoing", s, err)
	}
}

// closing is a Source that closes stop when it is asked.
type closing struct {
	pipeline.Source
	stop chan struct{}
}

func (c closing) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	close(c.stop)
	return c.Source.Fetch(ctx, table, id, buf)
}

// A fault of the run cuts off what is under way: it would meet the same fault.
func TestFatalErrorCutsOffTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := hangingAnswers{pipelinetest.NewAnswers()}
		source.Set("fatal", &pipeline.Error{Op: "fetch", Class: pipeline.Fatal, Err: errors.New("bad key")})
		source.Set("hangs", "")
		cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
		_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "hangs", "fatal", "fatal-too")
		if err == nil || err.Error() != "fetch: bad key" || s.NotTried < 2 || s.CutOff != 0 {
			t.Errorf("summary %+v, error %v", s, err)
		}
	})
}

// Of the batches that a run leaves, those that were under way are told from those that
// were not begun.
func TestCutOffIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := hangingAnswers{pipelinetest.NewAnswers()}
		source.Set("hangs", "")
		cfg := pipelinetest.NewConfig(t, source, sinks.NewMemory(), "csv")
		cfg.Concurrency = 1
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, s, err := pipelinetest.RunAll(ctx, t, cfg, "hangs", "next", "last")
		if err == nil || s.NotTried != 3 || s.CutOff != 1 {
			t.Errorf("interrupted: summary %+v, error %v; want 3 not tried, 1 of them cut off", s, err)
		}
	})
	source := pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "x", 2))
	cfg := pipelinetest.NewConfig(t, source, unpublished{sinks.NewMemory()}, "csv")
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "b")
	if err == nil || s.NotTried != 1 || s.CutOff != 1 {
		t.Errorf("no room: summary %+v, error %v; want 1 not tried, which was cut off", s, err)
	}
}

// unpublished is a store that takes no data files.
type unpublished struct{ sinks.Store }

func (s unpublished) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if strings.HasSuffix(name, ".csv") {
		return sinks.Info{}, fmt.Errorf("put %s: %w", name, sinks.ErrUnreachable)
	}
	return s.Store.Put(ctx, name, data, cond)
}

// hangingAnswers never answers for the batch "hangs", but to a cancelled context.
type hangingAnswers struct{ *pipelinetest.Answers }

func (s hangingAnswers) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	if id == "hangs" {
		<-ctx.Done()
	}
	return s.Answers.Fetch(ctx, table, id, buf)
}

// What only waits in the source when the run is stopped is not noted: it counts as
// not begun, or as ongoing where that is known of it.
func TestStopLeavesWhatOnlyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		source := waitingAnswers{pipelinetest.NewAnswers(), stop}
		source.Set("exported", pipelinetest.Finished("exported", "x", 2))
		source.Set("ongoing", pipelinetest.Ongoing("ongoing", 1, 2))
		store := sinks.NewMemory()
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		cfg.Wait, cfg.PollInterval, cfg.Stop = true, time.Minute, stop
		time.AfterFunc(90*time.Second, func() { close(stop) })
		start := time.Now()
		results, s, err := pipelinetest.RunAll(t.Context(), t, cfg, "exported", "ongoing", "waits", "waits-too")
		if err != nil || s.Exported != 1 || s.Ongoing != 1 || s.Failed != 0 || s.NotTried != 2 || s.CutOff != 0 {
			t.Errorf("summary %+v, error %v; want 1 exported, 1 ongoing, 2 not tried", s, err)
		}
		if took := time.Since(start); took != 90*time.Second {
			t.Errorf("took %s, the run was stopped after 1m30s", took)
		}
		if len(results) != 2 || results["ongoing"].Outcome != export.Ongoing || results["ongoing"].Finished != 1 {
			t.Errorf("results %+v", results)
		}
		for name := range pipelinetest.Objects(t, store) {
			if strings.Contains(name, "waits") {
				t.Errorf("%s was written", name)
			}
		}
		if e := pipelinetest.ReadEntry(t, store, "ongoing"); e.State != manifest.StateOngoing || e.Error != "" {
			t.Errorf("entry of the ongoing batch %+v", e)
		}
	})
}

// waitingAnswers never gets to ask for some batches, nor for any a second time.
type waitingAnswers struct {
	*pipelinetest.Answers
	stop <-chan struct{}
}

func (s waitingAnswers) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	if strings.HasPrefix(id, "waits") || s.Count(id) > 0 {
		<-s.stop
		return nil, &pipeline.Error{Op: "fetch", Batch: id, Err: pipeline.ErrStopped}
	}
	return s.Answers.Fetch(ctx, table, id, buf)
}

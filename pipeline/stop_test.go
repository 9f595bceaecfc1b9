package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// gated is a Source that answers when it is let through.
type gated struct {
	Source
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
	source := newAnswers()
	var ids []string
	for i := range 20 {
		id := fmt.Sprintf("b%02d", i)
		ids = append(ids, id)
		source.set(id, finished(id, "x", 2))
	}
	g := gated{source, make(chan struct{}), make(chan struct{})}
	stop := make(chan struct{})
	cfg := config(t, g, sinks.NewMemory(), "csv")
	cfg.Concurrency, cfg.Stop = 3, stop
	go func() {
		for range cfg.Concurrency {
			<-g.asked
		}
		close(stop)
		close(g.pass)
	}()
	_, s, err := runAll(t.Context(), t, cfg, ids...)
	if err != nil || s.Exported != 3 || s.NotTried != 17 || s.Rows != 6 {
		t.Errorf("summary %+v, error %v; want 3 exported, 17 not tried", s, err)
	}
}

// Nobody waits for ongoing batches after Stop.
func TestStopEndsWaiting(t *testing.T) {
	source := newAnswers()
	source.set("b", ongoing("b", 1, 2))
	stop := make(chan struct{})
	cfg := config(t, closing{source, stop}, sinks.NewMemory(), "csv")
	cfg.Wait, cfg.PollInterval, cfg.Stop = true, time.Hour, stop
	_, s, err := runAll(t.Context(), t, cfg, "b")
	if err != nil || s.Ongoing != 1 || s.NotTried != 0 {
		t.Errorf("summary %+v, error %v; want 1 ongoing", s, err)
	}
}

// closing is a Source that closes stop when it is asked.
type closing struct {
	Source
	stop chan struct{}
}

func (c closing) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	close(c.stop)
	return c.Source.Fetch(ctx, table, id, buf)
}

// A fault of the run cuts off what is under way: it would meet the same fault.
func TestFatalErrorCutsOffTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := hangingAnswers{newAnswers()}
		source.set("fatal", &Error{Op: "fetch", Class: Fatal, Err: errors.New("bad key")})
		source.set("hangs", "")
		cfg := config(t, source, sinks.NewMemory(), "csv")
		_, s, err := runAll(t.Context(), t, cfg, "hangs", "fatal", "fatal-too")
		if err == nil || err.Error() != "fetch: bad key" || s.NotTried < 2 {
			t.Errorf("summary %+v, error %v", s, err)
		}
	})
}

// hangingAnswers never answers for the batch "hangs", but to a cancelled context.
type hangingAnswers struct{ *answers }

func (s hangingAnswers) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	if id == "hangs" {
		<-ctx.Done()
	}
	return s.answers.Fetch(ctx, table, id, buf)
}

// What only waits in the source when the run is stopped is not noted: it counts as
// not begun, or as ongoing where that is known of it.
func TestStopLeavesWhatOnlyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		source := waitingAnswers{newAnswers(), stop}
		source.set("exported", finished("exported", "x", 2))
		source.set("ongoing", ongoing("ongoing", 1, 2))
		store := sinks.NewMemory()
		cfg := config(t, source, store, "csv")
		cfg.Wait, cfg.PollInterval, cfg.Stop = true, time.Minute, stop
		time.AfterFunc(90*time.Second, func() { close(stop) })
		start := time.Now()
		results, s, err := runAll(t.Context(), t, cfg, "exported", "ongoing", "waits", "waits-too")
		if err != nil || s.Exported != 1 || s.Ongoing != 1 || s.Failed != 0 || s.NotTried != 2 {
			t.Errorf("summary %+v, error %v; want 1 exported, 1 ongoing, 2 not tried", s, err)
		}
		if took := time.Since(start); took != 90*time.Second {
			t.Errorf("took %s, the run was stopped after 1m30s", took)
		}
		if len(results) != 2 || results["ongoing"].Outcome != StillOngoing || results["ongoing"].Finished != 1 {
			t.Errorf("results %+v", results)
		}
		for name := range objects(t, store) {
			if strings.Contains(name, "waits") {
				t.Errorf("%s was written", name)
			}
		}
		if e := readEntry(t, store, "ongoing"); e.State != StateOngoing || e.Error != "" {
			t.Errorf("entry of the ongoing batch %+v", e)
		}
	})
}

// waitingAnswers never gets to ask for some batches, nor for any a second time.
type waitingAnswers struct {
	*answers
	stop <-chan struct{}
}

func (s waitingAnswers) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	if strings.HasPrefix(id, "waits") || s.count(id) > 0 {
		<-s.stop
		return nil, &Error{Op: "fetch", Batch: id, Err: ErrStopped}
	}
	return s.answers.Fetch(ctx, table, id, buf)
}

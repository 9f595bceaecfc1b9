package export_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
)

// gate is a Store that puts nothing of one batch, or of all, until it is opened.
type gate struct {
	sinks.Store
	shut func(name string) bool
	open chan struct{}
}

func (g gate) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if g.shut(name) {
		select {
		case <-g.open:
		case <-ctx.Done():
			return sinks.Info{}, ctx.Err()
		}
	}
	return g.Store.Put(ctx, name, data, cond)
}

func manyAnswers(n int) (source *pipelinetest.Answers, ids []string) {
	source = pipelinetest.NewAnswers()
	for i := range n {
		id := fmt.Sprintf("b%03d", i)
		ids = append(ids, id)
		source.Set(id, pipelinetest.Finished(id, "x", 3))
	}
	return source, ids
}

// A store that is slow holds up the stages before it: what waits for it is
// bounded by the slots there are.
func TestWaitingIsBounded(t *testing.T) {
	for _, budget := range []int64{1, 1 << 20, 0} {
		synctest.Test(t, func(t *testing.T) {
			source, ids := manyAnswers(200)
			g := gate{sinks.NewMemory(), func(string) bool { return true }, make(chan struct{})}
			cfg := pipelinetest.NewConfig(t, source, g, "csv", "ndjson")
			cfg.Concurrency, cfg.PublishBudget = 3, budget
			var s export.Summary
			done := make(chan error)
			go func() {
				var err error
				s, err = export.Run(t.Context(), cfg, ids, nil)
				done <- err
			}()
			synctest.Wait()
			asked := 0
			for _, id := range ids {
				asked += source.Count(id)
			}
			most := cfg.Concurrency + cfg.Encoders + sinks.FolderTraits.Operations
			if budget == 1 {
				most = cfg.Concurrency + cfg.Encoders + 1
			}
			if asked > most || asked < cfg.Concurrency+cfg.Encoders+1 {
				t.Errorf("budget %d: %d batches were asked for while nothing could be published, want at most %d", budget, asked, most)
			}
			close(g.open)
			if err := <-done; err != nil || s.Exported != len(ids) {
				t.Errorf("summary %+v, error %v", s, err)
			}
		})
	}
}

// One batch that hangs on its way into the store holds up no other.
func TestOneThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, ids := manyAnswers(100)
		g := gate{sinks.NewMemory(), func(name string) bool { return name == "email_find/b007.csv" }, make(chan struct{})}
		cfg := pipelinetest.NewConfig(t, source, g, "csv")
		cfg.Concurrency = 1
		exported := 0
		done := make(chan error)
		go func() {
			_, err := export.Run(t.Context(), cfg, ids, func(r export.Result) {
				if r.Outcome == export.Exported {
					exported++
				}
			})
			done <- err
		}()
		synctest.Wait()
		if exported != len(ids)-1 {
			t.Errorf("%d batches are exported, want all but one", exported)
		}
		close(g.open)
		if err := <-done; err != nil || exported != len(ids) {
			t.Errorf("%d batches are exported, error %v", exported, err)
		}
	})
}

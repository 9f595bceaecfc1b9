package export_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// An answer that turns out to be only the beginning of one is asked for again, but
// not forever.
func TestCutOffIsAskedForAgain(t *testing.T) {
	whole := pipelinetest.Finished("b", "x", 3)
	cut := `{"general":{"id":"b","status":"completed"},"results":[{}`
	for _, c := range []struct {
		replies []any
		want    export.Outcome
		asked   int
	}{
		{[]any{whole}, export.Exported, 1},
		{[]any{cut, whole}, export.Exported, 2},
		{[]any{cut, cut, whole}, export.Exported, 3},
		{[]any{cut, cut, cut, whole}, export.Failed, 3},
	} {
		store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
		source.Set("b", c.replies...)
		res := pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "b", c.want)
		if c.want == export.Failed && (!errors.Is(res.Err, answer.ErrCutOff) || pipeline.IsPermanent(res.Err) || pipeline.Hint(res.Err) == "") {
			t.Errorf("error %v with hint %q, want a transient one with advice", res.Err, pipeline.Hint(res.Err))
		}
		if n := source.Count("b"); n != c.asked {
			t.Errorf("asked %d times, want %d", n, c.asked)
		}
		if e := pipelinetest.ReadEntry(t, store, "b"); e.Attempts != 1 {
			t.Errorf("%d attempts are noted, want 1", e.Attempts)
		}
	}
}

// overtaking is a Source that lets another run export the batch, once, while
// this one waits for its answer.
type overtaking struct {
	*pipelinetest.Answers
	other func()
}

func (s *overtaking) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	if other := s.other; other != nil {
		s.other = nil
		other()
	}
	return s.Answers.Fetch(ctx, table, id, buf)
}

// When another run exports the batch meanwhile, from another answer and in another
// format, that format's file is made again too: all files are of one answer.
func TestOtherFilesBecomeNeeded(t *testing.T) {
	for _, raw := range []bool{false, true} {
		store := sinks.NewMemory()
		source := &overtaking{Answers: pipelinetest.NewAnswers()}
		source.Set("b", pipelinetest.Finished("b", "new", 3))
		source.other = func() {
			earlier := pipelinetest.NewAnswers()
			earlier.Set("b", pipelinetest.Finished("b", "old", 3))
			cfg := pipelinetest.NewConfig(t, earlier, store, "ndjson")
			cfg.KeepRaw = raw
			pipelinetest.Export(t, cfg, "b", export.Exported)
		}
		pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "b", export.Exported)
		if n := source.Count("b"); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
		pipelinetest.Truthful(t, store, "b")

		clean := sinks.NewMemory()
		cfg := pipelinetest.NewConfig(t, source, clean, "csv", "ndjson")
		cfg.KeepRaw = raw
		pipelinetest.Export(t, cfg, "b", export.Exported)
		if diff := cmp.Diff(pipelinetest.Files(t, clean), pipelinetest.Files(t, store)); diff != "" {
			t.Errorf("files (-of the new answer +got):\n%s", diff)
		}
	}
}

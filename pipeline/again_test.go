package pipeline

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// An answer that turns out to be only the beginning of one is asked for again, but
// not forever.
func TestCutOffIsAskedForAgain(t *testing.T) {
	whole := finished("b", "x", 3)
	cut := `{"general":{"id":"b","status":"completed"},"results":[{}`
	for _, c := range []struct {
		replies []any
		want    Outcome
		asked   int
	}{
		{[]any{whole}, Exported, 1},
		{[]any{cut, whole}, Exported, 2},
		{[]any{cut, cut, whole}, Exported, 3},
		{[]any{cut, cut, cut, whole}, FailedBatch, 3},
	} {
		store, source := sinks.NewMemory(), newAnswers()
		source.set("b", c.replies...)
		res := export(t, config(t, source, store, "csv"), "b", c.want)
		if c.want == FailedBatch && (!errors.Is(res.Err, errCutOff) || IsPermanent(res.Err) || Hint(res.Err) == "") {
			t.Errorf("error %v with hint %q, want a transient one with advice", res.Err, Hint(res.Err))
		}
		if n := source.count("b"); n != c.asked {
			t.Errorf("asked %d times, want %d", n, c.asked)
		}
		if e := readEntry(t, store, "b"); e.Attempts != 1 {
			t.Errorf("%d attempts are noted, want 1", e.Attempts)
		}
	}
}

// overtaking is a Source that lets another run export the batch, once, while
// this one waits for its answer.
type overtaking struct {
	*answers
	other func()
}

func (s *overtaking) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	if other := s.other; other != nil {
		s.other = nil
		other()
	}
	return s.answers.Fetch(ctx, table, id, buf)
}

// When another run exports the batch meanwhile, from another answer and in another
// format, that format's file is made again too: all files are of one answer.
func TestOtherFilesBecomeNeeded(t *testing.T) {
	for _, raw := range []bool{false, true} {
		store := sinks.NewMemory()
		source := &overtaking{answers: newAnswers()}
		source.set("b", finished("b", "new", 3))
		source.other = func() {
			earlier := newAnswers()
			earlier.set("b", finished("b", "old", 3))
			cfg := config(t, earlier, store, "ndjson")
			cfg.KeepRaw = raw
			export(t, cfg, "b", Exported)
		}
		export(t, config(t, source, store, "csv"), "b", Exported)
		if n := source.count("b"); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
		truthful(t, store, "b")

		clean := sinks.NewMemory()
		cfg := config(t, source, clean, "csv", "ndjson")
		cfg.KeepRaw = raw
		export(t, cfg, "b", Exported)
		if diff := cmp.Diff(files(t, clean), files(t, store)); diff != "" {
			t.Errorf("files (-of the new answer +got):\n%s", diff)
		}
	}
}

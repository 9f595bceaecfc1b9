package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/runs"
	"enrow-export/pipeline/service"
	"enrow-export/schema"
)

var find, phone = &schema.EmailFind, &schema.PhoneFind

// stage is a pipeline that does as a test says, and notes what it is asked.
type stage struct {
	loop *service.Loop
	stop chan struct{}

	mu      sync.Mutex
	start   time.Time
	did     []string
	left    []export.Work
	outcome map[string]export.Result // of ids; exported by default
	surveys error
	fails   error // of runs

	heldBack error         // of the last run
	took     time.Duration // by a run
}

// begin starts a Loop, and ends it when the test does.
func begin(t *testing.T, s *stage) {
	s.start, s.stop = time.Now(), make(chan struct{})
	s.loop = service.New(service.Config{
		Every: 15 * time.Minute, Stop: s.stop,
		Survey: func(context.Context) ([]export.Work, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.note("survey")
			return slices.Clone(s.left), s.surveys
		},
		Failed: func(_ context.Context, err error) runs.Line { return runs.Line{ExitCode: 1, Error: err.Error()} },
		Export: s.export,
	}, nil)
	var over sync.WaitGroup
	over.Go(func() { s.loop.Run(t.Context()) })
	t.Cleanup(over.Wait)
}

func (s *stage) note(what string) {
	s.did = append(s.did, fmt.Sprintf("%v %s", time.Since(s.start), what))
}

func (s *stage) export(_ context.Context, works []export.Work, heldBack error) service.Ran {
	s.mu.Lock()
	s.heldBack = heldBack
	var ids []string
	var ran service.Ran
	fails := (*pipeline.Error)(nil)
	limited := errors.As(s.fails, &fails) && fails.Kind != ""
	if s.fails != nil && (!limited || slices.ContainsFunc(works, func(w export.Work) bool { return w.Table.Kind == fails.Kind })) {
		ran.Errs = []error{s.fails}
	}
	for _, w := range works {
		for _, id := range w.IDs {
			ids = append(ids, id)
			res := s.outcome[id]
			res.Kind, res.BatchID = w.Table.Kind, id
			if res.Outcome == "" {
				res.Outcome = export.Exported
			}
			if ran.Errs == nil || limited && fails.Kind != res.Kind {
				ran.Results = append(ran.Results, res)
			}
		}
	}
	if text := strings.Join(ids, " "); len(text) < 60 {
		s.note("run " + text)
	} else {
		s.note(fmt.Sprintf("run of %d", len(ids)))
	}
	ran.Line = runs.Line{Summary: runs.Summary{Asked: len(ids)}}
	took := s.took
	s.mu.Unlock()
	time.Sleep(took)
	return ran
}

// happened returns what was done since the last call.
func (s *stage) happened() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	did := s.did
	s.did = nil
	return did
}

func (s *stage) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.happened()); diff != "" {
		t.Errorf("(-want +done)\n%s", diff)
	}
}

func ids(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s%d", prefix, i))
	}
	return all
}

// There is a survey at once and every so often, and a run after it even when nothing is left:
// it proves that there could be one. An announced batch is asked for at once, without a survey.
func TestLoopSurveysAndListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{left: []export.Work{{Table: find, IDs: []string{"a", "b"}}, {Table: phone, IDs: []string{"p"}}}}
		begin(t, s)
		s.expect(t, "0s survey", "0s run a b p")
		s.left = nil
		time.Sleep(10 * time.Minute)
		s.loop.Announce(service.Notice{Table: phone, BatchID: "n"}, true)
		s.expect(t, "10m0s run n")
		time.Sleep(10 * time.Minute)
		s.expect(t, "15m0s survey", "15m0s run ")
		if st := s.loop.State(); st.Announced != 0 || st.Backlog != 0 || st.Failure != nil || len(st.Runs) != 3 || time.Since(st.Surveyed) != 5*time.Minute || time.Until(st.Next) != 10*time.Minute {
			t.Errorf("state %+v", st)
		}
		close(s.stop)
	})
}

// A backlog is exported in parts, and what is announced meanwhile comes first, and once.
func TestLoopServesAnnouncedBatchesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{left: []export.Work{{Table: find, IDs: ids("b", 450)}}, took: time.Minute}
		begin(t, s)
		s.expect(t, "0s survey", "0s run of 200")
		for _, id := range []string{"x", "b449", "x"} {
			s.loop.Announce(service.Notice{Table: find, BatchID: id}, false)
		}
		time.Sleep(time.Minute)
		s.expect(t, "1m0s run of 200")
		s.mu.Lock()
		s.took = 0
		s.mu.Unlock()
		time.Sleep(time.Minute)
		s.expect(t, "2m0s run of 52") // of 450, which were 200 and 198 before
		close(s.stop)
	})
}

// An announced batch that Enrow has not finished is asked for again soon, and less and less
// often, until the surveys have it.
func TestLoopLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{outcome: map[string]export.Result{"n": {Outcome: export.Ongoing}}}
		begin(t, s)
		s.expect(t, "0s survey", "0s run ")
		s.loop.Announce(service.Notice{Table: find, BatchID: "n"}, true)
		time.Sleep(14 * time.Minute)
		s.expect(t, "0s run n", "5s run n", "15s run n", "35s run n", "1m15s run n", "2m35s run n", "5m15s run n", "10m35s run n")
		s.mu.Lock()
		s.outcome = nil
		s.mu.Unlock()
		s.loop.Announce(service.Notice{Table: find, BatchID: "n"}, false)
		s.expect(t, "14m0s run n")
		if n := s.loop.State().Announced; n != 0 {
			t.Errorf("%d batches are announced", n)
		}
		close(s.stop)
	})
}

// After a run that failed as a whole nothing is asked for a while, by nobody's notice. The
// pause grows up to the time between surveys; the first success ends it.
func TestLoopPausesAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := &pipeline.Error{Class: pipeline.Fatal, Err: errors.New("the key is not valid"), OfKey: true}
		s := &stage{fails: refused}
		begin(t, s)
		for n := range 1000 {
			s.loop.Announce(service.Notice{Table: find, BatchID: fmt.Sprint("n", n%100)}, true)
			time.Sleep(time.Second)
		}
		got := s.happened()
		for i, did := range got {
			when, what, _ := strings.Cut(did, " ")
			if got[i] = when + " " + what; strings.HasPrefix(what, "run") {
				got[i] = when + " run"
			}
		}
		want := []string{
			"0s survey", "0s run", "30s survey", "30s run", "1m30s survey", "1m30s run", "3m30s survey", "3m30s run",
			"7m30s survey", "7m30s run", "15m30s survey", "15m30s run",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +done)\n%s", diff)
		}
		if st := s.loop.State(); !errors.Is(st.Failure, refused) || st.Failures != 6 || !st.Surveyed.IsZero() {
			t.Errorf("state %+v", st)
		}
		s.mu.Lock()
		s.fails = nil
		s.left = []export.Work{{Table: find, IDs: []string{"left"}}}
		s.mu.Unlock()
		time.Sleep(16 * time.Minute)
		if did := s.happened(); len(did) < 2 || did[0] != "30m30s survey" {
			t.Errorf("done %q", did)
		}
		if st := s.loop.State(); st.Failure != nil || st.Failures != 0 || st.Announced != 0 || st.Surveyed.IsZero() {
			t.Errorf("state %+v", st)
		}
		s.loop.Announce(service.Notice{Table: find, BatchID: "last"}, true)
		s.expect(t, s.since()+" run last")
		close(s.stop)
	})
}

// lastHeldBack returns the failure of the kind that the last run was without.
func (s *stage) lastHeldBack() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heldBack
}

func (s *stage) since() string { return time.Since(s.start).String() }

// A failure that concerns one kind leaves the others alone. Of that kind, nothing more is
// asked for until a pause is over, by nobody's notice, and no run counts as a success until it
// is asked for in vain no more.
func TestLoopOfAKindThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{
			left:  []export.Work{{Table: phone, IDs: ids("p", 1000)}, {Table: find, IDs: []string{"a"}}},
			fails: &pipeline.Error{Class: pipeline.Fatal, Err: errors.New("no credits"), Kind: phone.Kind},
		}
		begin(t, s)
		s.expect(t, "0s survey", "0s run of 200", "0s run a")
		s.loop.Announce(service.Notice{Table: phone, BatchID: "n"}, true)
		s.loop.Announce(service.Notice{Table: find, BatchID: "m"}, true)
		time.Sleep(4 * time.Minute)
		s.expect(t, "0s run m", "30s survey", "30s run of 200", "30s run a", "1m30s survey", "1m30s run of 200", "1m30s run a", "3m30s survey", "3m30s run of 200", "3m30s run a")
		if st := s.loop.State(); !errors.Is(st.Failure, s.fails) || st.Failures != 4 || !st.Surveyed.IsZero() {
			t.Errorf("state %+v", st)
		}
		s.mu.Lock()
		s.fails, s.left = nil, []export.Work{{Table: phone, IDs: []string{"p"}}}
		s.mu.Unlock()
		s.loop.Announce(service.Notice{Table: find, BatchID: "o"}, true)
		s.expect(t, "4m0s run o")
		if st := s.loop.State(); st.Failure == nil || s.lastHeldBack() == nil {
			t.Errorf("a run of another kind has ended the failure %v, or knows nothing of it: %v", st.Failure, s.lastHeldBack())
		}
		time.Sleep(4 * time.Minute)
		s.expect(t, "7m30s survey", "7m30s run n p")
		if st := s.loop.State(); st.Failure != nil || s.lastHeldBack() != nil || st.Failures != 0 || time.Since(st.Surveyed) != 30*time.Second {
			t.Errorf("state %+v", st)
		}
		close(s.stop)
	})
}

// A kind that fails is asked for when its pause ends, though others have more batches than a
// run takes, and though a search comes a moment earlier; no other run ends its failure.
func TestLoopOfAKindBehindOthers(t *testing.T) {
	for name, others := range map[string]int{"many others": 450, "no others": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stage{
					left:  []export.Work{{Table: find, IDs: ids("f", others)}, {Table: phone, IDs: []string{"p"}}},
					fails: &pipeline.Error{Class: pipeline.Fatal, Err: errors.New("no credits"), Kind: phone.Kind}, took: time.Second,
				}
				begin(t, s)
				time.Sleep(65 * time.Minute)
				// At 0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5 and 60.5 minutes, or a few seconds later.
				if st := s.loop.State(); st.Failures != 9 || time.Since(st.Surveyed) < 64*time.Minute {
					t.Errorf("%d failures in a row, the last success at %v", st.Failures, st.Surveyed)
				}
				s.happened()
				close(s.stop)
			})
		})
	}
}

// A survey that fails is a run that fails: it has a record, and a pause follows.
func TestLoopSurveyFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{surveys: errors.New("the root is gone")}
		begin(t, s)
		time.Sleep(time.Minute)
		s.expect(t, "0s survey", "30s survey")
		if st := s.loop.State(); len(st.Runs) != 2 || st.Runs[0].ExitCode != 1 || st.Runs[0].Error != "the root is gone" {
			t.Errorf("state %+v", st)
		}
		close(s.stop)
	})
}

// Made-up ids are not recorded without end. An id counts until Enrow says that it knows the
// batch, or the manifest says that it never will.
func TestLoopAdmitsSoManyUnknownBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown := export.Result{Outcome: export.Failed, Err: &pipeline.Error{Class: pipeline.Refused, Err: errors.New("unknown")}}
		never := export.Result{Outcome: export.Failed, Err: &pipeline.Error{Class: pipeline.Permanent, Err: errors.New("unknown")}}
		s := &stage{outcome: make(map[string]export.Result)}
		made := ids("made-up", 10_000)
		for _, id := range made {
			s.outcome[id] = unknown
		}
		begin(t, s)
		s.happened()
		for _, id := range made {
			if err := s.loop.Admit(); err != nil {
				t.Fatal(err)
			}
			s.loop.Announce(service.Notice{Table: find, BatchID: id}, true)
		}
		if err := s.loop.Admit(); !errors.Is(err, service.ErrTooMany) {
			t.Errorf("one more: error %v", err)
		}
		if n := len(s.happened()); n < 10_000/200 {
			t.Errorf("%d runs", n)
		}
		if err := s.loop.Admit(); !errors.Is(err, service.ErrTooMany) {
			t.Errorf("Enrow has refused them once: error %v", err)
		}
		time.Sleep(time.Minute)
		if did := s.happened(); did != nil {
			t.Errorf("they are asked for again: %q", did)
		}
		s.mu.Lock()
		s.outcome[made[0]] = never
		s.outcome[made[1]] = export.Result{Outcome: export.Ongoing}
		s.left = []export.Work{{Table: find, IDs: made[:3]}}
		s.mu.Unlock()
		time.Sleep(15 * time.Minute)
		s.happened()
		for _, id := range []string{"next", "last"} {
			s.mu.Lock()
			s.outcome[id] = unknown
			s.mu.Unlock()
			if err := s.loop.Admit(); err != nil {
				t.Error(err)
			}
			s.loop.Announce(service.Notice{Table: find, BatchID: id}, true)
			s.happened()
		}
		if err := s.loop.Admit(); !errors.Is(err, service.ErrTooMany) {
			t.Errorf("two have gone and two have come: error %v", err)
		}
		close(s.stop)
	})
}

// The run that is under way ends the Loop, and no other begins.
func TestLoopStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{left: []export.Work{{Table: find, IDs: ids("b", 999)}}, took: time.Minute}
		begin(t, s)
		time.Sleep(time.Second)
		close(s.stop)
		time.Sleep(time.Hour)
		s.expect(t, "0s survey", "0s run of 200")
	})
}

// A clock that jumps delays no survey and makes no run old: times keep the reading of the
// monotonic clock, by which they are compared.
func TestTimesAreMonotonic(t *testing.T) {
	stop := make(chan struct{})
	loop := service.New(service.Config{
		Survey: func(context.Context) ([]export.Work, error) { return nil, nil },
		Export: func(context.Context, []export.Work, error) service.Ran { close(stop); return service.Ran{} },
		Stop:   stop,
	}, nil)
	loop.Run(t.Context())
	for name, at := range map[string]time.Time{"Surveyed": loop.State().Surveyed, "Next": loop.State().Next} {
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%s is %v", name, at)
		}
	}
}

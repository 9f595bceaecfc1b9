package service

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

const (
	// mostOfRun bounds the batches of one run, so that announced batches need not wait long
	// for the next.
	mostOfRun = 200
	// firstLook is when an announced batch is asked for again that is still ongoing. It
	// doubles up to Config.Every, where the survey takes over.
	firstLook = 5 * time.Second
)

// DefaultEvery is the time between two surveys.
const DefaultEvery = 15 * time.Minute

// ErrTooMany says that a batch is not recorded, since too many announced batches are not
// known to Enrow, as far as is known.
var ErrTooMany = errors.New("too many announced batches are unknown to Enrow")

// Notice says that a batch is finished, as somebody has told.
type Notice struct {
	Table   *schema.Table
	BatchID string
}

// Ran is the outcome of a run.
type Ran struct {
	Line runs.Line
	// Errs are why the run failed: every other batch would fail, too, or, for each
	// *pipeline.Error with a Kind, every other batch of that kind.
	Errs []error
	// Results are of the batches that were tried.
	Results []export.Result
}

// Config is the work of a Loop. Survey, Failed and Export must be set.
type Config struct {
	// Every is the time between two surveys, DefaultEvery if it is 0.
	Every time.Duration
	// Survey returns the batches that are left to do, in the order in which they are to be
	// asked for. The error is one that keeps every batch from being exported.
	Survey func(ctx context.Context) ([]export.Work, error)
	// Failed returns the record of a run that ends with the error of a survey.
	Failed func(ctx context.Context, err error) runs.Line
	// Export exports batches. It is called from one goroutine, also without any batch: then it
	// makes sure that the service could export one. heldBack is why batches of a kind are not
	// among them, nil when none are left out: such a run is no success, and its record says why.
	Export func(ctx context.Context, works []export.Work, heldBack error) Ran
	// Stop, when it is closed, ends the Loop when the run that is under way has ended.
	Stop <-chan struct{}
	Log  *slog.Logger
}

// Loop begins runs. Its methods may be called from any goroutine.
type Loop struct {
	Config
	wake chan struct{} // gets a value when something was announced

	mu        sync.Mutex
	announced announced
	hurried   bool
	state     State
	beat      time.Time // when it was last seen to do something
}

// State is the state of a Loop.
type State struct {
	Running bool
	// Surveyed is when a survey last succeeded whose run did, too, with no kind held back;
	// zero before.
	Surveyed time.Time
	Next     time.Time // survey
	// Announced and Backlog are the batches that are to be asked for.
	Announced, Backlog int
	// Failure is why surveys or runs fail, nil while they do not. pipeline.KindOf tells
	// whether it is limited to one kind. Failures is how many failed in a row.
	Failure  error
	Failures int
	// Runs are the last runs, the oldest first.
	Runs []runs.Line
}

// MostRuns is how many runs a State has.
const MostRuns = 200

// New returns a Loop that knows of earlier runs, the oldest first. Run begins its work.
func New(cfg Config, earlier []runs.Line) *Loop {
	cfg.Every = cmp.Or(cfg.Every, DefaultEvery)
	cfg.Log = cmp.Or(cfg.Log, pipeline.NoLog)
	return &Loop{Config: cfg, wake: make(chan struct{}, 1), state: State{Runs: earlier}, beat: time.Now()}
}

// Announce has a batch asked for as soon as possible. isNew says that the manifest did not
// know it before.
func (l *Loop) Announce(n Notice, isNew bool) {
	l.mu.Lock()
	l.announced.add(n, isNew, time.Now())
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it will wake up
	}
}

// Admit returns ErrTooMany when a batch that nobody knows yet must not be recorded.
func (l *Loop) Admit() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.announced.full() {
		return ErrTooMany
	}
	return nil
}

// State returns the state of the Loop.
func (l *Loop) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	s.Announced = l.announced.len()
	s.Runs = append([]runs.Line(nil), s.Runs...)
	return s
}

// Hurry ends a pause, and has the Loop survey as soon as possible.
func (l *Loop) Hurry() {
	l.mu.Lock()
	l.hurried = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it will wake up
	}
}

// Beat notes that the run under way gets on.
func (l *Loop) Beat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beat = time.Now()
}

// Silence returns for how long the run under way has not got on, 0 if there is none.
func (l *Loop) Silence() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.state.Running {
		return 0
	}
	return time.Since(l.beat)
}

// Run surveys and runs until ctx is done or Stop is closed. It returns when the last run has
// ended.
func (l *Loop) Run(ctx context.Context) {
	w := &turns{Loop: l, nextSurvey: time.Now(), pauses: make(pauses)}
	for {
		delay, idle := w.delay(time.Now())
		if idle && !l.wait(ctx, delay) {
			return
		}
		if l.over(ctx) {
			return
		}
		if !idle {
			w.turn(ctx)
		}
	}
}

func (l *Loop) over(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-l.Stop:
		return true
	default:
		return false
	}
}

// wait waits for that time, or until something happens. It returns false when the Loop is over.
func (l *Loop) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.wake:
	case <-ctx.Done():
		return false
	case <-l.Stop:
		return false
	}
	return true
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"golang.org/x/sync/errgroup"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// Defaults of Config.
const (
	DefaultConcurrency  = 4
	DefaultPollInterval = 30 * time.Second
	DefaultWaitTimeout  = time.Hour
	DefaultMaxBody      = 64 << 20
)

// expansion is how many times the size of the longest body the rows of one
// batch may take in memory. An ordinary answer needs between one and two; an
// answer built to blow up, such as a long general.custom over many rows, is
// refused before it does.
const expansion = 8

// logBatch is the attribute key of a batch id in every log line.
const logBatch = "batch"

// Config says what to export, from where to where. Table, Source, Store,
// Encodings and Layout must be set; for the rest the zero value is a default.
type Config struct {
	Table     *schema.Table
	Source    Source
	Store     sinks.Store
	Encodings []sinks.Encoding // one for each format asked for
	Layout    Layout
	// Force exports batches again that are done.
	Force bool
	// Wait asks again for batches that are still ongoing, every PollInterval,
	// until WaitTimeout (0: no limit) has passed since the run began.
	Wait         bool
	WaitTimeout  time.Duration
	PollInterval time.Duration
	// Stop, when it is closed, ends the run gently: no batch is begun any more,
	// those under way are finished. May be nil.
	Stop <-chan struct{}
	// Concurrency is the number of batches worked on at a time.
	Concurrency int
	// MaxBody is the longest answer in bytes that Source returns.
	MaxBody int64
	Mem     memory.Allocator
	Log     *slog.Logger
	// Now is the clock of the manifest's times.
	Now         func() time.Time
	ToolVersion string
}

// Validate reports the first thing that is missing or out of range, and fills
// in the defaults. Only Run needs a Source.
func (c *Config) Validate() error {
	switch {
	case c.Table == nil, c.Store == nil, c.Layout == Layout{}:
		return errors.New("export: table, store and layout must be set")
	case len(c.Encodings) == 0:
		return errors.New("export: no format asked for")
	case c.Concurrency < 0, c.PollInterval < 0, c.WaitTimeout < 0, c.MaxBody < 0:
		return errors.New("export: a limit is negative")
	}
	for i, a := range c.Encodings {
		for _, b := range c.Encodings[:i] {
			if a.Format == b.Format {
				return fmt.Errorf("export: format %s is asked for twice", a.Format.Name)
			}
		}
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.PollInterval == 0 {
		c.PollInterval = DefaultPollInterval
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Mem == nil {
		c.Mem = memory.NewGoAllocator()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Summary counts what a run did. It is true also of a run that was stopped.
type Summary struct {
	Asked    int // distinct ids
	Exported int
	Done     int
	Ongoing  int
	Failed   int
	NotTried int   // not begun, or not finished, when the run was stopped
	Rows     int64 // of the batches exported
	Bytes    int64 // of their files
	Elapsed  time.Duration
}

// exporter is the state of one run.
type exporter struct {
	Config
	manifest Manifest

	many     bool // so many ids that listing all files pays
	listOnce sync.Once
	sizes    map[string]int64
	listErr  error

	checkOnce sync.Once
	checkErr  error

	noted idSet // batches that the manifest was told are ongoing, in this run
}

func newExporter(cfg Config, ids []string) *exporter {
	return &exporter{
		Config:   cfg,
		manifest: Manifest{Store: cfg.Store, Table: cfg.Table},
		many:     len(ids) >= listingPays,
	}
}

// Run exports the batches and calls report, from one goroutine at a time, with
// each result as it becomes known. An id given twice is exported once. The
// error is one that stopped the run: an *Error of class Fatal, or the cause of
// ctx. Run does not close source or store.
func Run(ctx context.Context, cfg Config, ids []string, report func(Result)) (Summary, error) {
	if err := cfg.Validate(); err != nil {
		return Summary{}, err
	}
	if cfg.Source == nil {
		return Summary{}, errors.New("export: no source")
	}
	start := cfg.Now()
	ids = distinct(ids)
	r := run{exporter: newExporter(cfg, ids), report: report}
	r.summary.Asked = len(ids)
	err := r.all(ctx, ids, start)
	s := r.summary
	s.NotTried = s.Asked - s.Exported - s.Done - s.Ongoing - s.Failed
	s.Elapsed = cfg.Now().Sub(start)
	return s, err
}

// run hands out batches and collects their results.
type run struct {
	*exporter
	mu      sync.Mutex
	report  func(Result)
	summary Summary
}

// all works the batches off, and those that are ongoing again and again.
func (r *run) all(ctx context.Context, ids []string, start time.Time) error {
	if err := r.sweep(ctx); err != nil {
		return err
	}
	for {
		ongoing, err := r.pass(ctx, ids)
		left := r.WaitTimeout - r.Now().Sub(start)
		if err != nil || len(ongoing) == 0 || !r.Wait || r.WaitTimeout > 0 && left <= 0 {
			r.collectAll(ongoing)
			return err
		}
		wait := r.PollInterval
		if r.WaitTimeout > 0 {
			wait = min(wait, left)
		}
		r.Log.InfoContext(ctx, "batches still ongoing, waiting", "batches", len(ongoing), "wait", wait)
		if err := pause(ctx, wait, r.Stop); err != nil || r.stopped() {
			r.collectAll(ongoing)
			return err
		}
		ids = ids[:0:0]
		for _, res := range ongoing {
			ids = append(ids, res.BatchID)
		}
	}
}

// sweep removes what crashed runs left half-written.
func (r *run) sweep(ctx context.Context) error {
	s, ok := r.Store.(sinks.Sweeper)
	if !ok {
		return nil
	}
	n, err := s.Sweep(ctx)
	if n > 0 {
		r.Log.InfoContext(ctx, "removed temporaries of crashed runs", "files", n)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, sinks.ErrUnreachable):
		return classify(err, "")
	default:
		r.Log.WarnContext(ctx, "could not look for temporaries of crashed runs", "error", err)
	}
	return nil
}

// check finds out, once and before the first request, whether the store can be
// written to. A run that has nothing to write does not mind.
func (x *exporter) check(ctx context.Context) error {
	x.checkOnce.Do(func() {
		if c, ok := x.Store.(sinks.Checker); ok {
			x.checkErr = c.Check(ctx)
		}
	})
	return x.checkErr
}

// pass tries each batch once and returns the results of those still ongoing.
// The first error that ends the run stops the batches in flight too.
func (r *run) pass(ctx context.Context, ids []string) ([]Result, error) {
	var ongoing []Result
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrency)
	for _, id := range ids {
		if gctx.Err() != nil || r.stopped() {
			break
		}
		g.Go(func() error {
			if r.stopped() { // while this one was waiting for its turn
				return nil
			}
			res, err := r.export(gctx, id)
			if err != nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if res.Outcome == StillOngoing {
				ongoing = append(ongoing, res)
			} else {
				r.collect(res)
			}
			return nil
		})
	}
	err := g.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return ongoing, err
}

// stopped reports whether Stop is closed.
func (r *run) stopped() bool {
	select {
	case <-r.Stop:
		return true
	default:
		return false
	}
}

func (r *run) collectAll(results []Result) {
	for _, res := range results {
		r.collect(res)
	}
}

// collect counts and reports a final result.
func (r *run) collect(res Result) {
	s := &r.summary
	switch res.Outcome {
	case Exported:
		s.Exported++
		s.Rows += *res.Entry.Rows
		for _, enc := range r.Encodings {
			s.Bytes += res.Entry.Files[enc.Format.Name].Bytes
		}
	case Done:
		s.Done++
	case StillOngoing:
		s.Ongoing++
	case FailedBatch:
		s.Failed++
	}
	if r.report != nil {
		r.report(res)
	}
}

// distinct returns ids without repeats, in their order.
func distinct(ids []string) []string {
	seen := make(map[string]struct{}, len(ids))
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if _, ok := seen[id]; !ok {
			seen[id] = struct{}{}
			out = append(out, id)
		}
	}
	return out
}

// idSet is a set of batch ids, safe for concurrent use.
type idSet struct{ ids sync.Map }

// add reports whether id is new to the set.
func (s *idSet) add(id string) bool {
	_, known := s.ids.LoadOrStore(id, struct{}{})
	return !known
}

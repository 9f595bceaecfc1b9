package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"enrow-export/schema"
	"enrow-export/sinks"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Defaults of Config.
const (
	DefaultConcurrency  = 4
	DefaultPollInterval = 30 * time.Second
	DefaultWaitTimeout  = time.Hour
	DefaultMaxBody      = 64 << 20
	// DefaultPublishBudget suits a store that answers in milliseconds.
	DefaultPublishBudget = 6 << 20
)

// expansion is how many times the size of the longest body the rows of one
// batch may take in memory. An ordinary answer needs between one and two; an
// answer built to blow up, such as a long general.custom over many rows, is
// refused before it does.
const expansion = 8

// expansionOfFile is the same for each file of the batch: a row of nulls is a
// few bytes in memory, and some hundred in NDJSON.
const expansionOfFile = 16

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
	// Columns are the columns of the files in the declared order, nil for all.
	// The columns that a table requires are among them.
	Columns []string
	// KeepRaw keeps a copy of each answer that is exported.
	KeepRaw bool
	// AllowMismatch exports answers whose control totals are wrong.
	AllowMismatch bool
	// RefuseUnknown fails a batch whose results have what no column declares,
	// instead of keeping that in the leftovers.
	RefuseUnknown bool
	// Force exports batches again that are done.
	Force bool
	// Wait asks again for batches that are still ongoing until WaitTimeout
	// (0: no limit) has passed since the run began.
	Wait        bool
	WaitTimeout time.Duration
	// PollInterval is the least time between two looks at a batch. It grows
	// to maxPolls times that for one that makes little progress.
	PollInterval time.Duration
	// OnWaiting, unless it is nil, is told how many ongoing batches wait for
	// their next look whenever that changes, from the goroutine that reports.
	OnWaiting func(n int)
	// Stop, when it is closed, ends the run gently: no batch is begun any more,
	// those under way are finished, but for those that Source has not asked for
	// or would have to ask for again, if it is told of Stop. May be nil.
	Stop <-chan struct{}
	// Concurrency is the number of batches that are asked for at a time.
	Concurrency int
	// Encoders is the number of batches that are encoded at a time. By default
	// it is GOMAXPROCS.
	Encoders int
	// PublishBudget is how many bytes of files may be on their way into the
	// store at a time. One batch may always be, however large it is.
	PublishBudget int64
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
	case c.Concurrency < 0, c.Encoders < 0, c.PublishBudget < 0, c.PollInterval < 0, c.WaitTimeout < 0, c.MaxBody < 0:
		return errors.New("export: a limit is negative")
	}
	for i, a := range c.Encodings {
		for _, b := range c.Encodings[:i] {
			if a.Format == b.Format {
				return fmt.Errorf("export: format %s is asked for twice", a.Format.Name)
			}
		}
	}
	if out, err := c.Table.Select(c.Columns, nil); err != nil {
		return fmt.Errorf("export: %w", err)
	} else if c.Columns != nil && !slices.Equal(out.ColumnNames(), c.Columns) {
		return errors.New("export: columns are not in the declared order, or lack a required one")
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Encoders == 0 {
		c.Encoders = runtime.GOMAXPROCS(0)
	}
	if c.PublishBudget == 0 {
		c.PublishBudget = DefaultPublishBudget
	}
	if c.PollInterval == 0 {
		c.PollInterval = DefaultPollInterval
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Mem == nil {
		c.Mem = new(recycler)
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
	Found    int64 // those of them that found what was searched for
	// Bytes are those of the files of the batches exported, by format asked
	// for, and under RawBytes those of the copies of their answers.
	Bytes map[string]int64
	// Slowest is the batch exported that took longest, zero when none was.
	Slowest Slowest
	Warned  int // batches exported with mismatches or warnings
	Credits Credits
	// Leftovers are what no table or envelope declares of the finished answers
	// that were read, exported or not; First is -1 there.
	Leftovers []schema.Leftover
	Elapsed   time.Duration
}

// RawBytes is the key of the copies of answers in Summary.Bytes.
const RawBytes = "raw"

// Slowest names a batch and the time it took.
type Slowest struct {
	BatchID string
	Elapsed time.Duration
}

// AddBytes adds to sums the bytes of an entry's files in the formats asked for,
// and under RawBytes that of the copy of its answer if there is one.
func (e *Entry) AddBytes(encodings []sinks.Encoding, sums map[string]int64) {
	for _, enc := range encodings {
		sums[enc.Format.Name] += e.Files[enc.Format.Name].Bytes
	}
	if e.Raw != nil {
		sums[RawBytes] += e.Raw.Bytes
	}
}

// exporter is the state of one run.
type exporter struct {
	Config
	manifest    Manifest
	out         *schema.Table // Table with the columns asked for
	sizes, raws *sizes        // of data files, and of copies of answers
	places      places
	answers     room // for an answer
	copies      rawEncoder

	checkOnce sync.Once
	checkErr  error

	noted idSet // batches that the manifest was told are ongoing, in this run
}

// newExporter takes a valid Config.
func newExporter(cfg Config, ids []string) *exporter {
	out, err := cfg.Table.Select(cfg.Columns, nil)
	if err != nil {
		panic(err) // Validate has found it
	}
	return &exporter{
		Config:   cfg,
		manifest: Manifest{Store: cfg.Store, Table: cfg.Table},
		out:      out,
		places:   newPlaces(cfg.Encoders, cfg.PublishBudget),
		copies:   newRawEncoder(cfg.Encoders),
		sizes:    newSizes(cfg.Store, cfg.Layout.Prefix(cfg.Table), len(ids)),
		raws:     newSizes(cfg.Store, RawPrefix(cfg.Table), len(ids)),
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
	r.summary.Bytes = make(map[string]int64)
	err := sweep(ctx, cfg.Store, cfg.Log)
	if err == nil {
		ids, err = r.skip(ctx, ids)
	}
	if err == nil {
		err = r.all(ctx, ids)
	}
	s := r.summary
	s.Leftovers = r.leftovers.All()
	s.NotTried = s.Asked - s.Exported - s.Done - s.Ongoing - s.Failed
	s.Elapsed = cfg.Now().Sub(start)
	return s, err
}

// run hands out batches and collects their results.
type run struct {
	*exporter
	report    func(Result)
	summary   Summary
	leftovers schema.Leftovers
}

// sweep removes what crashed runs left half-written.
func sweep(ctx context.Context, store sinks.Store, log *slog.Logger) error {
	s, ok := store.(sinks.Sweeper)
	if !ok {
		return nil
	}
	n, err := s.Sweep(ctx)
	if n > 0 {
		log.InfoContext(ctx, "removed temporaries of crashed runs", "files", n)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, sinks.ErrUnreachable):
		return classify(err, "")
	default:
		log.WarnContext(ctx, "could not look for temporaries of crashed runs", "error", err)
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

// collect counts and reports a final result.
func (r *run) collect(res Result) {
	s := &r.summary
	r.unknown(res)
	switch res.Outcome {
	case Exported:
		s.Exported++
		s.Rows += *res.Entry.Rows
		s.Found += res.Found
		s.Credits.Spent += res.Credits.Spent
		s.Credits.Refunded += res.Credits.Refunded
		if len(res.Mismatches)+len(res.Warnings) > 0 {
			s.Warned++
		}
		res.Entry.AddBytes(r.Encodings, s.Bytes)
		if res.Elapsed > s.Slowest.Elapsed || s.Slowest.BatchID == "" {
			s.Slowest = Slowest{res.BatchID, res.Elapsed}
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

// unknown counts what no column declares of an answer, in the results and
// beside them.
func (r *run) unknown(res Result) {
	for _, l := range res.UnknownEnvelope {
		r.leftovers.Add(schema.Leftover{Path: l.Path, Reason: l.Reason, Count: l.Count, First: -1})
	}
	for _, l := range res.Leftovers {
		r.leftovers.Add(schema.Leftover{Path: schema.ResultsPath + l.Path, Reason: l.Reason, Count: l.Count, First: -1})
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

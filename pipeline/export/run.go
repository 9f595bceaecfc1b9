package export

import (
	"context"
	"errors"
	"sync"
	"time"

	"enrow-export/pipeline/answer"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Summary counts what a run did. It is true also of a run that was stopped.
type Summary struct {
	Asked    int // distinct ids
	Exported int
	Done     int
	Ongoing  int
	Failed   int
	NotTried int // not begun, or not finished, when the run was stopped
	// CutOff counts those of NotTried that were begun. A batch is not begun by a request
	// whose failure has stopped the run: that was about all batches.
	CutOff int
	Rows   int64 // of the batches exported
	Found  int64 // rows that found what was searched for
	// Kinds has the counts of each kind that was asked for.
	Kinds map[string]Counts
	// Bytes are the bytes of the files of the batches exported, by format asked
	// for, and as manifest.RawFormat the bytes of the copies of their answers.
	Bytes map[string]int64
	// Slowest is the batch exported that took longest, zero when none was.
	Slowest Slowest
	Warned  int // batches exported with mismatches or warnings
	Credits answer.Credits
	// Leftovers are the values that no table or envelope declares, of all finished
	// answers that were read, exported or not. First is -1 there.
	Leftovers []schema.Leftover
	Elapsed   time.Duration
	// Ended are the errors that have ended the batches of a kind, one a kind. The first one is
	// what Run returns, unless the whole run was ended.
	Ended []error
}

// Counts are the outcomes of the batches of one kind. Its fields are named as in Summary.
type Counts struct {
	Asked, Exported, Done, Ongoing, Failed, NotTried int

	Rows int64
}

// Slowest names a batch and the time it took.
type Slowest struct {
	BatchID string
	Elapsed time.Duration
}

// common is what all batches of a run share.
type common struct {
	slots   slots
	answers sizeHint
	copies  rawEncoder
	looker  looker
	span    span                            // of the run
	check   func(ctx context.Context) error // once a run: whether the store can be written to
}

func newCommon(cfg Config) *common {
	var once sync.Once
	var unusable error
	return &common{
		slots:  newSlots(cfg.Concurrency, cfg.Encoders, cfg.Store.Traits().Operations, cfg.PublishBudget),
		copies: newRawEncoder(cfg.Encoders),
		looker: newLooker(cfg.Store),
		check: func(ctx context.Context) error {
			once.Do(func() {
				if c, ok := cfg.Store.(sinks.Checker); ok {
					unusable = c.Check(ctx)
				}
			})
			return unusable
		},
	}
}

// exporter takes the batches of one work through their stages.
type exporter struct {
	settings
	*common

	noted idSet // batches that the manifest was told are ongoing, in this run
}

// Work is batches of one kind.
type Work struct {
	// Table and Columns take the place of those of a Config.
	Table   *schema.Table
	Columns []string
	IDs     []string
}

// Of returns the Config for the batches of a work.
func (w Work) Of(cfg Config) Config {
	cfg.Table, cfg.Columns = w.Table, w.Columns
	return cfg
}

// Run exports the batches and calls report, from one goroutine at a time, with
// each result as it becomes known. An id given twice is exported once. The
// error is one that stopped the run: a *pipeline.Error of class Fatal, or the cause
// of ctx. Run does not close source or store.
func Run(ctx context.Context, cfg Config, ids []string, report func(Result)) (Summary, error) {
	return RunAll(ctx, cfg, []Work{{cfg.Table, cfg.Columns, ids}}, report)
}

// RunAll is Run for batches of several kinds. They are begun in the order of the works.
// An error that has a Kind has stopped the batches of that kind alone.
func RunAll(ctx context.Context, cfg Config, works []Work, report func(Result)) (Summary, error) {
	if err := cfg.Validate(); err != nil {
		return Summary{}, err
	}
	if cfg.Source == nil {
		return Summary{}, errors.New("export: no source")
	}
	start := cfg.Now()
	r := run{Config: cfg, common: newCommon(cfg), report: report}
	r.summary.Bytes = make(map[string]int64)
	r.summary.Kinds = make(map[string]Counts)
	var fresh []share
	for _, w := range works {
		of := w.Of(cfg)
		if err := of.Validate(); err != nil {
			return Summary{}, err
		}
		ids := schema.DistinctIDs(w.IDs)
		r.summary.Asked += len(ids)
		r.count(of.Table.Kind, func(k *Counts) { k.Asked += len(ids) })
		fresh = append(fresh, share{&exporter{settings: newSettings(of, len(ids)), common: r.common}, ids})
	}
	r.span = newSpan(ctx, cfg.Tracer)
	var err error
	if r.summary.Asked > 0 { // else nothing is needed of the destination
		err = fresh[0].checkRoot(ctx)
	}
	if err == nil {
		err = sinks.Sweep(ctx, cfg.Store, cfg.Log)
	}
	if errors.Is(err, sinks.ErrUnreachable) {
		err = asFailure(err, "")
	}
	for i := 0; err == nil && i < len(fresh); i++ {
		fresh[i].ids, err = r.skip(ctx, fresh[i])
	}
	if cfg.OnSurveyed != nil {
		cfg.OnSurveyed()
	}
	switch {
	case err == nil:
		err = r.schedule(ctx, fresh)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	cfg.Cache.Flush(ctx)
	s := r.summary
	s.Leftovers = r.leftovers.All()
	s.NotTried = s.Asked - s.Exported - s.Done - s.Ongoing - s.Failed
	for kind, k := range s.Kinds {
		k.NotTried = k.Asked - k.Exported - k.Done - k.Ongoing - k.Failed
		s.Kinds[kind] = k
	}
	s.Elapsed = cfg.Now().Sub(start)
	r.span.endRun(s, err)
	return s, err
}

// run hands out batches and collects their results.
type run struct {
	Config
	*common
	report    func(Result)
	summary   Summary
	leftovers schema.Leftovers
}

// collect counts and reports a final result.
func (r *run) collect(res Result) {
	s := &r.summary
	r.unknown(res)
	r.count(res.Kind, func(k *Counts) { k.add(res) })
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
	case Ongoing:
		s.Ongoing++
	case Failed:
		s.Failed++
	}
	if r.report != nil {
		r.report(res)
	}
}

// count changes the counts of a kind.
func (r *run) count(kind string, change func(*Counts)) {
	k := r.summary.Kinds[kind]
	change(&k)
	r.summary.Kinds[kind] = k
}

func (k *Counts) add(res Result) {
	switch res.Outcome {
	case Exported:
		k.Exported++
		k.Rows += *res.Entry.Rows
	case Done:
		k.Done++
	case Ongoing:
		k.Ongoing++
	case Failed:
		k.Failed++
	}
}

// unknown counts the values of an answer that have no column or known key, in the
// results and beside them.
func (r *run) unknown(res Result) {
	for _, l := range res.UnknownEnvelope {
		r.leftovers.Add(schema.Leftover{Path: l.Path, Reason: l.Reason, Count: l.Count, First: -1})
	}
	for _, l := range res.Leftovers {
		r.leftovers.Add(schema.Leftover{Path: schema.ResultsPath + l.Path, Reason: l.Reason, Count: l.Count, First: -1})
	}
}

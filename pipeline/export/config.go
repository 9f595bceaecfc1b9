package export

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Defaults of Config.
const (
	DefaultConcurrency  = 4
	DefaultPollInterval = 30 * time.Second
	DefaultWaitTimeout  = time.Hour
)

// expansion is how many times the size of the longest body the rows of one
// batch may take in memory. An ordinary answer needs between one and two; an
// answer built to blow up, such as a long general.custom over many rows, is
// refused before it does.
const expansion = 8

// expansionOfFile is the same for each file of the batch: a row of nulls is a
// few bytes in memory, and some hundred in NDJSON.
const expansionOfFile = 16

// Config says what to export, from where to where. Table, Source, Store,
// Encodings and Layout must be set; for the rest the zero value is a default.
type Config struct {
	Table     *schema.Table
	Source    pipeline.Source
	Store     sinks.Store
	Encodings []sinks.Encoding // one for each format asked for
	Layout    manifest.Layout
	// Columns are the columns of the files in the declared order, nil for all.
	// The columns that a table requires are among them.
	Columns []string
	// KeepRaw keeps a copy of each answer that is exported.
	KeepRaw bool
	// Cache, unless it is nil, is that of Store, and is written in the end.
	Cache *manifest.Cache
	// AllowMismatch exports answers whose control totals are wrong.
	AllowMismatch bool
	// RefuseUnknown fails a batch whose results have values that no column takes,
	// instead of keeping them in the leftovers.
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
	// OnSurveyed, unless it is nil, is called when it is known which batches are done, before
	// the first is begun.
	OnSurveyed func()
	// OnWaiting, unless it is nil, is told how many ongoing batches wait for
	// their next look whenever that changes, from the goroutine that reports.
	OnWaiting func(n int)
	// Stop, when it is closed, ends the run gently. No batch is begun any more, and
	// those under way are finished. A Source that is told of Stop may give up batches
	// that it has not asked for yet, or would have to ask for again. May be nil.
	Stop <-chan struct{}
	// Concurrency is the number of batches that are asked for at a time.
	Concurrency int
	// Encoders is the number of batches that are encoded at a time. By default
	// it is GOMAXPROCS.
	Encoders int
	// PublishBudget bounds the bytes of files that are being put into the store at a
	// time. One batch may always be, however large it is. By default it
	// is the store's own limit (sinks.Traits).
	PublishBudget int64
	// MaxBody is the longest answer in bytes that Source returns.
	MaxBody int64
	Mem     memory.Allocator
	Log     *slog.Logger
	// Tracer, unless it is nil, gets the spans of the run (spans.go).
	Tracer trace.Tracer
	// Now is the clock of the manifest's times.
	Now         func() time.Time
	ToolVersion string
}

// Validate reports the first thing that is missing or out of range, and fills
// in the defaults. Only Run needs a Source.
func (c *Config) Validate() error {
	switch {
	case c.Table == nil, c.Store == nil, c.Layout == manifest.Layout{}:
		return errors.New("export: table, store and layout must be set")
	case len(c.Encodings) == 0:
		return errors.New("export: no format given")
	case c.Concurrency < 0, c.Encoders < 0, c.PublishBudget < 0, c.PollInterval < 0, c.WaitTimeout < 0, c.MaxBody < 0:
		return errors.New("export: a limit is negative")
	}
	for i, a := range c.Encodings {
		for _, b := range c.Encodings[:i] {
			if a.Format == b.Format {
				return fmt.Errorf("export: format %s is given twice", a.Format.Name)
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
		c.PublishBudget = c.Store.Traits().Bytes
	}
	if c.PollInterval == 0 {
		c.PollInterval = DefaultPollInterval
	}
	if c.MaxBody == 0 {
		c.MaxBody = pipeline.DefaultMaxBody
	}
	if c.Mem == nil {
		c.Mem = new(recycler)
	}
	c.Log = cmp.Or(c.Log, pipeline.NoLog)
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

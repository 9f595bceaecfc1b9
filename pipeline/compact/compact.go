// Package compact packs the Parquet files of many batches into few large ones, under
// another root.
//
// The root has a manifest of its own. An entry names the pack of a batch, and the rows of
// the batch in the pack. A pack is put once, under the condition that none of its number
// is there, and never changes. That one write settles which batches are packed next. The
// entries follow. If a run dies before they are written, the next run writes them: a
// record, put before the pack, has them.
//
//	compact.go   Run: one table after the other
//	plan.go      which batches are to be packed
//	complete.go  before that: every pack has its entries
//	pack.go      read the files of batches, and make a pack of them
//	write.go     put a pack: record, pack, entries
//	record.go    the records
//	spool.go     the pack on its way, in a file without a name
package compact

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// DefaultTargetSize is where a packed file ends.
const DefaultTargetSize = 128 << 20

// Config says what to pack into large files, and where. Tables, From, Into
// and Encoding must be set; for the rest the zero value is a default.
type Config struct {
	Tables []*schema.Table
	// From has the batches, each in a file of its own. Nothing is changed there.
	From sinks.Store
	// Into gets the packed files and a manifest of its own.
	Into sinks.Store
	// Encoding is how the packs are encoded: Parquet.
	Encoding sinks.Encoding
	// TargetSize is about the number of bytes with which a packed file is complete: rows
	// that are not written yet count as much as the files that they come from. The last
	// one of a run, of a table and of a set of columns is shorter, and so is one with
	// thousands of very short batches.
	TargetSize  int64
	Mem         memory.Allocator
	Log         *slog.Logger
	Now         func() time.Time
	ToolVersion string
}

// Packed is what became of one packed file, or of one batch that was not packed.
type Packed struct {
	Table *schema.Table
	// Path, Batches, Rows and Bytes are about the pack. Path is empty when this is
	// about a batch.
	Path    string
	Batches int
	Rows    int64
	Bytes   int64
	// From is how many bytes the files had that were packed.
	From int64

	// BatchID is the batch that was not packed, and Err why: a *pipeline.Error.
	BatchID string
	Err     error
}

// Summary counts what Run has come across.
type Summary struct {
	Files, Batches int   // packed
	Rows, Bytes    int64 // of those files
	From           int64 // bytes of the files that were packed
	Already        int   // batches that were packed before
	NotExported    int   // batches that From's manifest knows and has no file of yet
	Failed         int   // batches that were not packed, or whose packed rows are out of date
}

// Run packs the Parquet files of the batches that are exported in From, and that
// Into's manifest does not have, into few large ones in Into, in the order of the
// batches. It calls report with each file, and with each batch that cannot be packed.
// The entry of a batch in Into says in which file and which rows it is.
//
// Into is another root, so that no reader of From meets a row twice. It only ever
// grows: no pack is ever replaced. Run can be killed at any instant and called again, by
// any number of processes at once, beside runs that export to From. The same batches give
// the same packs. A batch that was exported again with other rows is reported.
//
// The error is one that ended it all: a *pipeline.Error of class Fatal, or the cause
// of ctx.
func Run(ctx context.Context, cfg Config, report func(Packed)) (Summary, error) {
	if cfg.TargetSize == 0 {
		cfg.TargetSize = DefaultTargetSize
	}
	if cfg.Mem == nil {
		cfg.Mem = memory.DefaultAllocator // which gives zeroed memory, as the library that reads needs it
	}
	cfg.Log = cmp.Or(cfg.Log, pipeline.NoLog)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &compactor{Config: cfg, report: report, cache: manifest.NewCache(cfg.Into, cfg.Log)}
	err := manifest.CheckNotCompacted(ctx, cfg.From, "compact")
	if err == nil {
		err = sinks.Sweep(ctx, cfg.Into, cfg.Log)
	}
	for i := 0; err == nil && i < len(cfg.Tables); i++ {
		err = c.untilDone(ctx, cfg.Tables[i])
	}
	c.cache.Flush(ctx)
	if ctx.Err() != nil {
		return c.summary, context.Cause(ctx)
	}
	if err == nil {
		return c.summary, nil
	}
	return c.summary, fatal(err)
}

// fatal returns the error that ends a compaction.
func fatal(err error) *pipeline.Error {
	failure := manifest.Failure("compact", "", err)
	if failure.Class == pipeline.Fatal {
		return failure
	}
	return &pipeline.Error{Op: "compact", Class: pipeline.Fatal, Err: err, Hint: cmp.Or(pipeline.Hint(failure), "nothing is lost: run it again")}
}

// compactor is the state of one Run.
type compactor struct {
	Config

	report  func(Packed)
	summary Summary
	cache   *manifest.Cache // of Into
}

// untilDone packs the batches of one table. When another compaction was faster,
// all is looked at again.
func (c *compactor) untilDone(ctx context.Context, table *schema.Table) error {
	told := make(map[string]bool) // batches that were reported
	packed := c.summary
	return sinks.RetryConflicts(ctx, func(int) error {
		// What is counted of a round that was lost is counted again, but for what was
		// packed in it.
		c.summary.Already, c.summary.NotExported = packed.Already-(c.summary.Batches-packed.Batches), packed.NotExported
		err := c.compactTable(ctx, table, told)
		if _, lost := sinks.Conflict(err); lost {
			c.Log.DebugContext(ctx, "another compaction was faster; checking again", "table", table.Name)
		}
		return err
	})
}

func (c *compactor) compactTable(ctx context.Context, table *schema.Table, told map[string]bool) error {
	log := packLog{c.Into, table}
	plan, number, err := c.planAll(ctx, log)
	if err != nil {
		return err
	}
	w := packWriter{compactor: c, log: log, number: number, told: told}
	for _, fingerprint := range plan.fingerprints() {
		if err := w.packAll(ctx, fingerprint, plan.groups[fingerprint]); err != nil {
			return err
		}
	}
	for _, k := range plan.unreadable {
		w.refuse(k.BatchID, k.Err, "its packed rows stay as they are")
	}
	for _, id := range plan.changed {
		w.refuse(id, errExportedAgain, "its packed rows stay as they are, because a packed file is never replaced: pack into a new root with --into")
	}
	return nil
}

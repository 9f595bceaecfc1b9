// Package adopt rebuilds manifest entries from what is in a root: the way back after a
// manifest was lost.
//
// The copy of an answer (--keep-raw) says all that an entry has. It is flattened again,
// and the data files of the batch whose rows have its digest are named by the new entry.
// Without a copy the answer's digest is not known, and an entry that claims the files
// would be made up: the batch is recorded as pending, so that the next export asks Enrow
// and takes the files over or replaces them.
//
// Only entries are written, each on the condition that the batch's entry is still the one
// that was read. No file is changed.
package adopt

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Config says where to look for batches without an entry. Tables, Store and Layout must
// be set; for the rest the zero value is a default.
type Config struct {
	Tables []*schema.Table
	Store  sinks.Store
	Layout manifest.Layout
	// IDs are the batches to look at, nil for all.
	IDs []string
	// Encodings are preferred where the bytes of a file allow several, as those of a
	// Parquet file without rows do.
	Encodings []sinks.Encoding
	// MaxBody is the longest answer in bytes that is read from a copy.
	MaxBody int64
	// Concurrency is the number of batches that are looked at at a time. Each takes the
	// memory of an answer, its rows and a file.
	Concurrency int
	// DryRun writes nothing.
	DryRun      bool
	Mem         memory.Allocator
	Log         *slog.Logger
	Now         func() time.Time
	ToolVersion string
}

// Outcome is what became of one batch.
type Outcome string

const (
	// Adopted is a batch that is exported now, by a new entry.
	Adopted Outcome = "adopted"
	// Queued is a batch that is pending now: it has no answer here, or no file of it.
	Queued Outcome = "queued"
	// Known is a batch that has an entry already, which stays.
	Known Outcome = "known"
	// Left is a batch that has none, and gets none: no file is recognised as its own.
	Left Outcome = "left"
	// Failed is a batch whose entry cannot be used, or written.
	Failed Outcome = "failed"
)

// Result is the outcome of one batch.
type Result struct {
	Table   *schema.Table
	BatchID string
	Outcome Outcome
	// Entry is the new one of a batch that is Adopted.
	Entry *manifest.Entry
	// Left are the files that no entry names now, each with the reason.
	Left []LeftFile
	// Err is why the batch Failed: a *pipeline.Error.
	Err error
}

// LeftFile is a file that was left alone.
type LeftFile struct {
	Path    string
	Problem string
	// Differs says that it is not what the answer or its path says.
	Differs bool
}

// Differs reports whether a file of the batch is not what it should be.
func (r Result) Differs() bool {
	return slices.ContainsFunc(r.Left, func(f LeftFile) bool { return f.Differs })
}

// DefaultConcurrency is that of Config.
const DefaultConcurrency = 4

// expansion is how many times the size of the longest answer its rows may take.
const expansion = 8

// Run looks for files of batches that are not exported and calls report with each such
// batch, in the order of the tables and the ids, and then with those of IDs that have no
// such file. Files of exported batches, and those that some entry names, are not its
// business. The error is one that ended it all: a *pipeline.Error, or the cause of ctx.
func Run(ctx context.Context, cfg Config, report func(Result)) error {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = pipeline.DefaultMaxBody
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Mem == nil {
		cfg.Mem = memory.NewGoAllocator()
	}
	a := adopter{
		Config: cfg, found: make(map[batchKey][]string), asked: make(map[string]bool), known: make(map[string]*schema.Table),
	}
	if !cfg.DryRun {
		a.cache = manifest.NewCache(cfg.Store, cfg.Log)
	}
	err := a.run(ctx, report)
	a.cache.Flush(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return manifest.Failure("adopt", "", err)
}

// batchKey names a batch among those of all tables.
type batchKey struct {
	table *schema.Table
	id    string
}

// adopter is the state of one Run.
type adopter struct {
	Config

	found map[batchKey][]string // paths that no entry names
	asked map[string]bool
	known map[string]*schema.Table // by id: the table of an entry; of IDs alone
	cache *manifest.Cache
}

func (a *adopter) run(ctx context.Context, report func(Result)) error {
	if err := manifest.CheckNotCompacted(ctx, a.Store, "adopt"); err != nil {
		return err
	}
	if err := a.find(ctx); err != nil {
		return err
	}
	if err := a.forget(ctx); err != nil {
		return err
	}
	batches := slices.SortedFunc(maps.Keys(a.found), func(x, y batchKey) int {
		return cmp.Or(cmp.Compare(slices.Index(a.Tables, x.table), slices.Index(a.Tables, y.table)), cmp.Compare(x.id, y.id))
	})
	jobs := func(_ context.Context, yield func(batchKey) bool) {
		for _, batch := range batches {
			if !yield(batch) {
				return
			}
		}
	}
	for r, err := range sinks.InOrder(ctx, a.Concurrency, jobs, a.adopt) {
		if err != nil {
			return err
		}
		report(r)
	}
	a.reportRest(report)
	return nil
}

// reportRest reports the batches asked for of which there is no file to be named.
func (a *adopter) reportRest(report func(Result)) {
	for _, id := range schema.DistinctIDs(a.IDs) {
		if slices.ContainsFunc(a.Tables, func(t *schema.Table) bool { return len(a.found[batchKey{t, id}]) > 0 }) {
			continue
		}
		r := Result{Table: a.Tables[0], BatchID: id, Outcome: Left}
		if table := a.known[id]; table != nil {
			r.Table, r.Outcome = table, Known
		}
		report(r)
	}
}

// find lists the files whose path is one that the layout gives to a batch asked for.
func (a *adopter) find(ctx context.Context) error {
	for _, id := range a.IDs {
		a.asked[id] = true
	}
	for _, prefix := range a.Layout.Prefixes(a.Tables) {
		for info, err := range a.Store.List(ctx, prefix) {
			if err != nil {
				return fmt.Errorf("list files: %w", err)
			}
			if strings.HasPrefix(info.Name, "_") && !strings.HasPrefix(prefix, "_") {
				continue // manifest, locks
			}
			for _, table := range a.Tables {
				id, isRaw := manifest.ParseRaw(table, info.Name)
				if !isRaw {
					id, _ = a.parse(table, info.Name)
				}
				if id != "" && (a.IDs == nil || a.asked[id]) {
					key := batchKey{table, id}
					a.found[key] = append(a.found[key], info.Name)
					break
				}
			}
		}
	}
	return nil
}

// forget drops the files that entries name, under whichever layout, and the batches
// that are exported.
func (a *adopter) forget(ctx context.Context) error {
	named := make(map[string]bool)
	for k, err := range manifest.Entries(ctx, a.Store, schema.Tables()) {
		if err != nil {
			return err
		}
		if a.asked[k.BatchID] && slices.Contains(a.Tables, k.Table) {
			a.known[k.BatchID] = k.Table
		}
		if k.Entry != nil && k.Entry.State == manifest.StateExported {
			delete(a.found, batchKey{k.Table, k.BatchID})
		}
		for _, path := range k.Entry.Named() {
			named[path] = true
		}
	}
	for key, paths := range a.found {
		paths = slices.DeleteFunc(paths, func(path string) bool { return named[path] })
		if a.found[key] = paths; len(paths) == 0 {
			delete(a.found, key)
		}
	}
	return nil
}

// adopt takes one batch to its outcome. The error is one that ends the run.
func (a *adopter) adopt(ctx context.Context, batch batchKey) (Result, error) {
	var r Result
	m := manifest.Manifest{Store: a.Store, Table: batch.table, ToolVersion: a.ToolVersion, Now: a.Now, Log: a.Log, Cache: a.cache}
	err := m.Retry(ctx, batch.id, func(int) (err error) {
		r, err = a.adoptOnce(ctx, m, batch)
		return err
	})
	r.Table, r.BatchID = batch.table, batch.id
	if err == nil || ctx.Err() != nil {
		return r, err
	}
	failure := manifest.Failure("adopt", batch.id, err)
	if failure.Class == pipeline.Fatal {
		return r, failure
	}
	r.Outcome, r.Err, r.Entry = Failed, failure, nil
	return r, nil
}

// adoptOnce reads entry and files, and puts the new entry. A *sinks.ConflictError means
// that another run has changed the entry meanwhile. It would have before it replaced or
// deleted a file, so an entry that is put names what was read.
func (a *adopter) adoptOnce(ctx context.Context, m manifest.Manifest, batch batchKey) (Result, error) {
	old, cond, err := m.Read(ctx, batch.id)
	if err == nil {
		err = old.CheckNotPacked("adopt")
	}
	if err != nil {
		return Result{}, err
	}
	if old != nil && (old.State == manifest.StateExported || len(old.Replacing) > 0) {
		return Result{Outcome: Known}, nil // another run is at it, or was
	}
	f, err := a.read(ctx, batch, old)
	if err != nil {
		return Result{}, err
	}
	r := Result{Outcome: Left, Left: f.left}
	if f.none {
		return r, nil
	}
	e := m.Next(old, batch.id)
	switch {
	case f.describe(e):
		r.Outcome, r.Entry = Adopted, e
	case old != nil:
		r.Outcome = Known
		return r, nil
	default:
		r.Outcome = Queued
	}
	if a.DryRun {
		return r, nil
	}
	_, err = m.Put(ctx, e, cond)
	return r, err
}

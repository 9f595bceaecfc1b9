// Package load makes the SQL that loads the published files into a warehouse (Prepare),
// and keeps which contents a warehouse has (OnlyNew, Confirm).
//
// A script loads exactly the files that the manifest names, and can be run again. A
// load of what is new takes three steps: Prepare after OnlyNew makes a script, which is
// printed with a Mark in it, the warehouse runs the script, and Confirm notes the mark.
// Until then nothing is noted, so a script that did not run loses nothing. No clock has
// a say in that: a batch is new as long as these contents of it were not confirmed.
package load

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/schema/dialect"
	"enrow-export/sinks"
)

// Config says what a warehouse is to be loaded with. Store, Tables, Dialect and
// Root must be set.
type Config struct {
	Store  sinks.Store
	Tables []*schema.Table
	// IDs are the batches to load. All of them have to be exported. Nil stands for all
	// batches that are.
	IDs []string
	// Since leaves out, when IDs is nil, batches whose entry has not changed since
	// that time, by the name of the table. May be nil.
	Since map[string]time.Time
	// Loaded leaves out, when IDs is nil, batches of which the warehouse has these
	// contents. May be nil.
	Loaded  Loaded
	Dialect *dialect.Dialect
	// Format is the format of the files to load, empty for the one that is best for
	// each batch.
	Format string
	// Root is where the warehouse finds the files: dialect.Load.Root.
	Root string
	// S3, Namespace, Create and Integration are passed on to dialect.Load.
	S3          dialect.S3
	Namespace   string
	Create      bool
	Integration string
}

// Plan is what loads the batches that were asked for.
type Plan struct {
	// Scripts load one table each. A table without a batch has none.
	Scripts []dialect.Script
	Batches int
	Files   int
	Rows    int64
	// Loads are the contents that the scripts load.
	Loads Loaded
	// Passed counts batches that are known and not exported yet; none when they
	// were named.
	Passed int
}

// Refusal is a batch that cannot be loaded, and why, in words that follow its id.
type Refusal struct {
	BatchID string
	Problem string
}

// RefusedError says which batches cannot be loaded. Nothing is loaded then.
type RefusedError struct{ Batches []Refusal }

func (e *RefusedError) Error() string {
	first := e.Batches[0]
	if len(e.Batches) == 1 {
		return fmt.Sprintf("batch %s %s", first.BatchID, first.Problem)
	}
	return fmt.Sprintf("%d batches cannot be loaded, the first %s: %s", len(e.Batches), first.BatchID, first.Problem)
}

// Prepare reads the manifest, sees that the files it names are there, and makes
// the SQL that loads exactly those. The error is a *RefusedError when some batch
// cannot be loaded, or one that made it impossible to look. It writes nothing:
// PutSidecars does.
func Prepare(ctx context.Context, cfg Config) (Plan, error) {
	if err := cfg.Dialect.CheckLocation(cfg.Root); err != nil {
		return Plan{}, err
	}
	p := planner{Config: cfg, loads: make(map[*schema.Table]*dialect.Load), paths: make(map[string]*loadFile)}
	given := -1
	if cfg.IDs != nil {
		given = len(schema.DistinctIDs(cfg.IDs))
	}
	p.plan.Loads = make(Loaded)
	p.verifier = verify.New(cfg.Store, verify.Size, given)
	defer p.verifier.Close()
	for k, err := range p.known(ctx) {
		if err == nil {
			err = p.add(ctx, k)
		}
		if err != nil {
			return Plan{}, err
		}
	}
	if len(p.refused) > 0 {
		return Plan{}, &RefusedError{p.refused}
	}
	if cfg.IDs == nil {
		if err := p.checkPacks(ctx); err != nil {
			return Plan{}, err
		}
	}
	return p.scripts()
}

// planner is the state of one Prepare.
type planner struct {
	Config

	verifier *verify.Verifier
	loads    map[*schema.Table]*dialect.Load
	paths    map[string]*loadFile
	refused  []Refusal
	packed   bool // some batch is in a pack
	plan     Plan
}

// loadFile is a file that some of the batches are in.
type loadFile struct {
	at         int   // among those of its load
	rows, have int64 // in all, and of the batches that are to be loaded
}

// known yields what the manifest knows of the batches that were asked for.
func (p *planner) known(ctx context.Context) iter.Seq2[manifest.Known, error] {
	if p.IDs == nil {
		return manifest.Summaries(ctx, p.Store, p.Tables)
	}
	return manifest.SummariesOf(ctx, p.Store, p.Tables, p.IDs)
}

func (p *planner) refuse(k manifest.Known, format string, args ...any) {
	p.refused = append(p.refused, Refusal{k.BatchID, fmt.Sprintf(format, args...)})
}

// add adds a batch to the load of its table, or refuses it.
func (p *planner) add(ctx context.Context, k manifest.Known) error {
	named := p.IDs != nil
	switch {
	case k.Err != nil:
		p.refuse(k, "has an entry that cannot be used: %v", k.Err)
		return nil //nolint:nilerr // it is of this batch alone
	case k.Entry == nil:
		p.refuse(k, "is not in the manifest: export it first")
		return nil
	case k.Entry.State != manifest.StateExported && named:
		p.refuse(k, "is %s, not exported", k.Entry.State)
		return nil
	case k.Entry.State != manifest.StateExported:
		p.plan.Passed++
		return nil
	case !named && k.Entry.UpdatedAt.Before(p.Since[k.Table.Name]):
		return nil
	}
	format, f, why := p.choose(k.Entry)
	if why != "" {
		p.refuse(k, "%s", why)
		return nil
	}
	p.packed = p.packed || f.Shared()
	if !named && p.Loaded.has(k.Table.Name, k.BatchID, f) {
		return nil
	}
	columns, err := p.columns(ctx, k)
	if errors.Is(err, manifest.ErrOtherVersion) {
		p.refuse(k, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.Dialect.CheckLocation(strings.TrimSuffix(p.Root, "/") + "/" + f.Path); err != nil {
		p.refuse(k, "cannot be loaded from %s: %v", f.Path, err)
		return nil
	}
	checked, err := p.verifier.Verify(ctx, k)
	if err != nil {
		return err
	}
	if len(checked.Differences) > 0 {
		d := checked.Differences[0]
		p.refuse(k, "does not match the manifest: %s %s", d.Path, d.Problem)
		return nil
	}
	p.addFile(k, format, f, columns)
	return nil
}

// checkPacks refuses a load of all batches when a pack has rows that no entry names: the
// load would leave them out, and nobody would know.
func (p *planner) checkPacks(ctx context.Context) error {
	faults, err := manifest.PackFaults(ctx, p.Store, p.Tables, p.packed)
	if err != nil || len(faults) == 0 {
		return err
	}
	return &pipeline.Error{
		Op: "load", Class: pipeline.Transient, Err: fmt.Errorf("%s %s", faults[0].Path, faults[0].Problem), Hint: manifest.PackHint,
	}
}

// columns returns the columns that the files of a batch have.
func (p *planner) columns(ctx context.Context, k manifest.Known) ([]string, error) {
	if k.Entry.Schema.Fingerprint == k.Table.Fingerprint() {
		return k.Table.ColumnNames(), nil
	}
	whole, _, err := manifest.Manifest{Store: p.Store, Table: k.Table}.Read(ctx, k.BatchID)
	if err != nil {
		return nil, err
	}
	if whole == nil || whole.Schema == nil {
		return nil, fmt.Errorf("manifest entry of %s no longer exists", k.BatchID)
	}
	table, err := whole.Schema.Select(k.Table)
	if err != nil {
		return nil, err
	}
	return table.ColumnNames(), nil
}

// choose returns the file of a batch that is to be loaded, or why there is none.
func (p *planner) choose(e *manifest.Entry) (format string, file manifest.File, why string) {
	formats := p.Dialect.Formats
	if p.Format != "" {
		formats = []string{p.Format}
	}
	var reasons []string
	for _, format := range formats {
		f, ok := e.Files[format]
		switch err := p.Dialect.CheckFormat(format, f.Compression); {
		case !ok:
		case err != nil:
			reasons = append(reasons, err.Error())
		case f.CSVSafe:
			reasons = append(reasons, fmt.Sprintf("its %s file was written with --csv-safe, which changes texts", format))
		default:
			return format, f, ""
		}
	}
	if reasons != nil {
		return "", manifest.File{}, "cannot be loaded: " + strings.Join(reasons, "; ")
	}
	return "", manifest.File{}, fmt.Sprintf("has only %s, and %s loads %s: run export --format %s to add it",
		strings.Join(slices.Sorted(maps.Keys(e.Files)), " and "), p.Dialect.Title, strings.Join(formats, " or "), formats[0])
}

// addFile adds a batch and its file, which may be there already for others.
func (p *planner) addFile(k manifest.Known, format string, f manifest.File, columns []string) {
	l := p.loads[k.Table]
	if l == nil {
		l = &dialect.Load{Table: k.Table, Namespace: p.Namespace, Create: p.Create, Root: p.Root, S3: p.S3, Integration: p.Integration}
		p.loads[k.Table] = l
	}
	l.Batches = append(l.Batches, dialect.Batch{ID: k.BatchID, Rows: *k.Entry.Rows})
	p.plan.Loads.add(k.Table.Name, k.BatchID, f)
	p.plan.Batches++
	p.plan.Rows += *k.Entry.Rows
	there := p.paths[f.Path]
	if there == nil {
		there = &loadFile{at: len(l.Files), rows: f.FileRows}
		p.paths[f.Path] = there
		p.plan.Files++
		l.Files = append(l.Files, dialect.File{
			Path: f.Path, Format: format, Compression: f.Compression, Columns: columns, Bytes: f.Bytes,
		})
	}
	there.have += f.Rows
	if f.Shared() {
		l.Files[there.at].Partial = there.have != there.rows
	}
}

// scripts makes the SQL.
func (p *planner) scripts() (Plan, error) {
	for _, table := range p.Tables {
		l := p.loads[table]
		if l == nil {
			continue
		}
		script, err := p.Dialect.Load(*l)
		if err != nil {
			return Plan{}, err
		}
		p.plan.Scripts = append(p.plan.Scripts, script)
	}
	return p.plan, nil
}

// PutSidecars puts the files that scripts refer to beside the data.
func PutSidecars(ctx context.Context, store sinks.Store, scripts []dialect.Script) error {
	for _, script := range scripts {
		for _, s := range script.Sidecars {
			if _, err := sinks.Put(ctx, store, s.Name, s.Data, sinks.IfAbsent()); err != nil {
				return fmt.Errorf("write %s: %w", s.Name, err)
			}
		}
	}
	return nil
}

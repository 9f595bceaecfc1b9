package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// PruneConfig says where to look for data files that no manifest entry names.
// Table, Store and Layout must be set.
type PruneConfig struct {
	Table  *schema.Table
	Store  sinks.Store
	Layout Layout
	// Delete removes what is found, instead of reporting it only.
	Delete      bool
	Log         *slog.Logger
	Now         func() time.Time
	ToolVersion string
}

// Reason is why a data file is named by no manifest entry.
type Reason string

const (
	// Orphan is what a run put that died, or is still busy, before it wrote
	// the entry; or of settings that an earlier version of the batch had.
	Orphan Reason = "orphan"
	// Superseded is what an entry says is about to be deleted.
	Superseded Reason = "superseded"
	// Foreign is what is not recognised as this program's: it is never deleted.
	Foreign Reason = "foreign"
)

// Unnamed is a data file that no manifest entry names.
type Unnamed struct {
	Path    string
	Bytes   int64
	Reason  Reason
	BatchID string // empty when Foreign
	// Deleted is false, too, when the file has changed since it was found.
	Deleted bool

	version string
}

// UnreadableError says which manifest entries could not be read. What they name
// is not known, so nothing is deleted.
type UnreadableError struct{ Entries []*EntryError }

func (e *UnreadableError) Error() string {
	if len(e.Entries) == 1 {
		return e.Entries[0].Error()
	}
	return fmt.Sprintf("%v, and %d more", e.Entries[0], len(e.Entries)-1)
}

// Prune finds the data files of a layout that no manifest entry names, and calls
// report with each, in no particular order. A file counts as this program's when
// its path is one that the layout gives, and its content is of that format and
// of that batch. Nothing is deleted unless all entries can be read, else the
// error is an *UnreadableError; nor when there is no entry at all, which is more
// often a manifest that was lost than a destination full of orphans.
//
// A run that is under way meets no gap: before a file is deleted the batch's
// entry says so (Superseded), so that whoever was about to name the file finds
// the entry changed, and puts the file again.
func Prune(ctx context.Context, cfg PruneConfig, report func(Unnamed)) error {
	p := pruner{
		exporter: newExporter(Config{
			Table: cfg.Table, Store: cfg.Store, Layout: cfg.Layout, Log: cfg.Log, Now: cfg.Now, ToolVersion: cfg.ToolVersion,
		}, nil),
		named:      make(map[string]bool),
		superseded: make(map[string]string),
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if err := p.prune(ctx, cfg.Delete, report); err != nil {
		if unreadable := (*UnreadableError)(nil); errors.As(err, &unreadable) || ctx.Err() != nil {
			return err
		}
		return classify(err, "")
	}
	return nil
}

// pruner is the state of one Prune.
type pruner struct {
	*exporter

	mu         sync.Mutex
	entries    int
	named      map[string]bool   // paths
	superseded map[string]string // paths, and the batch
	unreadable UnreadableError
}

func (p *pruner) prune(ctx context.Context, remove bool, report func(Unnamed)) error {
	if err := p.readManifest(ctx); err != nil {
		return err
	}
	found, err := p.find(ctx)
	if err != nil {
		return err
	}
	lost := remove && p.entries == 0
	remove = remove && !lost && p.unreadable.Entries == nil
	for _, u := range found[""] {
		report(u)
	}
	delete(found, "")
	for _, id := range slices.Sorted(maps.Keys(found)) {
		files, err := p.settle(ctx, id, found[id], remove)
		for _, u := range files {
			report(u)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case p.unreadable.Entries != nil:
		return &p.unreadable
	case lost && len(found) > 0:
		return &Error{
			Op: "prune", Class: Fatal, Err: errors.New("the manifest has no entry at all, so nothing was deleted"),
			Hint: "was the manifest lost, or is this another destination? Exporting the batches again makes their entries anew",
		}
	}
	return nil
}

// readAtOnce is the number of entries read at a time: they are small, and each
// is a request where the store is a bucket.
const readAtOnce = 16

// readManifest learns which files the entries name.
func (p *pruner) readManifest(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readAtOnce)
	for id, err := range p.manifest.IDs(gctx) {
		if err != nil {
			g.Go(func() error { return err })
			break
		}
		g.Go(func() error {
			e, _, err := p.manifest.Read(gctx, id)
			var unreadable *EntryError
			if err != nil && !errors.As(err, &unreadable) {
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.entries++
			if unreadable != nil {
				p.unreadable.Entries = append(p.unreadable.Entries, unreadable)
			}
			for _, f := range e.named() {
				p.named[f] = true
			}
			for _, path := range e.superseded() {
				p.superseded[path] = id
			}
			return nil
		})
	}
	return g.Wait()
}

// named returns the paths of the files that the entry names.
func (e *Entry) named() []string {
	if e == nil {
		return nil
	}
	var paths []string
	for _, files := range []map[string]File{e.Files, e.Replacing} {
		for _, f := range files {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// superseded returns the paths that are about to be deleted, those left out that
// are in use again.
func (e *Entry) superseded() []string {
	if e == nil {
		return nil
	}
	named := e.named()
	return slices.DeleteFunc(slices.Clone(e.Superseded), func(path string) bool { return slices.Contains(named, path) })
}

// find returns the files that no entry names, by batch; those that are Foreign
// have none.
func (p *pruner) find(ctx context.Context) (map[string][]Unnamed, error) {
	found := make(map[string][]Unnamed)
	add := func(u Unnamed) { found[u.BatchID] = append(found[u.BatchID], u) }
	for info, err := range p.Store.List(ctx, p.Layout.Prefix(p.Table)) {
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		if p.named[info.Name] || p.superseded[info.Name] != "" || strings.HasPrefix(info.Name, "_") {
			continue
		}
		u := Unnamed{Path: info.Name, Bytes: info.Size, Reason: Foreign}
		if err := p.recognise(ctx, &u); errors.Is(err, sinks.ErrNotExist) {
			continue // it has just gone
		} else if err != nil {
			return nil, fmt.Errorf("read %s: %w", info.Name, err)
		}
		add(u)
	}
	// Wherever an earlier layout has put them.
	for path, id := range p.superseded {
		info, err := p.Store.Stat(ctx, path)
		switch {
		case err == nil:
			add(Unnamed{Path: path, Bytes: info.Size, Reason: Superseded, BatchID: id, version: info.Version})
		case !errors.Is(err, sinks.ErrNotExist):
			return nil, fmt.Errorf("look at %s: %w", path, err)
		}
	}
	return found, nil
}

// recognise finds out whether a file is this program's: its path must be one
// that the layout gives to a batch, and its content a table of that batch.
func (p *pruner) recognise(ctx context.Context, u *Unnamed) error {
	id, encodings := p.Layout.parse(p.Table, u.Path)
	if len(encodings) == 0 {
		return nil
	}
	data, info, err := p.Store.Get(ctx, u.Path)
	if err != nil {
		return err
	}
	isOurs := func(enc sinks.Encoding) bool {
		contents, err := enc.Inspect(data)
		if err == nil && contents.Rows == 0 {
			return contents.Columns == nil || slices.Equal(contents.Columns, p.Table.ColumnNames())
		}
		return err == nil && contents.Columns[0] == p.Table.Columns[0].Name && contents.First == id
	}
	if slices.ContainsFunc(encodings, isOurs) {
		u.Reason, u.BatchID, u.Bytes, u.version = Orphan, id, info.Size, info.Version
	}
	return nil
}

// settle looks again which of the batch's files its entry does not name, and
// deletes them if it is to. It returns those that it has settled, also when
// there is an error.
func (p *pruner) settle(ctx context.Context, id string, found []Unnamed, remove bool) (settled []Unnamed, err error) {
	err = p.untilUncontended(ctx, id, func(int) (err error) {
		settled, err = p.attemptSettle(ctx, id, found, remove)
		return err
	})
	return settled, err
}

func (p *pruner) attemptSettle(ctx context.Context, id string, found []Unnamed, remove bool) ([]Unnamed, error) {
	old, cond, err := p.manifest.Read(ctx, id)
	if err != nil {
		if unreadable := (*EntryError)(nil); errors.As(err, &unreadable) {
			return found, nil // told already; or of another version since, and left alone
		}
		return nil, err
	}
	named := old.named()
	found = slices.DeleteFunc(slices.Clone(found), func(u Unnamed) bool { return slices.Contains(named, u.Path) })
	if !remove || len(found) == 0 {
		return found, nil
	}
	note := p.next(old, id)
	note.Superseded = slices.Clone(note.Superseded)
	for _, u := range found {
		if !slices.Contains(note.Superseded, u.Path) {
			note.Superseded = append(note.Superseded, u.Path)
		}
	}
	if cond, err = p.manifest.write(ctx, note, cond); err != nil {
		return nil, err
	}
	for i, u := range found {
		err := p.Store.Delete(ctx, u.Path, sinks.IfVersion(u.version))
		_, changed := conflict(err)
		switch {
		case err == nil, errors.Is(err, sinks.ErrNotExist):
			found[i].Deleted = true
		case !changed:
			return found[:i], fmt.Errorf("delete %s: %w", u.Path, err)
		}
	}
	clean := p.next(note, id)
	clean.Superseded = slices.DeleteFunc(old.superseded(), func(path string) bool {
		return slices.ContainsFunc(found, func(u Unnamed) bool { return u.Path == path && u.Deleted })
	})
	_, err = p.manifest.write(ctx, clean, cond)
	if _, lost := conflict(err); lost {
		err = nil // a run that saw the note has taken it over
	}
	return found, err
}

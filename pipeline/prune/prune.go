// Package prune finds the files of a root that no manifest entry names, and deletes
// them: orphans of runs that died, and files that others have superseded.
//
// A path says nothing of ownership. A file is deleted only if its content, too, is what
// this program writes for the batch that the path is for (ours.go).
package prune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Config says where to look for files that no manifest entry names. Tables,
// Store and Layout must be set.
type Config struct {
	Tables []*schema.Table
	Store  sinks.Store
	Layout manifest.Layout
	// Delete removes what is found, instead of reporting it only.
	Delete bool
	// AtMost, unless it is 0, is the number of files that may be deleted in all,
	// whatever a Refusal would say otherwise.
	AtMost      int
	Log         *slog.Logger
	Now         func() time.Time
	ToolVersion string
}

// Reason is why a file is named by no manifest entry.
type Reason string

const (
	// Orphan is a file of a run that died, or is still busy, before it wrote the
	// entry; or of settings that an earlier version of the batch had.
	Orphan Reason = "orphan"
	// Superseded is a file that an entry says is about to be deleted.
	Superseded Reason = "superseded"
	// OnlyCopy is the copy of an answer whose batch is not exported, or any file of an
	// exported batch while a file that its entry names is missing or damaged. It is never
	// deleted: nothing else may have the data.
	OnlyCopy Reason = "only-copy"
	// Foreign is a file that is not recognised as this program's. It is never deleted.
	Foreign Reason = "foreign"
)

// mayGo reports whether files of that kind are deleted at all.
func (r Reason) mayGo() bool { return r == Orphan || r == Superseded }

// Unnamed is a data file, or a copy of an answer, that no manifest entry names.
type Unnamed struct {
	Path    string
	Bytes   int64
	Reason  Reason
	BatchID string // empty when Foreign
	// Deleted is false, too, when the file has changed since it was found.
	Deleted bool

	table   *schema.Table
	version string
}

// UnreadableError says which entries could not be read. The files that they name are
// not known, so nothing is deleted.
type UnreadableError struct{ Entries []*manifest.EntryError }

func (e *UnreadableError) Error() string {
	if len(e.Entries) == 1 {
		return e.Entries[0].Error()
	}
	return fmt.Sprintf("%v, and %d more", e.Entries[0], len(e.Entries)-1)
}

// Run finds the files of a layout, and the copies of answers, that no manifest entry
// names, and calls report with each, in no particular order. A file is this program's
// when its path is one that the layout gives, and its content is of that format and
// of that batch.
//
// Nothing is deleted unless all entries can be read: else the error is an
// *UnreadableError. Nothing is deleted either when it looks as if a manifest was lost
// (lost.go): with Delete, the error is the refusal. Without, refusal says what Delete
// would refuse, and is nil if nothing.
//
// A run that is under way meets no gap: see settle.
func Run(ctx context.Context, cfg Config, report func(Unnamed)) (refusal *pipeline.Error, err error) {
	p := pruner{
		Config: cfg, named: make(map[string]*schema.Table), superseded: make(map[string]batchKey),
		exported: make(map[batchKey]bool), stay: make(map[*schema.Table]int),
	}
	refusal, err = p.prune(ctx, report)
	if err == nil && cfg.Delete && refusal != nil {
		return refusal, refusal
	}
	if err != nil && ctx.Err() != nil {
		return refusal, context.Cause(ctx)
	}
	if unreadable := (*UnreadableError)(nil); err == nil || errors.As(err, &unreadable) {
		return refusal, err
	}
	return refusal, manifest.Failure("prune", "", err)
}

// batchKey names a batch among those of all tables.
type batchKey struct {
	table *schema.Table
	id    string
}

// pruner is the state of one Run.
type pruner struct {
	Config

	named      map[string]*schema.Table // by path: the table of the entry
	superseded map[string]batchKey      // by path
	exported   map[batchKey]bool
	stay       map[*schema.Table]int // files that are there and that an entry names
	unreadable UnreadableError
}

func (p *pruner) manifest(table *schema.Table) manifest.Manifest {
	return manifest.Manifest{Store: p.Store, Table: table, ToolVersion: p.ToolVersion, Now: p.Now, Log: p.Log}
}

func (p *pruner) prune(ctx context.Context, report func(Unnamed)) (refusal *pipeline.Error, err error) {
	if err := manifest.CheckNotCompacted(ctx, p.Store, "prune"); err != nil {
		return nil, err
	}
	if err := p.readManifest(ctx); err != nil {
		return nil, err
	}
	found, err := p.find(ctx)
	if err != nil {
		return nil, err
	}
	if refusal, err = p.refusal(ctx, found); err != nil {
		return nil, err
	}
	remove := p.Delete && refusal == nil && p.unreadable.Entries == nil
	for _, u := range found[batchKey{}] {
		report(u)
	}
	delete(found, batchKey{})
	batches := slices.SortedFunc(maps.Keys(found), func(a, b batchKey) int {
		return cmp.Or(cmp.Compare(a.table.Name, b.table.Name), cmp.Compare(a.id, b.id))
	})
	for _, batch := range batches {
		files, err := p.settle(ctx, batch, found[batch], remove)
		for _, u := range files {
			report(u)
		}
		if err != nil {
			return refusal, err
		}
	}
	if p.unreadable.Entries != nil {
		return refusal, &p.unreadable
	}
	return refusal, nil
}

// readManifest learns which files the entries name.
func (p *pruner) readManifest(ctx context.Context) error {
	for k, err := range manifest.Entries(ctx, p.Store, p.Tables) {
		if err != nil {
			return err
		}
		if unreadable := (*manifest.EntryError)(nil); errors.As(k.Err, &unreadable) {
			p.unreadable.Entries = append(p.unreadable.Entries, unreadable)
		}
		for _, path := range k.Entry.Named() {
			p.named[path] = k.Table
		}
		if k.Entry != nil && k.Entry.State == manifest.StateExported {
			p.exported[batchKey{k.Table, k.BatchID}] = true
		}
		for _, path := range k.Entry.ToDelete() {
			p.superseded[path] = batchKey{k.Table, k.BatchID}
		}
	}
	return nil
}

// find returns the files that no entry names, by batch. A Foreign file has none.
func (p *pruner) find(ctx context.Context) (map[batchKey][]Unnamed, error) {
	found := make(map[batchKey][]Unnamed)
	add := func(u Unnamed) {
		key := batchKey{u.table, u.BatchID}
		found[key] = append(found[key], u)
	}
	for _, prefix := range p.Layout.Prefixes(p.Tables) {
		for info, err := range p.Store.List(ctx, prefix) {
			if err != nil {
				return nil, fmt.Errorf("list files: %w", err)
			}
			_, superseded := p.superseded[info.Name]
			isOwn := strings.HasPrefix(info.Name, "_") && !strings.HasPrefix(prefix, "_") // manifest, locks
			if table := p.named[info.Name]; table != nil {
				p.stay[table]++
				p.named[info.Name] = nil // counted
				continue
			}
			if _, named := p.named[info.Name]; named || superseded || isOwn {
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
	}
	// Wherever an earlier layout has put them.
	for path, batch := range p.superseded {
		if _, named := p.named[path]; named {
			continue // by another batch
		}
		data, info, err := p.Store.Get(ctx, path)
		if errors.Is(err, sinks.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("read superseded %s: %w", path, err)
		}
		switch manifest.WhoseFile(batch.table, batch.id, path, data, manifest.MaxAnswer) {
		case manifest.Anothers, manifest.Nobodys: // put there since, or damaged
			add(Unnamed{Path: path, Bytes: info.Size, Reason: Foreign})
		case manifest.Anyones, manifest.Ours:
			reason := p.reasonOf(batch, path, Superseded)
			add(Unnamed{Path: path, Bytes: info.Size, Reason: reason, BatchID: batch.id, table: batch.table, version: info.Version})
		}
	}
	return found, nil
}

// settle looks again which of the batch's files its entry does not name, and deletes
// them if it is to. It returns the files that it has settled, also when there is an
// error. Before a file is deleted the entry says so: a run that was about to name the
// file finds the entry changed, and puts the file again.
func (p *pruner) settle(ctx context.Context, batch batchKey, found []Unnamed, remove bool) (settled []Unnamed, err error) {
	m := p.manifest(batch.table)
	err = m.Retry(ctx, batch.id, func(int) (err error) {
		settled, err = p.settleOnce(ctx, m, batch.id, found, remove)
		return err
	})
	return settled, err
}

func (p *pruner) settleOnce(ctx context.Context, m manifest.Manifest, id string, found []Unnamed, remove bool) ([]Unnamed, error) {
	old, cond, err := m.Read(ctx, id)
	if err != nil {
		if unreadable := (*manifest.EntryError)(nil); errors.As(err, &unreadable) {
			return found, nil // told already; or of another version since, and left alone
		}
		return nil, err
	}
	named := old.Named()
	found = slices.DeleteFunc(slices.Clone(found), func(u Unnamed) bool { return slices.Contains(named, u.Path) })
	if old == nil || old.State != manifest.StateExported { // any more
		for i, u := range found {
			if _, isRaw := manifest.ParseRaw(m.Table, u.Path); isRaw {
				found[i].Reason = OnlyCopy
			}
		}
	}
	if !slices.ContainsFunc(found, func(u Unnamed) bool { return u.Reason.mayGo() }) {
		return found, nil
	}
	if whole, err := p.isWhole(ctx, old); err != nil {
		return nil, err
	} else if !whole {
		for i, u := range found {
			if u.Reason.mayGo() {
				found[i].Reason = OnlyCopy
			}
		}
		return found, nil
	}
	if !remove {
		return found, nil
	}
	note := m.Next(old, id)
	note.Superseded = slices.Clone(note.Superseded)
	for _, u := range found {
		if u.Reason.mayGo() && !slices.Contains(note.Superseded, u.Path) {
			note.Superseded = append(note.Superseded, u.Path)
		}
	}
	if cond, err = m.Put(ctx, note, cond); err != nil {
		return nil, err
	}
	for i, u := range found {
		if !u.Reason.mayGo() {
			continue
		}
		err := p.Store.Delete(ctx, u.Path, sinks.IfVersion(u.version))
		_, changed := sinks.Conflict(err)
		switch {
		case err == nil, errors.Is(err, sinks.ErrNotExist):
			found[i].Deleted = true
		case !changed:
			return found[:i], fmt.Errorf("delete %s: %w", u.Path, err)
		}
	}
	clean := m.Next(note, id)
	clean.Superseded = slices.DeleteFunc(old.ToDelete(), func(path string) bool {
		return slices.ContainsFunc(found, func(u Unnamed) bool { return u.Path == path && u.Deleted })
	})
	_, err = m.Put(ctx, clean, cond)
	if _, lost := sinks.Conflict(err); lost {
		err = nil // a run that saw the note has taken it over
	}
	return found, err
}

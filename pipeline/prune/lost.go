package prune

import (
	"context"
	"errors"
	"fmt"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// A manifest that was lost makes an orphan of every file. It may be that of one table,
// and entries may have come back since, by enqueue or by a first export. So what is
// there and what the entries say is compared for each table.

// refusal returns why nothing is deleted of what was found, nil when all of it may go.
func (p *pruner) refusal(ctx context.Context, found map[batchKey][]Unnamed) (*pipeline.Error, error) {
	all, orphans, gone := 0, make(map[*schema.Table]int), make(map[*schema.Table]int)
	for _, files := range found {
		for _, u := range files {
			if !u.Reason.mayGo() {
				continue
			}
			all++
			gone[u.table]++
			if u.Reason == Orphan {
				orphans[u.table]++
			}
		}
	}
	if p.AtMost > 0 {
		if all > p.AtMost {
			return refuse(fmt.Errorf("%s would be deleted, more than --at-most %d", files(all), p.AtMost),
				fmt.Sprintf("check the list that prune prints without --delete; --at-most %d deletes them all", all)), nil
		}
		return nil, nil
	}
	for _, table := range p.Tables {
		if err := p.countElsewhere(ctx, table, gone[table]); err != nil {
			return nil, err
		}
		switch stay := p.stay[table]; {
		case orphans[table] > 0 && stay == 0:
			return refuse(fmt.Errorf("table %s has %s that no entry names, and no file that an entry names", table.Name, files(orphans[table])),
				fmt.Sprintf("if the manifest was lost, run enrow-export adopt to create its entries again; if not, --at-most %d deletes the files", all)), nil
		case gone[table] > stay:
			return refuse(fmt.Errorf("more files of table %s would be deleted (%d) than kept (%d)", table.Name, gone[table], stay),
				fmt.Sprintf("if part of the manifest was lost, run enrow-export adopt to create its entries again; if not, --at-most %d deletes the files", all)), nil
		}
	}
	return nil, nil
}

func refuse(why error, hint string) *pipeline.Error {
	return &pipeline.Error{Op: "prune", Class: pipeline.Fatal, Err: fmt.Errorf("nothing is deleted: %w", why), Hint: hint}
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// countElsewhere counts, among the files of the table that stay, those that lie where
// this layout has none, up to the number that matters.
func (p *pruner) countElsewhere(ctx context.Context, table *schema.Table, enough int) error {
	for path, of := range p.named {
		if p.stay[table] >= enough {
			return nil
		}
		if of != table { // or nil: counted before
			continue
		}
		switch _, err := p.Store.Stat(ctx, path); {
		case err == nil:
			p.stay[table]++
			p.named[path] = nil
		case !errors.Is(err, sinks.ErrNotExist):
			return fmt.Errorf("check %s: %w", path, err)
		}
	}
	return nil
}

// reasonOf returns the reason of a file of the batch that no entry names. It is reason,
// unless the file must be kept.
func (p *pruner) reasonOf(batch batchKey, path string, reason Reason) Reason {
	if _, isAnswer := manifest.ParseRaw(batch.table, path); isAnswer && !p.exported[batch] {
		return OnlyCopy
	}
	return reason
}

// isWhole reports whether all files that the entry of an exported batch names are there, with
// their bytes. Where one is missing or damaged, because the entry was restored, say, or the
// file was moved, a file that the entry does not name may be the only one with these rows.
func (p *pruner) isWhole(ctx context.Context, e *manifest.Entry) (bool, error) {
	if e == nil || e.State != manifest.StateExported {
		return true, nil
	}
	for _, f := range e.Published() {
		switch info, err := p.Store.Stat(ctx, f.Path); {
		case errors.Is(err, sinks.ErrNotExist), err == nil && !f.IsObject(info):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("check %s: %w", f.Path, err)
		}
	}
	return true, nil
}

package compact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// packWriter adds packed files of one table to the log, one after the other.
type packWriter struct {
	*compactor
	log    packLog
	number int             // of the last record
	told   map[string]bool // batches that were reported
}

// refuse reports a batch that is not packed.
func (w *packWriter) refuse(id string, why error, hint string) {
	if w.told[id] {
		return
	}
	w.told[id] = true
	w.summary.Failed++
	if hint == "" {
		switch {
		case errors.Is(why, errUnderWay), errors.Is(why, errOtherColumns):
			hint = "run compact again when that is over"
		case errors.Is(why, errNoParquet):
			hint = "export --format parquet adds one"
		default:
			hint = "verify says more; export --force writes its files again"
		}
	}
	w.report(Packed{Table: w.log.table, BatchID: id, Err: &pipeline.Error{
		Op: "pack", Batch: id, Class: pipeline.Permanent, Err: why, Hint: hint,
	}})
}

// packAll packs batches with the same columns, in their order.
func (w *packWriter) packAll(ctx context.Context, candidates []candidate) error {
	var p *packing
	defer func() {
		if p != nil {
			p.close()
		}
	}()
	inputs, served := w.inputs(ctx, w.log.table, candidates)
	for in, err := range inputs {
		if err != nil {
			return err
		}
		if p, err = w.pack(p, in); err != nil {
			return err
		}
		served(in)
		if p == nil || !p.isComplete() {
			continue
		}
		err = w.publish(ctx, p, nil)
		p.close()
		p = nil
		if err != nil {
			return err
		}
	}
	if p == nil || len(p.entries) == 0 {
		return nil
	}
	return w.publish(ctx, p, nil)
}

// pack adds a batch to the file, and begins one if there is none.
func (w *packWriter) pack(p *packing, in *packInput) (*packing, error) {
	if in.failure != nil {
		w.refuse(in.id, in.failure, "")
		return p, nil //nolint:nilerr // it is of this batch alone
	}
	if p == nil {
		columns, unknown := in.entry.Schema.Select(w.log.table)
		if unknown != nil {
			w.refuse(in.id, unknown, "")
			return nil, nil
		}
		var err error
		if p, err = w.begin(columns, w.Encoding); err != nil {
			return nil, err
		}
	}
	refused, err := p.add(in)
	if refused != nil {
		w.refuse(in.id, refused, "")
	}
	return p, err
}

// publish ends a file, records what is to be done with it, and does it. replaced
// is the file whose place it takes, nil for none.
func (w *packWriter) publish(ctx context.Context, p *packing, replaced *manifest.File) error {
	path := w.log.path(w.number + 1)
	if replaced != nil {
		path = replaced.Path
	}
	r, err := p.finish(path)
	if err != nil {
		return err
	}
	r.Number = w.number + 1
	if replaced != nil {
		r.Replaces = replaced.SHA256
	}
	cond, err := w.log.write(ctx, r, sinks.IfAbsent())
	if err != nil {
		return err
	}
	w.number++
	if err := w.carryOut(ctx, w.log, r, cond, p.spool); err != nil {
		return err
	}
	w.summary.Files++
	w.summary.Batches += len(r.Entries)
	w.summary.Rows += r.File.Rows
	w.summary.Bytes += r.File.Bytes
	w.summary.From += p.from
	w.report(Packed{
		Table: w.log.table, Path: path, Batches: len(r.Entries), Rows: r.File.Rows, Bytes: r.File.Bytes,
		From: p.from, Rewritten: replaced != nil,
	})
	return nil
}

// rewriteChanged writes the files again that have batches which have changed, or
// reports those.
func (w *packWriter) rewriteChanged(ctx context.Context, plan packPlan) error {
	if !w.Force {
		for _, cand := range plan.changed {
			w.refuse(cand.id, errExportedAgain, "its packed rows are those of before: compact --force writes them again")
		}
		return nil
	}
	if len(plan.changed) == 0 {
		return nil
	}
	files, err := w.filesOf(ctx, plan.changed)
	if err != nil {
		return err
	}
	for _, entries := range files {
		if err := w.rewrite(ctx, entries, plan.changed); err != nil {
			return err
		}
	}
	return nil
}

// filesOf returns the entries of each file that has some of the batches, in the
// order of the files and of the rows in them.
func (w *packWriter) filesOf(ctx context.Context, batches []candidate) ([][]*manifest.Entry, error) {
	tables, paths := []*schema.Table{w.log.table}, make(map[string]bool)
	for k, err := range manifest.SummariesOf(ctx, w.Into, tables, idsOf(batches)) {
		if err != nil {
			return nil, err
		}
		if k.Entry != nil {
			paths[k.Entry.Files[manifest.PackFormat].Path] = true
		}
	}
	var ids []string
	for k, err := range manifest.Summaries(ctx, w.Into, tables) {
		if err != nil {
			return nil, err
		}
		if k.Entry != nil && paths[k.Entry.Files[manifest.PackFormat].Path] {
			ids = append(ids, k.BatchID)
		}
	}
	byPath := make(map[string][]*manifest.Entry)
	for k, err := range manifest.EntriesOf(ctx, w.Into, tables, ids) {
		if err != nil {
			return nil, err
		}
		if k.Entry != nil {
			path := k.Entry.Files[manifest.PackFormat].Path
			byPath[path] = append(byPath[path], k.Entry)
		}
	}
	var all [][]*manifest.Entry
	for _, entries := range byPath {
		slices.SortStableFunc(entries, func(a, b *manifest.Entry) int {
			return cmp.Compare(a.Files[manifest.PackFormat].FirstRow, b.Files[manifest.PackFormat].FirstRow)
		})
		all = append(all, entries)
	}
	slices.SortFunc(all, func(a, b []*manifest.Entry) int {
		return cmp.Compare(a[0].Files[manifest.PackFormat].Path, b[0].Files[manifest.PackFormat].Path)
	})
	return all, nil
}

func rowsOf(entries []*manifest.Entry) (rows int64) {
	for _, e := range entries {
		rows += *e.Rows
	}
	return rows
}

func idsOf(batches []candidate) []string {
	ids := make([]string, len(batches))
	for i, b := range batches {
		ids[i] = b.id
	}
	return ids
}

// rewrite writes one pack again. entries are all its batches. Only changed ones may have
// new rows.
func (w *packWriter) rewrite(ctx context.Context, entries []*manifest.Entry, changed []candidate) error {
	mayDiffer := make(map[string]bool)
	for _, cand := range changed {
		mayDiffer[cand.id] = true
	}
	candidates := make([]candidate, len(entries))
	for i, e := range entries {
		f := e.Files[manifest.PackFormat]
		candidates[i] = candidate{id: e.BatchID, bytes: f.Bytes/int64(len(entries)) + 1}
		if !mayDiffer[e.BatchID] {
			candidates[i].mustEqual = e
		}
	}
	old := entries[0].Files[manifest.PackFormat]
	if rows := rowsOf(entries); rows != old.FileRows {
		if last, _, err := w.log.last(ctx); err != nil || last == nil || last.Number != w.number {
			return errors.Join(err, &sinks.ConflictError{Name: w.log.name(w.number + 1)}) // it is being written again
		}
		return fatal(fmt.Errorf("%s has %d rows, and the manifest has entries for %d of them: an entry was lost, or cannot be read", old.Path, old.FileRows, rows))
	}
	enc, err := sinks.NewEncoding(manifest.PackFormat, old.Compression)
	if err != nil {
		return err
	}
	p, err := w.makeExactly(ctx, w.log.table, enc, candidates)
	switch {
	case ctx.Err() != nil || errors.Is(err, sinks.ErrUnreachable):
		return err
	case err != nil:
		for _, e := range entries {
			if mayDiffer[e.BatchID] {
				w.refuse(e.BatchID, fmt.Errorf("%w, and %s cannot be written again: %w", errExportedAgain, old.Path, err),
					"a file is written again whole: bring back what is missing, or compact into a new root")
			}
		}
		return nil
	}
	defer p.close()
	return w.publish(ctx, p, &old)
}

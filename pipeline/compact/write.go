package compact

import (
	"context"
	"errors"
	"fmt"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// packWriter adds packs of one table, one after the other.
type packWriter struct {
	*compactor
	log    packLog
	number int             // of the last pack
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
		case errors.Is(why, errUnderWay), errors.Is(why, errOtherColumns): // it was exported again meanwhile
			hint = "run compact again when the export is finished"
		case errors.Is(why, errNoParquet):
			hint = "run export --format parquet to add one"
		default:
			hint = "run verify for details; export --force writes the files again"
		}
	}
	w.report(Packed{Table: w.log.table, BatchID: id, Err: &pipeline.Error{
		Op: "pack", Batch: id, Class: pipeline.Transient, Err: why, Hint: hint,
	}})
}

// packAll packs batches whose columns have that fingerprint, in their order.
func (w *packWriter) packAll(ctx context.Context, fingerprint string, candidates []candidate) error {
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
		if p, err = w.pack(p, fingerprint, in); err != nil {
			return err
		}
		served(in)
		if p == nil || !p.isComplete() {
			continue
		}
		err = w.publish(ctx, p)
		p.close()
		p = nil
		if err != nil {
			return err
		}
	}
	if p == nil || len(p.entries) == 0 {
		return nil
	}
	return w.publish(ctx, p)
}

// pack adds a batch to the file, and begins one if there is none.
func (w *packWriter) pack(p *packing, fingerprint string, in *packInput) (*packing, error) {
	if in.failure == nil && in.entry.Schema.Fingerprint != fingerprint {
		in.failure = errOtherColumns
	}
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

// publish ends a pack and makes it visible: first the record with its entries, then the
// pack, then the entries. To put the pack settles everything: of two compactions that
// pack batches at the same time, one puts the next pack, and the other looks again. A
// lost race is a *sinks.ConflictError.
func (w *packWriter) publish(ctx context.Context, p *packing) error {
	number := w.number + 1
	r, err := p.finish(number)
	if err != nil {
		return err
	}
	data, err := p.spool.bytes()
	if err != nil {
		return err
	}
	if err := w.log.write(ctx, r); err != nil {
		return err
	}
	if _, err := sinks.Put(ctx, w.Into, r.File.Path, data, sinks.IfAbsent()); err != nil {
		return fmt.Errorf("write %s: %w", r.File.Path, err)
	}
	w.number = number
	if err := w.writeEntries(ctx, w.log, r); err != nil {
		return err
	}
	w.summary.Files++
	w.summary.Batches += len(r.Entries)
	w.summary.Rows += r.File.Rows
	w.summary.Bytes += r.File.Bytes
	w.summary.From += p.from
	w.report(Packed{
		Table: w.log.table, Path: r.File.Path, Batches: len(r.Entries), Rows: r.File.Rows, Bytes: r.File.Bytes, From: p.from,
	})
	return nil
}

package sinks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/schema"
)

// A row group of a packed file ends with the batch that takes it to so many rows,
// which is what scanning engines hand to one thread, or to so many bytes in
// memory.
const (
	packGroupRows  = 120 << 10
	packGroupBytes = 48 << 20
)

// joinAt is how many records of single batches are held at most.
const joinAt = 64

// Packer writes the rows of many batches into one Parquet file, batch after
// batch, in row groups of many batches each. A batch is never divided between row
// groups. The same records give the same bytes.
//
// What was written is good for nothing until Finish has returned nil. Whoever
// makes a Packer calls Release in the end.
type Packer struct {
	out     *latch
	file    *parquetFile
	mem     memory.Allocator
	pending []arrow.Record // of the row group to come
	single  int            // of those, the last ones that are of one batch each
	rows    int64          // in pending
	bytes   int64          // that pending takes
	total   int64          // rows appended
}

// NewPacker begins a Parquet file with the columns of the table, compressed as
// enc says. It never closes w.
func NewPacker(w io.Writer, enc Encoding, table *schema.Table, mem memory.Allocator) (*Packer, error) {
	if enc.Format != parquetFormat {
		return nil, fmt.Errorf("%s files cannot be packed", enc.Format.Name)
	}
	p := &Packer{out: &latch{w: w}, mem: mem}
	var err error
	p.file, err = beginParquet(p.out, enc, table, table.ArrowOfMany().Metadata())
	return p, err
}

// Append adds the rows of one batch. It retains rec, whose columns are those of
// the table.
func (p *Packer) Append(rec arrow.Record) error {
	if !equalFields(rec.Schema(), p.file.table.ArrowOfMany()) {
		return fmt.Errorf("record does not have the columns of table %s", p.file.table.Name)
	}
	if rec.NumRows() == 0 {
		return nil
	}
	rec.Retain()
	p.pending = append(p.pending, rec)
	p.rows += rec.NumRows()
	p.total += rec.NumRows()
	for _, c := range columnsOf(rec) {
		p.bytes += int64(8*len(c.ints) + 4*len(c.offsets) + len(c.allText()))
	}
	if p.rows >= packGroupRows || p.bytes >= packGroupBytes {
		return p.flush()
	}
	if p.single++; p.single == joinAt {
		return p.join()
	}
	return nil
}

// join makes one record of those of single batches: a short one takes many times
// the memory of its rows.
func (p *Packer) join() error {
	from := len(p.pending) - p.single
	joined, err := p.concatenate(p.pending[from:])
	if err != nil {
		return err
	}
	for _, rec := range p.pending[from:] {
		rec.Release()
	}
	p.pending, p.single = append(p.pending[:from], joined), 0
	return nil
}

// concatenate returns the rows of all records as one, which the caller releases.
func (p *Packer) concatenate(records []arrow.Record) (arrow.Record, error) {
	columns := make([]arrow.Array, 0, len(p.file.table.Columns))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	var rows int64
	for _, rec := range records {
		rows += rec.NumRows()
	}
	for i, c := range p.file.table.Columns {
		parts := make([]arrow.Array, len(records))
		for j, rec := range records {
			parts[j] = rec.Column(i)
		}
		column, err := array.Concatenate(parts, p.mem)
		if err != nil {
			return nil, fmt.Errorf("join column %s: %w", c.Name, err)
		}
		columns = append(columns, column)
	}
	return array.NewRecord(p.file.table.ArrowOfMany(), columns, rows), nil
}

// Rows returns how many rows were appended.
func (p *Packer) Rows() int64 { return p.total }

// Size returns how many bytes were written, which is all that was appended but
// for the row group that is not complete yet.
func (p *Packer) Size() int64 { return p.out.Tell() }

// flush writes what is pending as a row group.
func (p *Packer) flush() error {
	if len(p.pending) == 0 {
		return nil
	}
	group, err := p.concatenate(p.pending)
	if err != nil {
		return err
	}
	defer group.Release()
	p.Release()
	return errors.Join(p.file.writeRowGroup(group), p.out.err)
}

// Finish writes what is left, and the footer. The footer tells the batches that the file
// has, those without rows too, so that files of other batches are other bytes.
func (p *Packer) Finish(batches []string) error {
	if err := p.flush(); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.Join(batches, "\n")))
	if err := p.file.meta.AppendKeyValueMetadata(schema.MetaBatches, hex.EncodeToString(sum[:])); err != nil {
		return fmt.Errorf("add metadata: %w", err)
	}
	return errors.Join(p.file.end(), p.out.err)
}

// Release lets go of what was appended and is not written.
func (p *Packer) Release() {
	for _, rec := range p.pending {
		rec.Release()
	}
	p.pending, p.single, p.rows, p.bytes = nil, 0, 0, 0
}

// equalFields reports whether two schemas have the same columns, whatever else
// they say.
func equalFields(a, b *arrow.Schema) bool {
	if a.NumFields() != b.NumFields() {
		return false
	}
	for i, f := range a.Fields() {
		if g := b.Field(i); f.Name != g.Name || !arrow.TypeEqual(f.Type, g.Type) {
			return false
		}
	}
	return true
}

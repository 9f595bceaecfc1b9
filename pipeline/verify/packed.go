package verify

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// packedFile is a pack whose digests were compared. It is read once for all its
// batches, one row group at a time.
type packedFile struct {
	file     manifest.File // without the fields that differ from batch to batch
	problems []string
	reader   *sinks.PackInspector // nil when it is not to be read

	rows arrow.Record // of the row group that was read last, nil for none
	from int64        // the row of the file that is its first
}

// comparePacked returns what is wrong with a batch in a packed file, or with the
// file.
func (v *Verifier) comparePacked(ctx context.Context, table *schema.Table, e *manifest.Entry, f manifest.File) ([]string, error) {
	whole := f
	whole.Rows, whole.FirstRow, whole.PackedFrom = f.FileRows, 0, ""
	if v.pack == nil || v.pack.file != whole {
		v.Close()
		p, err := v.openPacked(ctx, whole)
		if err != nil {
			return nil, err
		}
		v.pack = p
	}
	if v.pack.reader == nil {
		return v.pack.problems, nil
	}
	return append(v.pack.compare(table, e, f), v.pack.problems...), nil
}

func (v *Verifier) openPacked(ctx context.Context, f manifest.File) (*packedFile, error) {
	p := &packedFile{file: f}
	if v.depth == Size {
		fault, err := v.sizes.Fault(ctx, f)
		if fault != "" {
			p.problems = []string{fault}
		}
		return p, err
	}
	data, there, err := v.read(ctx, f)
	if !there {
		p.problems = []string{"is missing"}
		return p, err
	}
	var damaged bool
	if p.problems, damaged = f.Compare(data); damaged || v.depth != Full {
		return p, nil
	}
	enc, err := f.Encoding(manifest.PackFormat)
	if err != nil {
		p.problems = append(p.problems, err.Error())
		return p, nil
	}
	if p.reader, err = sinks.NewPackInspector(data, enc); err != nil {
		p.problems = append(p.problems, "cannot be read back: "+err.Error())
	} else if p.reader.Rows() != f.Rows {
		p.problems = append(p.problems, fmt.Sprintf("has %d rows, but the manifest records %d", p.reader.Rows(), f.Rows))
	}
	return p, nil
}

// Close lets go of what was read last.
func (v *Verifier) Close() {
	if v.pack != nil {
		v.pack.release()
		v.pack = nil
	}
}

// compare reads the rows of one batch.
func (p *packedFile) compare(table *schema.Table, e *manifest.Entry, f manifest.File) []string {
	if f.Rows != *e.Rows {
		return []string{fmt.Sprintf("has %d rows of the batch, but the manifest records %d", f.Rows, *e.Rows)}
	}
	columns, err := e.Schema.Select(table)
	if err != nil {
		return nil // of a version whose columns are not known here
	}
	rows, err := p.find(columns, f.FirstRow, f.FirstRow+f.Rows)
	if err != nil {
		return []string{"cannot be read back: " + err.Error()}
	}
	defer rows.Release()
	if e.ContentSHA256 != "" && sinks.ContentSHA256(rows) != e.ContentSHA256 {
		return []string{fmt.Sprintf("has other rows from row %d on than the manifest records: the content_sha256 differs", f.FirstRow)}
	}
	return nil
}

// find returns rows from first to end, which no row group divides. The caller
// releases them.
func (p *packedFile) find(table *schema.Table, first, end int64) (arrow.Record, error) {
	if first == end {
		return table.Empty(memory.DefaultAllocator), nil
	}
	if p.rows == nil || first < p.from || end > p.from+p.rows.NumRows() {
		p.release()
		group, from := 0, int64(0)
		for group < p.reader.RowGroups() && from+p.reader.GroupRows(group) <= first {
			from += p.reader.GroupRows(group)
			group++
		}
		if group == p.reader.RowGroups() || end > from+p.reader.GroupRows(group) {
			return nil, fmt.Errorf("rows %d to %d are in no row group", first, end)
		}
		rows, err := p.reader.ReadGroup(group, table)
		if err != nil {
			return nil, err
		}
		p.rows, p.from = rows, from
	}
	return p.rows.NewSlice(first-p.from, end-p.from), nil
}

// release lets go of the rows that were read last.
func (p *packedFile) release() {
	if p.rows != nil {
		p.rows.Release()
		p.rows = nil
	}
}

package compact

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"golang.org/x/sync/semaphore"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// candidate is a batch that is to be packed.
type candidate struct {
	id    string
	bytes int64 // of its file
}

// sameRows reports whether two entries are of the same rows, whatever the files
// are like that have them.
func sameRows(a, b *manifest.Entry) bool {
	if a.Schema.Fingerprint != b.Schema.Fingerprint {
		return false
	}
	if a.ContentSHA256 == "" || b.ContentSHA256 == "" {
		return *a.Source == *b.Source
	}
	return a.ContentSHA256 == b.ContentSHA256
}

// packInput is the entry and the file of a candidate, or the reason why it cannot be
// packed.
type packInput struct {
	id      string
	entry   *manifest.Entry
	file    manifest.File
	data    []byte
	failure error
	weight  int64
}

// inFlight is how many bytes of files may be read before they are needed.
const inFlight = 16 << 20

// inputs yields what the source has of the candidates, in their order. Some are
// read ahead, as many as fit; done is called with each that has served.
func (c *compactor) inputs(ctx context.Context, table *schema.Table, candidates []candidate) (all iter.Seq2[*packInput, error], done func(*packInput)) {
	room := semaphore.NewWeighted(inFlight)
	done = func(in *packInput) { room.Release(in.weight) }
	jobs := func(ctx context.Context, yield func(candidate) bool) {
		for _, cand := range candidates {
			if room.Acquire(ctx, min(cand.bytes, inFlight)) != nil || !yield(cand) {
				return
			}
		}
	}
	return sinks.InOrder(ctx, c.From.Traits().Operations, jobs, func(ctx context.Context, cand candidate) (*packInput, error) {
		in, err := c.input(ctx, table, cand)
		in.weight = min(cand.bytes, inFlight)
		return in, err
	}), done
}

// input reads one candidate. A run may export it again meanwhile: then the entry
// read next is another.
func (c *compactor) input(ctx context.Context, table *schema.Table, cand candidate) (*packInput, error) {
	in := &packInput{id: cand.id}
	before := ""
	for {
		entry, _, err := manifest.Manifest{Store: c.From, Table: table}.Read(ctx, cand.id)
		var unusable *manifest.EntryError
		switch {
		case errors.As(err, &unusable):
			in.failure = unusable
			return in, nil
		case err != nil:
			return in, err
		case entry == nil:
			in.failure = errGone
			return in, nil
		case entry.State != manifest.StateExported || len(entry.Replacing) > 0:
			in.failure = errUnderWay
			return in, nil
		}
		file, ok := entry.Files[manifest.PackFormat]
		switch {
		case !ok:
			in.failure = errNoParquet
		case file.Shared():
			in.failure = errors.New("its file is packed already")
		}
		if in.failure != nil {
			return in, nil //nolint:nilerr // it is of this batch alone
		}
		data, _, err := c.From.Get(ctx, file.Path)
		fault := "is missing"
		switch {
		case errors.Is(err, sinks.ErrNotExist):
		case err != nil:
			return in, fmt.Errorf("read %s: %w", file.Path, err)
		default:
			problems, _ := file.Compare(data)
			if problems == nil {
				in.entry, in.file, in.data = entry, file, data
				return in, nil
			}
			fault = problems[0]
		}
		if file.SHA256 == before { // it is not that it was exported again
			in.failure = fmt.Errorf("%s %s", file.Path, fault)
			return in, nil
		}
		before = file.SHA256
	}
}

// Why a batch cannot be packed.
var (
	errGone          = errors.New("is no longer in the manifest")
	errUnderWay      = errors.New("is being exported again now")
	errNoParquet     = errors.New("has no parquet file")
	errExportedAgain = errors.New("was exported again with other rows")
	errOtherColumns  = errors.New("has other columns than before")
)

// rows decodes the file of an input, of which the digest is right, and checks that
// its rows are those that the manifest says. The caller releases the record.
func (in *packInput) rows(table *schema.Table, c *compactor) (arrow.Record, error) {
	if in.entry.Schema.Fingerprint != table.Fingerprint() {
		return nil, errOtherColumns
	}
	r, err := sinks.NewParquetReader(in.data, c.Mem)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.file.Path, err)
	}
	rec, err := r.ReadAll(table)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.file.Path, err)
	}
	switch {
	case rec.NumRows() != *in.entry.Rows:
		err = fmt.Errorf("%s has %d rows, but the manifest records %d", in.file.Path, rec.NumRows(), *in.entry.Rows)
	case in.entry.ContentSHA256 != "" && sinks.ContentSHA256(rec) != in.entry.ContentSHA256:
		err = fmt.Errorf("%s has other rows than the manifest records: the content_sha256 differs", in.file.Path)
	}
	if err != nil {
		rec.Release()
		return nil, err
	}
	return rec, nil
}

// packing is a packed file that is being made.
type packing struct {
	*compactor
	table   *schema.Table
	enc     sinks.Encoding
	spool   *spool
	packer  *sinks.Packer
	entries []*manifest.Entry // as the manifest is to have them, but for what is known in the end
	words   int64             // bytes that the entries take
	from    int64             // bytes of the files that were packed
	written int64             // bytes of the packed file when it was looked at last
	pending int64             // bytes of the files that were packed since it grew
}

// begin begins a packed file. The caller closes it.
func (c *compactor) begin(table *schema.Table, enc sinks.Encoding) (*packing, error) {
	s, err := newSpool()
	if err != nil {
		return nil, err
	}
	packer, err := sinks.NewPacker(s, enc, table, c.Mem)
	if err != nil {
		s.close()
		return nil, err
	}
	return &packing{compactor: c, table: table, enc: enc, spool: s, packer: packer}, nil
}

func (p *packing) close() {
	p.packer.Release()
	p.spool.close()
}

// add adds the rows of a batch, and says in words what stands against it.
func (p *packing) add(in *packInput) (refused, err error) {
	rec, err := in.rows(p.table, p.compactor)
	if err != nil {
		return err, nil
	}
	defer rec.Release()
	first := p.packer.Rows()
	if err := p.packer.Append(rec); err != nil {
		return nil, fmt.Errorf("pack %s: %w", in.file.Path, err)
	}
	e := *in.entry
	e.Files = map[string]manifest.File{manifest.PackFormat: {
		Rows: *e.Rows, Compression: p.enc.Compression, PackedFrom: in.file.SHA256, FirstRow: first,
	}}
	e.Raw, e.Superseded, e.Error = nil, nil, ""
	e.ToolVersion = p.ToolVersion
	p.entries = append(p.entries, &e)
	p.words += entryBytes + int64(len(e.Batch))
	p.from += in.file.Bytes
	p.pending += in.file.Bytes
	if size := p.packer.Size(); size > p.written {
		p.written, p.pending = size, 0
	}
	return nil, nil
}

// maxWords is how many bytes the entries of one packed file take at most: all of
// them are in memory, and in the record. entryBytes is about what one takes but for
// the vendor's words.
const (
	maxWords   = 16 << 20
	entryBytes = 1 << 10
)

// isComplete reports whether the file has the size that it is to have.
func (p *packing) isComplete() bool {
	return len(p.entries) > 0 && (p.written+p.pending >= p.TargetSize || p.words >= maxWords)
}

// finish ends the pack, which is to have that number, and returns its record.
func (p *packing) finish(number int) (*packRecord, error) {
	ids := make([]string, len(p.entries))
	for i, e := range p.entries {
		ids[i] = e.BatchID
	}
	if err := p.packer.Finish(ids); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	path := manifest.PackPath(p.table, number)
	r := &packRecord{Version: packVersion, Number: number, Table: p.table.Name, Entries: p.entries}
	r.File = p.spool.describe(manifest.File{Path: path, Rows: p.packer.Rows(), Compression: p.enc.Compression})
	for _, e := range p.entries {
		f := e.Files[manifest.PackFormat]
		f.Path, f.Bytes, f.SHA256, f.CRC32C, f.FileRows = path, r.File.Bytes, r.File.SHA256, r.File.CRC32C, r.File.Rows
		e.Files[manifest.PackFormat] = f
	}
	return r, nil
}

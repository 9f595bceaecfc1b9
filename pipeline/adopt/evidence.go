package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// evidence is what the files of a batch say of it.
type evidence struct {
	table *schema.Table
	id    string
	left  []LeftFile
	none  bool // nothing was recognised as the batch's

	// Of the copy of the answer; raw is nil without a usable one.
	raw      *manifest.File
	source   manifest.SourceRef
	envelope []byte
	review   answer.Review
	rows     int64

	out     *schema.Table // with the columns of the files
	content string        // digest of the rows with these columns
	files   map[string]manifest.File
}

// laterFirst orders paths by generation: a later file has replaced an earlier one.
func laterFirst(a, b string) int {
	_, x := manifest.Generation(a)
	_, y := manifest.Generation(b)
	return y - x
}

// parse is that of the layout, for paths of any generation.
func (a *adopter) parse(table *schema.Table, path string) (batchID string, encodings []sinks.Encoding) {
	base, _ := manifest.Generation(path)
	return a.Layout.Parse(table, base)
}

func (v *evidence) leave(path, problem string, differs bool) {
	v.left = append(v.left, LeftFile{path, problem, differs})
}

// read looks at the files of the batch. The error is the store's, or the context's.
func (a *adopter) read(ctx context.Context, batch batchKey, old *manifest.Entry) (*evidence, error) {
	v := &evidence{table: batch.table, id: batch.id, files: make(map[string]manifest.File)}
	var data []string
	var rec arrow.Record
	paths := slices.SortedStableFunc(slices.Values(a.found[batch]), laterFirst)
	for _, path := range paths {
		_, isRaw := manifest.ParseRaw(batch.table, path)
		switch {
		case slices.Contains(old.ToDelete(), path):
			v.leave(path, "is about to be deleted: the entry lists it as superseded", false)
		case old.GaveUp(path):
			v.leave(path, "was replaced: the entry has given its name up", false)
		case isRaw && rec != nil:
			v.leave(path, "is a second copy of the response", false)
		case isRaw:
			var err error
			if rec, err = a.readRaw(ctx, v, path); err != nil {
				return nil, err
			}
		default:
			data = append(data, path)
		}
	}
	if rec == nil {
		return v, a.readWithoutAnswer(ctx, v, data)
	}
	defer rec.Release()
	return v, a.compare(ctx, v, rec, data)
}

// readRaw reads the copy of the answer and returns its rows, which the caller releases.
// They are nil when it is not usable.
func (a *adopter) readRaw(ctx context.Context, v *evidence, path string) (arrow.Record, error) {
	data, err := a.get(ctx, path)
	if data == nil {
		return nil, err
	}
	body, err := manifest.DecompressRaw(data, a.MaxBody)
	if errors.Is(err, manifest.ErrAnswerTooLong) {
		v.leave(path, fmt.Sprintf("has a response of more than %d bytes: raise --max-body", a.MaxBody), true)
		return nil, nil
	}
	if err != nil {
		v.leave(path, "cannot be read back: "+err.Error(), true)
		return nil, nil //nolint:nilerr // it is of this file alone
	}
	read, err := answer.Flatten(a.Mem, v.table, v.id, body, a.MaxBody*expansion)
	if err != nil {
		if failure := (*pipeline.Error)(nil); errors.As(err, &failure) {
			err = failure.Err
		}
		v.leave(path, "has no response for the batch: "+err.Error(), true)
		return nil, nil
	}
	if read.Status != answer.Completed {
		v.leave(path, fmt.Sprintf("has the response of a batch that is %s", read.Status), true)
		return nil, nil
	}
	raw := manifest.File{Path: path, Rows: read.Record.NumRows(), Compression: manifest.RawCompression}.Describe(data)
	v.raw, v.rows, v.envelope, v.review = &raw, raw.Rows, read.Envelope, read.Review
	v.source = manifest.SourceRef{SHA256: manifest.SHA256(body), Bytes: int64(len(body))}
	return read.Record, nil
}

// get returns the bytes of a file, nil when it has just gone.
func (a *adopter) get(ctx context.Context, path string) ([]byte, error) {
	data, _, err := a.Store.Get(ctx, path)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case data == nil:
		data = []byte{}
	}
	return data, nil
}

// readWithoutAnswer finds out whether there is a file of the batch at all.
func (a *adopter) readWithoutAnswer(ctx context.Context, v *evidence, paths []string) error {
	v.none = true
	for _, path := range paths {
		data, err := a.get(ctx, path)
		if err != nil {
			return err
		}
		if data == nil {
			continue
		}
		_, encodings := a.parse(v.table, path)
		whose := manifest.WhoseTable(v.table, v.id, encodings, data)
		v.leave(path, problems[whose], whose == manifest.Anothers || whose == manifest.Nobodys)
		v.none = v.none && whose != manifest.Ours
	}
	return nil
}

// problems say why a data file is left alone, by whose it is.
var problems = map[manifest.Whose]string{
	manifest.Ours:     "has no raw copy that shows which response it was made from",
	manifest.Anyones:  "has no rows and does not name its batch",
	manifest.Anothers: "belongs to another batch or table than its path",
	manifest.Nobodys:  "is not recognised as a file of the batch",
}

// fit is a way to read a file as one of the answer's rows.
type fit struct {
	encoding sinks.Encoding
	columns  []string // nil when the file has none to show
	file     manifest.File
}

// compare finds the data files that have the rows of the answer. All files of an entry
// have the same columns, and there is one of each format.
func (a *adopter) compare(ctx context.Context, v *evidence, rec arrow.Record, paths []string) error {
	rows := rowsOf{rec: rec, table: v.table, id: v.id, digests: make(map[string]string)}
	var fits []fit
	for _, path := range paths {
		data, err := a.get(ctx, path)
		if err != nil {
			return err
		}
		if data == nil {
			continue
		}
		f, problem := a.fit(&rows, path, data)
		if problem != "" {
			v.leave(path, problem, true)
			continue
		}
		fits = append(fits, f)
	}
	slices.SortStableFunc(fits, func(x, y fit) int { return a.rank(x) - a.rank(y) })
	v.out = v.table
	if i := slices.IndexFunc(fits, func(f fit) bool { return f.columns != nil }); i >= 0 {
		v.out, _ = v.table.Select(fits[i].columns, nil)
	}
	v.content = rows.digest(v.out)
	for _, f := range fits {
		_, taken := v.files[f.encoding.Format.Name]
		switch {
		case f.columns != nil && !slices.Equal(f.columns, v.out.ColumnNames()):
			v.leave(f.file.Path, "has other columns than the other files of the batch", false)
		case taken:
			v.leave(f.file.Path, "is a second "+f.encoding.Format.Name+" file of the batch", false)
		default:
			v.files[f.encoding.Format.Name] = f.file
		}
	}
	return nil
}

// rank orders files: those in an encoding that was asked for come first, then the
// formats in their order.
func (a *adopter) rank(f fit) int {
	rank := slices.Index(sinks.Formats(), f.encoding.Format)
	if !slices.Contains(a.Encodings, f.encoding) {
		rank += len(sinks.Formats())
	}
	return rank
}

// fit returns how a file is to be read to have the rows, or what stands against it.
func (a *adopter) fit(rows *rowsOf, path string, data []byte) (_ fit, problem string) {
	_, encodings := a.parse(rows.table, path)
	for _, enc := range slices.Clone(encodings) {
		enc.CSVSafe = true // of other formats the same again
		encodings = append(encodings, enc)
	}
	slices.SortStableFunc(encodings, func(x, y sinks.Encoding) int {
		return a.rank(fit{encoding: x}) - a.rank(fit{encoding: y})
	})
	problem = problems[manifest.Nobodys]
	for _, enc := range encodings {
		contents, err := enc.Inspect(data)
		if err != nil {
			continue
		}
		if whose := manifest.WhoseContents(rows.table, rows.id, contents); whose != manifest.Ours && whose != manifest.Anyones {
			problem = problems[whose]
			continue
		}
		out, err := rows.table.Select(contents.Columns, nil)
		if err != nil || contents.Columns != nil && !slices.Equal(contents.Columns, out.ColumnNames()) {
			problem = "has its columns in another order"
			continue
		}
		if contents.Rows != rows.rec.NumRows() || contents.SHA256 != rows.digest(out) {
			problem = "has other rows than the response"
			continue
		}
		if enc.Format.Name != "csv" {
			enc.CSVSafe = false
		}
		file := manifest.File{Path: path, Rows: contents.Rows, Compression: enc.Compression, CSVSafe: enc.CSVSafe}
		return fit{enc, contents.Columns, file.Describe(data)}, ""
	}
	return fit{}, problem
}

// rowsOf are the rows of an answer, and their digests with some columns or all.
type rowsOf struct {
	rec     arrow.Record
	table   *schema.Table
	id      string
	digests map[string]string
}

func (r *rowsOf) digest(out *schema.Table) string {
	key := strings.Join(out.ColumnNames(), ",")
	if _, known := r.digests[key]; !known {
		rec := out.Project(r.rec, r.id)
		r.digests[key] = sinks.ContentSHA256(rec)
		rec.Release()
	}
	return r.digests[key]
}

// describe makes of e the entry of an exported batch, as the export has written it but
// for the times and attempts. It returns false, and does nothing, if there is no answer
// or no file of it.
func (v *evidence) describe(e *manifest.Entry) bool {
	if v.raw == nil || len(v.files) == 0 {
		return false
	}
	e.Unfail()
	e.State = manifest.StateExported
	e.Batch = v.envelope
	e.Rows = &v.rows
	e.Schema = &manifest.SchemaRef{Table: v.table.Name, Version: v.table.Version, Fingerprint: v.out.Fingerprint()}
	if len(v.out.Columns) < len(v.table.Columns) {
		e.Schema.Columns = v.out.ColumnNames()
	}
	e.Source = &v.source
	e.ContentSHA256 = v.content
	e.Mismatches, e.Warnings = v.review.Mismatches, v.review.Warnings
	e.Files, e.Raw = v.files, v.raw
	return true
}

package export

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// encoded is what an answer has become: files to publish, or only an outcome to note
// in the manifest.
type encoded struct {
	res          Result          // so far
	envelope     jsontext.Value  // of the answer, if it could be read
	failure      *pipeline.Error // why the batch fails
	*publication                 // nil when there is nothing to publish
}

// err returns the failure as an error.
func (e *encoded) err() error {
	if e.failure == nil {
		return nil
	}
	return e.failure
}

// encodeBatch makes the files that the batch needs if its entry stays as it is until
// they are published. It never blocks. It calls freeBody once the body is no longer
// needed. The caller calls release.
func (x *exporter) encodeBatch(id string, body []byte, freeBody func(), entry *manifest.Entry) *encoded {
	freeBody = sync.OnceFunc(freeBody)
	defer freeBody()
	e := new(encoded)
	a, err := answer.Flatten(x.Mem, x.Table, id, body, x.MaxBody*expansion)
	if err != nil {
		e.failure = asFailure(err, id)
		return e
	}
	defer a.Release()
	e.envelope = a.Envelope
	e.res = Result{Finished: a.Finished, Requested: a.Requested, Review: a.Review}
	switch a.Status {
	case answer.Ongoing:
		e.res.Outcome = Ongoing
		return e
	case answer.Failed:
		e.failure = &pipeline.Error{
			Op: "export", Batch: id, Class: pipeline.Permanent,
			Err:  errors.New("the batch failed at Enrow"),
			Hint: "start the search again at Enrow; a failed batch has no results",
		}
		return e
	}
	if e.failure = x.judge(id, a); e.failure != nil {
		return e
	}
	e.publication = &publication{
		id: id, envelope: a.Envelope, review: a.Review, rows: a.Record.NumRows(),
		source: manifest.SourceRef{SHA256: manifest.SHA256(body), Bytes: int64(len(body))},
		files:  make(map[target]*file),
	}
	rec := x.out.Project(a.Record, id)
	defer rec.Release()
	if err := x.encodeFiles(e.publication, rec, body, freeBody, entry); err != nil {
		e.failure, e.envelope = asFailure(err, id), nil
	}
	return e
}

// judge returns why a finished answer is not to be published, nil when it is.
func (x *exporter) judge(id string, a *answer.Answer) *pipeline.Error {
	failure := &pipeline.Error{Op: "check", Batch: id, Class: pipeline.Transient} // totals may lag behind
	var faults []string
	switch {
	case len(a.Mismatches) > 0 && !x.AllowMismatch:
		for _, m := range a.Mismatches {
			faults = append(faults, m.String())
		}
		failure.Err = errors.New("response does not match its totals: " + strings.Join(faults, "; "))
		failure.Hint = "nothing was published; run again later; if the error stays, ask Enrow about the batch or export it with --allow-mismatch"
	case len(a.Leftovers) > 0 && x.RefuseUnknown:
		for _, l := range a.Leftovers {
			faults = append(faults, fmt.Sprintf("%s (%s, %d in all, first in results[%d])", l.Path, l.Reason, l.Count, l.First))
		}
		failure.Err = errors.New("response has values that fit no column: " + strings.Join(faults, "; "))
		failure.Hint = "nothing was published; --unknown-fields capture keeps such values in the column extra"
	default:
		return nil
	}
	return failure
}

// file is one file of a batch, whole and described, in memory that it owns.
type file struct {
	format string // RawFormat for a copy of the answer
	ext    string
	base   string // the path of generation 0
	manifest.File
	content *buffer
}

// release lets go of the memory of the files. A nil publication has none.
func (p *publication) release() {
	if p != nil {
		for _, f := range p.all() {
			f.content.free()
		}
	}
}

// bytes returns how much memory the files take.
func (p *publication) bytes() (n int64) {
	if p != nil {
		for _, f := range p.all() {
			n += int64(len(f.content.data))
		}
	}
	return n
}

// size returns the size of the files.
func (p *publication) size() (n int64) {
	if p != nil {
		for _, f := range p.all() {
			n += int64(len(f.content.bytes()))
		}
	}
	return n
}

func (p *publication) all() []*file {
	all := slices.AppendSeq(make([]*file, 0, len(p.files)+1), maps.Values(p.files))
	return slices.DeleteFunc(append(all, p.raw), func(f *file) bool { return f == nil })
}

// encodeFiles makes the files that are wanted. It calls freeBody when only the rows
// are needed any more.
func (x *exporter) encodeFiles(p *publication, rec arrow.Record, body []byte, freeBody func(), entry *manifest.Entry) error {
	p.content = sinks.ContentSHA256(rec)
	w, err := x.wanted(p.id, p.source, entry)
	if err != nil {
		return err
	}
	if w.raw {
		if p.raw, err = x.encodeRaw(p.id, body, p.rows); err != nil {
			return fmt.Errorf("compress the response: %w", err)
		}
	}
	freeBody()
	for _, t := range w.targets {
		if p.files[t], err = x.encodeFile(t, rec); err != nil {
			return tooLarge(p.id, fmt.Errorf("encode %s: %w", t.encoding.Format.Name, err))
		}
	}
	return nil
}

// encodeFile makes one file of the rows. It owns no memory after an error.
func (x *exporter) encodeFile(t target, rec arrow.Record) (*file, error) {
	b := x.newBuffer()
	if err := t.encoding.Encode(b, x.out, rec); err != nil {
		b.free()
		return nil, err
	}
	described := manifest.File{
		Path: t.path, Rows: rec.NumRows(), Compression: t.encoding.Compression, CSVSafe: t.encoding.CSVSafe,
	}
	return &file{t.encoding.Format.Name, t.encoding.Ext(), t.path, described.Describe(b.bytes()), b}, nil
}

// encodeRaw makes the copy of the answer. It owns no memory after an error.
func (x *exporter) encodeRaw(id string, body []byte, rows int64) (*file, error) {
	b := x.newBuffer()
	if err := x.copies.compress(b, body); err != nil {
		b.free()
		return nil, err
	}
	path := manifest.RawPath(x.Table, id)
	described := manifest.File{Path: path, Rows: rows, Compression: manifest.RawCompression}
	return &file{manifest.RawFormat, manifest.RawExt, path, described.Describe(b.bytes()), b}, nil
}

func (x *exporter) newBuffer() *buffer {
	return &buffer{mem: x.Mem, limit: x.MaxBody * expansionOfFile}
}

// tooLarge makes of an error of encoding one that says what to do, if that is known.
func tooLarge(id string, err error) error {
	if !errors.Is(err, errFileTooLarge) {
		return err
	}
	return &pipeline.Error{
		Op: "write", Batch: id, Class: pipeline.Transient, Err: err,
		Hint: fmt.Sprintf("raise --max-body: a file may have %d times as many bytes", expansionOfFile),
	}
}

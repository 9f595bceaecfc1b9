package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"enrow-export/sinks"
)

// publication is one batch on its way into the store: the rows are there, the
// files and then the entry are to be written.
//
// What keeps the entry true at any instant, whatever dies or races:
//   - Files go first and the entry that names them last, each under a condition.
//   - Nobody replaces bytes by others, or puts bytes where the entry expects
//     others, without first writing an entry that says so (Replacing) under the
//     version that was read. From then on every older writer's entry fails.
//   - The version under which bytes are replaced is read before that claim. So
//     a writer who was overtaken cannot replace what came after him either.
//   - While a claim is open, "the same bytes are there already" is not enough:
//     the claimant may be about to replace them. They are put again, which
//     gives them a new version.
//
// Its files are made in memory before it is published, which is the second stage;
// the answer and its rows are let go of then, since the third may take long, and
// the files as soon as the store has them. Should any of that be needed once more,
// which takes a race with another run, all begins again with asking for the answer.
type publication struct {
	*exporter
	id       string
	body     []byte // nil when let go of, which freeBody does
	freeBody func()
	envelope []byte       // Answer.Envelope
	review   Review       // of the answer
	rec      arrow.Record // the answer's rows, with the columns asked for; nil when let go of
	rows     int64
	content  string // digest of the rows
	source   SourceRef
	made     map[target]output // encoded before
	raw      *output           // compressed before
	memory   []*buffer         // of what was made; nil when let go of
	// freed is called when the memory is let go of.
	freed func()
	// overtaken says that another run got in between before, and round how often
	// one did since then.
	overtaken bool
	round     int
}

// errNotKept says that the entry asks for files that were not foreseen, or that
// files have to be put again, when what is needed for that was let go of.
var errNotKept = errors.New("files are needed that are not kept")

// newPublication takes an answer that is completed, and stays the caller's. When
// the body is not needed any more, prepare calls freeBody. The caller calls prepare,
// and free in the end.
func (x *exporter) newPublication(id string, body []byte, freeBody func(), answer *Answer) *publication {
	sum := sha256.Sum256(body)
	return &publication{
		exporter: x,
		id:       id,
		body:     body,
		freeBody: freeBody,
		envelope: answer.Envelope,
		review:   answer.Review,
		rec:      project(answer.Record, x.out, id),
		rows:     answer.Record.NumRows(),
		source:   SourceRef{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(body))},
		made:     make(map[target]output),
	}
}

// prepare makes the files that are to be published if the entry is still the same
// then, and lets go of the answer.
func (p *publication) prepare(entry *Entry) error {
	p.content = sinks.ContentSHA256(p.rec)
	_, err := p.outputs(entry)
	p.rec.Release()
	p.rec = nil
	return err
}

// free lets go of the files. What describes them stays.
func (p *publication) free() {
	for _, b := range p.memory {
		b.free()
	}
	p.memory = nil
	if p.raw != nil {
		p.raw.data = nil
	}
}

// bytes returns how much memory the files take.
func (p *publication) bytes() int64 {
	var n int64
	for _, b := range p.memory {
		n += int64(len(b.data))
	}
	return n
}

// publish returns the entry under which the batch is published now. It is
// errNotKept when files are needed that prepare has not made, or that are gone.
func (p *publication) publish(ctx context.Context) (entry *Entry, err error) {
	err = p.untilUncontended(ctx, p.id, func(round int) (err error) {
		p.round = round
		entry, err = p.attempt(ctx)
		return err
	})
	return entry, err
}

// make makes one file.
func (p *publication) make(t target) (output, error) {
	if p.rec == nil {
		return output{}, errNotKept
	}
	return encode(p.buffer(), p.out, p.rec, t)
}

// buffer returns one for a file, which free lets go of.
func (p *publication) buffer() *buffer {
	b := &buffer{mem: p.Mem, limit: p.MaxBody * expansionOfFile}
	p.memory = append(p.memory, b)
	return b
}

// attempt publishes once. A *sinks.ConflictError means that another run got in
// between: everything has to be read again.
func (p *publication) attempt(ctx context.Context) (*Entry, error) {
	old, cond, err := p.manifest.Read(ctx, p.id)
	if err == nil {
		err = old.checkNotPacked()
	}
	if err != nil {
		return nil, err
	}
	if old != nil && len(old.Superseded) > 0 {
		if old, cond, err = p.cleanUp(ctx, old, cond); err != nil {
			return nil, err
		}
	}
	outputs, err := p.outputs(old)
	if err != nil {
		return nil, err
	}
	if won, err := p.agrees(ctx, old, outputs); won || err != nil {
		return old, err
	}
	if p.memory == nil {
		return nil, errNotKept
	}
	if cond, err = p.putFiles(ctx, old, cond, outputs); err != nil {
		return nil, err
	}
	if !p.overtaken { // or else it is not unlikely that they are needed again
		p.free()
		p.freed()
	}
	return p.putEntry(ctx, old, cond, outputs)
}

// agrees reports whether another run has meanwhile published what this one is
// about to, so that nothing is left to do.
func (p *publication) agrees(ctx context.Context, old *Entry, outputs []output) (bool, error) {
	if !p.Force {
		reason, err := p.undone(ctx, p.id, old)
		return reason == "" && err == nil, err
	}
	if p.round == 0 && !p.overtaken || old == nil || old.State != StateExported || len(old.Replacing) > 0 || *old.Source != p.source {
		return false, nil
	}
	published := old.published()
	for _, o := range outputs {
		if published[o.format] != o.file {
			return false, nil
		}
		if fault, err := p.sizes.fault(ctx, o.file); fault != "" || err != nil {
			return false, nil //nolint:nilerr // whatever is wrong with the file, it is put again
		}
	}
	return true, nil
}

// outputs returns the files to publish. Those that were not asked for stay as
// they are while they come from the same answer and table, and no claim is open;
// otherwise they are made again, so that the files of one batch never tell
// different stories. Whoever had the claim may have replaced some of them.
func (p *publication) outputs(old *Entry) ([]output, error) {
	targets := p.targets(p.id)
	exported := old != nil && old.State == StateExported
	again := exported &&
		(len(old.Replacing) > 0 || *old.Source != p.source || old.Schema.Fingerprint != p.out.Fingerprint())
	raw := p.KeepRaw || exported && old.Raw != nil && (again || p.Force)
	if again {
		for _, format := range slices.Sorted(maps.Keys(old.Files)) {
			if slices.ContainsFunc(targets, func(t target) bool { return t.encoding.Format.Name == format }) {
				continue
			}
			f := old.Files[format]
			enc, err := f.encoding(format)
			if err != nil {
				return nil, fmt.Errorf("write %s again: %w", format, err)
			}
			targets = append(targets, target{encoding: enc, path: f.Path})
		}
	}
	if raw && p.raw == nil {
		made, err := p.makeRaw()
		if err != nil {
			return nil, err
		}
		p.raw = &made
	}
	if p.body != nil {
		p.body = nil
		p.freeBody()
	}
	outputs := make([]output, len(targets))
	for i, t := range targets {
		if _, ok := p.made[t]; !ok {
			made, err := p.make(t)
			if err != nil {
				return nil, p.tooLarge(err)
			}
			p.made[t] = made
		}
		outputs[i] = p.made[t]
	}
	if raw {
		outputs = append(outputs, *p.raw)
	}
	return outputs, nil
}

// makeRaw makes the copy of the answer.
func (p *publication) makeRaw() (output, error) {
	if p.body == nil {
		return output{}, errNotKept
	}
	b := p.buffer()
	if err := p.copies.compress(b, p.body); err != nil {
		return output{}, fmt.Errorf("compress the answer: %w", err)
	}
	return digest(rawFormat, b.bytes(), File{Path: p.manifest.rawName(p.id), Rows: p.rows, Compression: rawCompression}), nil
}

// tooLarge makes an error of encoding one that says what to do, where that is
// known.
func (p *publication) tooLarge(err error) error {
	if !errors.Is(err, errFileTooLarge) {
		return err
	}
	return &Error{
		Op: "write", Batch: p.id, Class: Permanent, Err: err,
		Hint: fmt.Sprintf("raise --max-body: a file may have %d times as many bytes", expansionOfFile),
	}
}

// putFiles makes every file's bytes be there, and returns the condition for the
// entry that will name them.
func (p *publication) putFiles(ctx context.Context, old *Entry, cond sinks.Condition, outputs []output) (sinks.Condition, error) {
	type replacement struct {
		output
		cond sinks.Condition
	}
	var replacements []replacement
	for _, o := range outputs {
		if !expectsOther(old, o.file) {
			_, err := put(ctx, p.Store, o.file.Path, o.data, sinks.IfAbsent())
			if err == nil {
				continue
			}
			current, lost := conflict(err)
			if !lost || current == nil {
				return cond, fmt.Errorf("write %s: %w", o.file.Path, err)
			}
			replacements = append(replacements, replacement{o, sinks.IfVersion(current.Version)})
			continue
		}
		current, err := p.Store.Stat(ctx, o.file.Path)
		switch {
		case err == nil:
			replacements = append(replacements, replacement{o, sinks.IfVersion(current.Version)})
		case errors.Is(err, sinks.ErrNotExist):
			replacements = append(replacements, replacement{o, sinks.IfAbsent()})
		default:
			return cond, fmt.Errorf("look at %s: %w", o.file.Path, err)
		}
	}
	if len(replacements) == 0 {
		return cond, nil
	}
	claim := p.next(old, p.id)
	claim.Replacing = make(map[string]File)
	for _, r := range replacements {
		claim.Replacing[r.format] = r.file
	}
	cond, err := p.manifest.write(ctx, claim, cond)
	if err != nil {
		return cond, err
	}
	for _, r := range replacements {
		if _, err := put(ctx, p.Store, r.file.Path, r.data, r.cond); err != nil {
			return cond, fmt.Errorf("replace %s: %w", r.file.Path, err)
		}
	}
	return cond, nil
}

// expectsOther reports whether the entry says that other bytes than the file's
// are, or are about to be, under its path.
func expectsOther(e *Entry, file File) bool {
	if e == nil {
		return false
	}
	for _, f := range e.Replacing {
		if f.Path == file.Path {
			return true
		}
	}
	for _, f := range e.published() {
		if f.Path == file.Path && f.SHA256 != file.SHA256 {
			return true
		}
	}
	return false
}

// putEntry writes the entry that names the files, and then deletes what no
// longer belongs to the batch.
func (p *publication) putEntry(ctx context.Context, old *Entry, cond sinks.Condition, outputs []output) (*Entry, error) {
	e := p.next(old, p.id)
	rows := p.rows
	e.State = StateExported
	e.Permanent = nil
	e.Batch = p.envelope
	e.Rows = &rows
	e.Schema = &SchemaRef{Table: p.Table.Name, Version: p.Table.Version, Fingerprint: p.out.Fingerprint(), Columns: p.Columns}
	e.Source = &p.source
	e.ContentSHA256 = p.content
	e.Mismatches = p.review.Mismatches
	e.Warnings = p.review.Warnings
	e.Files = make(map[string]File)
	e.Replacing = nil
	e.Error = ""
	e.Attempts++
	if e.FirstExportedAt == nil {
		now := e.UpdatedAt
		e.FirstExportedAt = &now
	}
	if old != nil {
		maps.Copy(e.Files, old.Files)
	}
	for _, o := range outputs {
		if o.format == rawFormat {
			e.Raw = &o.file
			continue
		}
		if before, ok := e.Files[o.format]; ok && before.Path != o.file.Path {
			e.Superseded = append(e.Superseded, before.Path)
		}
		e.Files[o.format] = o.file
	}
	cond, err := p.manifest.write(ctx, e, cond)
	if err != nil || len(e.Superseded) == 0 {
		return e, err
	}
	e, _, err = p.cleanUp(ctx, e, cond)
	return e, err
}

// cleanUp deletes what the entry says is superseded, and then the note of it.
// A path may be taken into use again by a run with the settings of before, but
// only after that run has removed the note: versions that were read while the
// note stood are safe to delete.
func (x *exporter) cleanUp(ctx context.Context, e *Entry, cond sinks.Condition) (*Entry, sinks.Condition, error) {
	versions := make(map[string]sinks.Condition)
	for _, path := range e.Superseded {
		info, err := x.Store.Stat(ctx, path)
		switch {
		case err == nil:
			versions[path] = sinks.IfVersion(info.Version)
		case !errors.Is(err, sinks.ErrNotExist):
			return nil, cond, fmt.Errorf("look at superseded %s: %w", path, err)
		}
	}
	for _, f := range e.published() {
		delete(versions, f.Path) // in use again
	}
	if _, now, err := x.manifest.Read(ctx, e.BatchID); err != nil {
		return nil, cond, err
	} else if now != cond {
		return nil, cond, &sinks.ConflictError{Name: x.manifest.name(e.BatchID)}
	}
	for _, path := range slices.Sorted(maps.Keys(versions)) {
		err := x.Store.Delete(ctx, path, versions[path])
		if err != nil && !errors.Is(err, sinks.ErrNotExist) {
			return nil, cond, fmt.Errorf("delete superseded %s: %w", path, err)
		}
	}
	clean := x.next(e, e.BatchID)
	clean.Superseded = nil
	cond, err := x.manifest.write(ctx, clean, cond)
	return clean, cond, err
}

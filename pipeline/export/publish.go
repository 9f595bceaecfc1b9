package export

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// publication is a batch that is ready to be published. The protocol, for one batch
// and any number of runs at once:
//
//  1. Read the entry and its version.
//  2. Delete what it says is superseded.
//  3. Put each file where nothing is. Look at what is in the way (inway.go).
//  4. If something is in the way: put an entry that says what replaces it (the
//     claim, Entry.Replacing), on the version of 1.
//  5. Replace the files in the way, each on the version of 3.
//  6. Put the entry that names the files, on the version of 1 or 4.
//  7. Delete the files that it supersedes.
//
// A step whose condition does not hold begins again with 1: another run was faster.
//
//	dies after   what is there                    the next run
//	3            files that no entry names        puts the same bytes, or replaces them
//	4            a claim, the old files           the batch is not done: replaces them
//	5            a claim, old and new files       the same
//	6            the entry and superseded files   deletes these files (step 2)
//
// Three rules keep the entry true while runs race:
//   - Nobody replaces bytes by other bytes, or puts bytes where the entry expects
//     others, without a claim. From then on every older writer's entry fails.
//   - The version under which bytes are replaced is read before the claim. So a run
//     that was overtaken cannot replace what came after it either.
//   - While a claim is open, "the same bytes are there already" is not enough: the
//     claimant may be about to replace them. They are put again, which gives them a
//     new version. A claimed file that the batch does not get is superseded.
//
// Where versions are not unique (sinks.Traits.ContentVersions), the last rule cannot hold:
// the condition of the claimant holds again. There nothing is replaced. Instead of steps 3
// to 5 each file is put at a path where nothing was ever put (anew.go), and step 7 deletes the
// file that it replaces. A claim comes first all the same: if the run dies, the next one
// deletes what it has put.
type publication struct {
	id       string
	envelope jsontext.Value
	review   answer.Review
	rows     int64
	content  string // digest of the rows
	source   manifest.SourceRef
	files    map[target]*file
	raw      *file    // nil when it was not wanted
	tried    []string // paths at which files were to be put anew, in all rounds
}

// publish returns the entry under which the batch is published now. The error is
// errUnforeseen when files are needed that were not made. overtaken says that another
// run was faster before.
func (x *exporter) publish(ctx context.Context, p *publication, overtaken bool) (entry *manifest.Entry, err error) {
	err = x.manifest.Retry(ctx, p.id, func(round int) (err error) {
		entry, err = x.publishOnce(ctx, p, overtaken || round > 0)
		return err
	})
	return entry, err
}

// publishOnce goes through the protocol once. A *sinks.ConflictError means that
// another run got in between. overtaken says that one did before.
func (x *exporter) publishOnce(ctx context.Context, p *publication, overtaken bool) (*manifest.Entry, error) {
	old, cond, err := x.manifest.Read(ctx, p.id)
	if err == nil {
		err = old.CheckNotPacked("export")
	}
	if err != nil {
		return nil, err
	}
	if old != nil && len(old.Superseded) > 0 {
		if old, cond, err = x.cleanUp(ctx, old, cond, nil); err != nil {
			return nil, err
		}
	}
	w, err := x.wanted(p.id, p.source, old)
	if err != nil {
		return nil, err
	}
	files, err := p.choose(w)
	if err != nil {
		if _, strayErr := x.removeStrays(ctx, p, old, cond); strayErr != nil {
			return nil, strayErr
		}
		return nil, err
	}
	x.place(old, files)
	if agrees, err := x.agrees(ctx, p, old, files, overtaken); err != nil {
		return old, err
	} else if agrees {
		return x.removeStrays(ctx, p, old, cond)
	}
	if x.Store.Traits().ContentVersions {
		if cond, err = x.claimAnew(ctx, p, old, cond, files); err != nil {
			return nil, err
		}
		for _, f := range files {
			if err := x.putAnew(ctx, p, old, f); err != nil {
				return nil, err
			}
		}
	} else if cond, err = x.putFiles(ctx, p.id, old, cond, files); err != nil {
		return nil, err
	}
	return x.putEntry(ctx, p, old, cond, files)
}

// agrees reports whether another run has already published the same result, so that
// nothing is left to do.
func (x *exporter) agrees(ctx context.Context, p *publication, old *manifest.Entry, files []*file, overtaken bool) (bool, error) {
	if !x.Force {
		reason, err := x.whyNotDone(ctx, p.id, old)
		return reason == "" && err == nil, err
	}
	if !overtaken || old == nil || old.State != manifest.StateExported || len(old.Replacing) > 0 || *old.Source != p.source {
		return false, nil
	}
	published := old.Published()
	for _, f := range files {
		if published[f.format] != f.File {
			return false, nil
		}
		if fault, err := x.sizes.Fault(ctx, f.File); fault != "" || err != nil {
			return false, nil //nolint:nilerr // the file is put again, which reports a store that fails
		}
	}
	return true, nil
}

// putFiles makes every file's bytes be there (3 to 5), and returns the condition for
// the entry that will name them.
func (x *exporter) putFiles(ctx context.Context, id string, old *manifest.Entry, cond sinks.Condition, files []*file) (sinks.Condition, error) {
	type replacement struct {
		*file
		cond sinks.Condition
	}
	var replacements []replacement
	for _, f := range files {
		if !expectsOther(old, f.File) {
			err := x.putIfAbsent(ctx, id, old, f)
			if err == nil {
				continue
			}
			current, lost := sinks.Conflict(err)
			if !lost || current == nil {
				return cond, fmt.Errorf("write %s: %w", f.Path, err)
			}
			replace, err := x.conditionToReplace(ctx, id, old, f, *current)
			if err != nil {
				return cond, err
			}
			replacements = append(replacements, replacement{f, replace})
			continue
		}
		current, err := x.Store.Stat(ctx, f.Path)
		replace := sinks.IfAbsent()
		if err == nil {
			replace, err = x.conditionToReplace(ctx, id, old, f, current)
		} else if errors.Is(err, sinks.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return cond, fmt.Errorf("check %s: %w", f.Path, err)
		}
		replacements = append(replacements, replacement{f, replace})
	}
	if len(replacements) == 0 {
		return cond, nil
	}
	claim := x.manifest.Next(old, id)
	claim.Replacing = make(map[string]manifest.File)
	for _, r := range replacements {
		claim.Replacing[r.format] = r.File
	}
	cond, err := x.manifest.Put(ctx, claim, cond)
	if err != nil {
		return cond, err
	}
	for _, r := range replacements {
		if _, err := sinks.Put(ctx, x.Store, r.Path, r.content.bytes(), r.cond); err != nil {
			return cond, fmt.Errorf("replace %s: %w", r.Path, err)
		}
	}
	return cond, nil
}

// expectsOther reports whether the entry says that other bytes than the file's are,
// or are about to be, under its path.
func expectsOther(e *manifest.Entry, file manifest.File) bool {
	if e == nil {
		return false
	}
	for _, f := range e.Replacing {
		if f.Path == file.Path {
			return true
		}
	}
	for _, f := range e.Published() {
		if f.Path == file.Path && f.SHA256 != file.SHA256 {
			return true
		}
	}
	return false
}

// putEntry puts the entry that names the files, and then deletes what no longer
// belongs to the batch (6 and 7).
func (x *exporter) putEntry(ctx context.Context, p *publication, old *manifest.Entry, cond sinks.Condition, files []*file) (*manifest.Entry, error) {
	rows, source := p.rows, p.source
	e := x.manifest.Next(old, p.id)
	e.State = manifest.StateExported
	e.Unfail()
	e.Batch = []byte(p.envelope)
	e.Rows = &rows
	e.Schema = &manifest.SchemaRef{Table: x.Table.Name, Version: x.Table.Version, Fingerprint: x.out.Fingerprint(), Columns: x.Columns}
	e.Source = &source
	e.ContentSHA256 = p.content
	e.Mismatches = p.review.Mismatches
	e.Warnings = p.review.Warnings
	e.Files = make(map[string]manifest.File)
	e.Replacing = nil
	e.Attempts++
	if old != nil {
		maps.Copy(e.Files, old.Files)
	}
	for _, f := range files {
		if before, ok := old.Published()[f.format]; ok && before.Path != f.Path {
			e.Superseded = append(e.Superseded, before.Path)
		}
		if f.format == manifest.RawFormat {
			raw := f.File
			e.Raw = &raw
			continue
		}
		e.Files[f.format] = f.File
	}
	if old != nil {
		for _, claimed := range old.Replacing {
			if !slices.Contains(e.Named(), claimed.Path) {
				e.Superseded = append(e.Superseded, claimed.Path)
			}
		}
	}
	e.Superseded = append(e.Superseded, p.strays(e)...)
	cond, err := x.manifest.Put(ctx, e, cond)
	if err != nil || len(e.Superseded) == 0 {
		return e, err
	}
	e, _, err = x.cleanUp(ctx, e, cond, old)
	return e, err
}

// cleanUp deletes the superseded files (2 and 7), and then clears Superseded. A run
// takes such a path into use again only after it has cleared Superseded. So a version
// that was read before that is safe to delete. What another batch, or somebody, has put
// there since stays. before, if it is known, is the entry that named the files.
func (x *exporter) cleanUp(ctx context.Context, e *manifest.Entry, cond sinks.Condition, before *manifest.Entry) (*manifest.Entry, sinks.Condition, error) {
	versions := make(map[string]sinks.Condition)
	for _, path := range e.ToDelete() {
		info, err := x.Store.Stat(ctx, path)
		owned, version := false, ""
		if err == nil {
			records := recordsOf(before, path)
			owned, version, err = x.isOwn(ctx, e.BatchID, records, records == nil || !wasReplaced(e, path), info)
		}
		switch {
		case err == nil && owned:
			versions[path] = sinks.IfVersion(version)
		case err != nil && !errors.Is(err, sinks.ErrNotExist):
			return nil, cond, fmt.Errorf("check superseded %s: %w", path, err)
		}
	}
	if _, now, err := x.manifest.Read(ctx, e.BatchID); err != nil {
		return nil, cond, err
	} else if now != cond {
		return nil, cond, &sinks.ConflictError{Name: x.manifest.Name(e.BatchID)}
	}
	for _, path := range slices.Sorted(maps.Keys(versions)) {
		err := x.Store.Delete(ctx, path, versions[path])
		if err != nil && !errors.Is(err, sinks.ErrNotExist) {
			return nil, cond, fmt.Errorf("delete superseded %s: %w", path, err)
		}
	}
	clean := x.manifest.Next(e, e.BatchID)
	clean.Superseded = nil
	cond, err := x.manifest.Put(ctx, clean, cond)
	return clean, cond, err
}

package export

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// A path says nothing of ownership: two layouts can give it to two batches. So what is
// in the way is looked at before it is replaced or deleted, unless it is the very file
// that the batch's entry has recorded. Its content decides (manifest.WhoseFile):
//
//	of the batch               is replaced
//	of another batch           stays, whatever the entry says; the batch fails
//	of nobody, or damaged      is replaced if the entry names the path; is not deleted
//	no rows, and so no batch   is the batch's if its entry has the path, and no other has
//
// The look is rare, and one batch at a time takes it, so that it takes the memory of
// one file.

// looker looks at files in the way. The zero value is not valid.
type looker struct {
	turn   chan struct{}
	owners *manifest.Owners
}

func newLooker(store sinks.Store) looker {
	return looker{make(chan struct{}, 1), &manifest.Owners{Store: store}}
}

// conditionToReplace returns the condition under which f may replace what is in its
// way, as current describes it. The error of a file that is to stay says what to do.
func (x *exporter) conditionToReplace(ctx context.Context, id string, old *manifest.Entry, f *file, current sinks.Info) (sinks.Condition, error) {
	records := recordsOf(old, f.Path)
	owned, version, err := x.isOwn(ctx, id, records, false, current)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
		return sinks.IfAbsent(), nil
	case err != nil:
		return sinks.Condition{}, fmt.Errorf("check %s: %w", f.Path, err)
	case !owned:
		return sinks.Condition{}, inTheWay(id, f)
	}
	return sinks.IfVersion(version), nil
}

func inTheWay(id string, f *file) error {
	hint := "export the batch with another --layout, or move the file away and run again"
	if f.format == manifest.RawFormat {
		hint = "move the file away and run again"
	}
	return &pipeline.Error{
		Op: "publish", Batch: id, Class: pipeline.Transient, Hint: hint,
		Err: fmt.Errorf("%s is in the way: it is not recognised as a file of this batch, and stays as it is", f.Path),
	}
}

// recordsOf returns what the entry says is, or is about to be, at the path.
func recordsOf(e *manifest.Entry, path string) (records []manifest.File) {
	if e == nil {
		return nil
	}
	for _, files := range []map[string]manifest.File{e.Published(), e.Replacing} {
		for f := range maps.Values(files) {
			if f.Path == path {
				records = append(records, f)
			}
		}
	}
	return records
}

// isOwn reports whether the object is the batch's to replace, or to delete if the path is
// superseded, and the version that was looked at. records are what the entry says, or has
// said, is there. An object that is not recognised may be replaced where the entry names
// the path: it is to have the batch's file again. At a superseded path it is in nobody's
// way, and somebody may have put it there since.
func (x *exporter) isOwn(ctx context.Context, id string, records []manifest.File, superseded bool, current sinks.Info) (owned bool, version string, err error) {
	if slices.ContainsFunc(records, func(f manifest.File) bool { return f.Rows > 0 && f.IsObject(current) }) {
		return true, current.Version, nil
	}
	select {
	case x.looker.turn <- struct{}{}:
		defer func() { <-x.looker.turn }()
	case <-ctx.Done():
		return false, "", context.Cause(ctx)
	}
	unrecognised := len(records) > 0 && !superseded
	if current.Size > x.MaxBody*expansionOfFile { // longer than any of its files
		return unrecognised, current.Version, nil
	}
	data, info, err := x.Store.Get(ctx, current.Name)
	if err != nil {
		return false, "", err
	}
	switch manifest.WhoseFile(x.Table, id, info.Name, data, x.MaxBody) {
	case manifest.Ours:
		return true, info.Version, nil
	case manifest.Anothers:
		return false, info.Version, nil
	case manifest.Anyones:
		if superseded || len(records) > 0 {
			taken, err := x.looker.owners.Another(ctx, x.Table, id, info.Name)
			return !taken, info.Version, err
		}
	}
	return unrecognised, info.Version, nil
}

// putIfAbsent puts a file where nothing is. The same bytes are as good, if they are the
// batch's: of a file that does not name its batch, the entries of the others tell.
func (x *exporter) putIfAbsent(ctx context.Context, id string, old *manifest.Entry, f *file) error {
	if !f.isAnyones(x.settings, id) || len(recordsOf(old, f.Path)) > 0 {
		_, err := sinks.Put(ctx, x.Store, f.Path, f.content.bytes(), sinks.IfAbsent())
		return err
	}
	if _, err := x.Store.Put(ctx, f.Path, f.content.bytes(), sinks.IfAbsent()); err == nil || ctx.Err() != nil {
		return err
	}
	if _, err := sinks.Put(ctx, x.Store, f.Path, f.content.bytes(), sinks.IfAbsent()); err != nil {
		return err
	}
	taken, err := x.looker.owners.Another(ctx, x.Table, id, f.Path)
	if err == nil && taken {
		err = inTheWay(id, f)
	}
	return err
}

// isAnyones reports whether the file does not say of which batch it is.
func (f *file) isAnyones(s settings, id string) bool {
	return f.Rows == 0 && manifest.WhoseFile(s.Table, id, f.Path, f.content.bytes(), s.MaxBody) == manifest.Anyones
}

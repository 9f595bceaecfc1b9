package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"enrow-export/sinks"
)

// targets returns the files that were asked for, of one batch.
func (x *exporter) targets(id string) []target {
	targets := make([]target, len(x.Encodings))
	for i, enc := range x.Encodings {
		targets[i] = target{encoding: enc, path: x.Layout.Path(x.Table, id, enc.Ext())}
	}
	return targets
}

// undone returns why a batch is not done, empty when it is: exported, with
// every format asked for under the same schema and settings, and each file
// there with the recorded size.
func (x *exporter) undone(ctx context.Context, id string, e *Entry) (reason string, err error) {
	switch {
	case e == nil:
		return "new", nil
	case e.State == StatePending:
		return "was asked for before", nil
	case e.State == StateOngoing:
		return "was ongoing", nil
	case e.State == StateFailed:
		return "failed before", nil
	case len(e.Replacing) > 0:
		return "was being replaced", nil
	case e.Schema.Version != x.Table.Version:
		return fmt.Sprintf("has version %d of the table, this is version %d", e.Schema.Version, x.Table.Version), nil
	case e.Schema.Fingerprint != x.out.Fingerprint():
		return "has other columns", nil
	case x.KeepRaw && e.Raw == nil:
		return "has no copy of the answer yet", nil
	}
	for _, t := range x.targets(id) {
		name := t.encoding.Format.Name
		f, ok := e.Files[name]
		switch {
		case !ok:
			return "has no " + name + " yet", nil
		case f.Compression != t.encoding.Compression:
			return fmt.Sprintf("has %s compressed with %s", name, f.Compression), nil
		case f.Path != t.path:
			return fmt.Sprintf("has its %s elsewhere", name), nil
		case f.Neutralised != t.encoding.Neutralised:
			return fmt.Sprintf("has its %s with another setting of --csv-safe", name), nil
		}
		if fault, err := x.sizes.fault(ctx, f); fault != "" || err != nil {
			return name + " file " + fault, err
		}
	}
	if x.KeepRaw {
		if fault, err := x.raws.fault(ctx, *e.Raw); fault != "" || err != nil {
			return "copy of the answer " + fault, err
		}
	}
	return "", nil
}

// listingPays is the number of ids from which on one listing of all files is
// cheaper than a look at those of each batch.
const listingPays = 50

// sizes knows the lengths of files: of many from one listing, of few by looking
// at each.
type sizes struct {
	store  sinks.Store
	many   bool   // so many files will be asked for that a listing pays
	prefix string // of what is listed

	once   sync.Once
	listed map[string]int64
	err    error
}

// newSizes is told how many batches will be asked for, negative when that is not
// known, which means all.
func newSizes(store sinks.Store, prefix string, batches int) *sizes {
	return &sizes{store: store, many: batches < 0 || batches >= listingPays, prefix: prefix}
}

// fault returns what is wrong with the file at first sight, in words that follow
// "file": it is missing, or has another size than recorded.
func (s *sizes) fault(ctx context.Context, f File) (string, error) {
	size, err := s.of(ctx, f.Path)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
		return "is missing", nil
	case err != nil:
		return "", fmt.Errorf("look at %s: %w", f.Path, err)
	case size != f.Bytes:
		return "has another size than recorded", nil
	}
	return "", nil
}

// of returns the length of a file.
func (s *sizes) of(ctx context.Context, path string) (int64, error) {
	if s.many {
		s.once.Do(func() { s.listed, s.err = s.list(ctx) })
		if s.err != nil {
			return 0, s.err
		}
		if size, ok := s.listed[path]; ok {
			return size, nil
		}
		// Not there when the listing was made; it may be by now.
	}
	info, err := s.store.Stat(ctx, path)
	return info.Size, err
}

func (s *sizes) list(ctx context.Context) (map[string]int64, error) {
	listed := make(map[string]int64)
	for info, err := range s.store.List(ctx, s.prefix) {
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		listed[info.Name] = info.Size
	}
	return listed, nil
}

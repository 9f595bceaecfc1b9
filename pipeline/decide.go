package pipeline

import (
	"context"
	"errors"
	"fmt"

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
	case e.Schema.Fingerprint != x.Table.Fingerprint():
		return fmt.Sprintf("has version %d of the table, this is version %d", e.Schema.Version, x.Table.Version), nil
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
		}
		size, err := x.size(ctx, f.Path)
		switch {
		case errors.Is(err, sinks.ErrNotExist):
			return name + " file is missing", nil
		case err != nil:
			return "", fmt.Errorf("look at %s: %w", f.Path, err)
		case size != f.Bytes:
			return name + " file has another size than recorded", nil
		}
	}
	return "", nil
}

// listingPays is the number of ids from which on one listing of all files is
// cheaper than a look at those of each batch.
const listingPays = 50

// size returns the length of a data file.
func (x *exporter) size(ctx context.Context, path string) (int64, error) {
	if x.many {
		x.listOnce.Do(func() { x.sizes, x.listErr = x.list(ctx) })
		if x.listErr != nil {
			return 0, x.listErr
		}
		if size, ok := x.sizes[path]; ok {
			return size, nil
		}
		// Not there when the listing was made; it may be by now.
	}
	info, err := x.Store.Stat(ctx, path)
	return info.Size, err
}

func (x *exporter) list(ctx context.Context) (map[string]int64, error) {
	sizes := make(map[string]int64)
	for info, err := range x.Store.List(ctx, x.Layout.Prefix(x.Table)) {
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		sizes[info.Name] = info.Size
	}
	return sizes, nil
}

package pipeline

import (
	"context"
	"fmt"
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
	if err := e.checkNotPacked(); err != nil {
		return "", err
	}
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

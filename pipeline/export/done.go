package export

import (
	"context"
	"fmt"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// settings are a valid Config with derived values: enough to tell which batches are
// done.
type settings struct {
	Config
	manifest    manifest.Manifest
	out         *schema.Table   // Table with the columns asked for
	sizes, raws *manifest.Sizes // of data files, and of copies of answers
}

// newSettings takes a valid Config. batches is how many batches will be looked at,
// negative for all that the manifest knows.
func newSettings(cfg Config, batches int) settings {
	out, err := cfg.Table.Select(cfg.Columns, nil)
	if err != nil {
		panic(err) // Validate has found it
	}
	return settings{
		Config:   cfg,
		manifest: manifest.Manifest{Store: cfg.Store, Table: cfg.Table, ToolVersion: cfg.ToolVersion, Now: cfg.Now, Log: cfg.Log, Cache: cfg.Cache},
		out:      out,
		sizes:    manifest.NewSizes(cfg.Store, cfg.Layout.Prefix(cfg.Table), batches),
		raws:     manifest.NewSizes(cfg.Store, manifest.RawPrefix(cfg.Table), batches),
	}
}

// checkRoot returns an error if the destination is one that only compact writes to. A
// batch exported to it would be one that compact meets alone in a file, and stops at.
func (s *settings) checkRoot(ctx context.Context) error {
	if err := manifest.CheckNotCompacted(ctx, s.Store, "export"); err != nil {
		return asFailure(err, "")
	}
	return nil
}

// whyNotDone returns why a batch is not done. It is empty when the batch is exported,
// with every format asked for under the same table and settings, and each file is
// there with the recorded size.
func (s *settings) whyNotDone(ctx context.Context, id string, e *manifest.Entry) (reason string, err error) {
	if err := e.CheckNotPacked("export"); err != nil {
		return "", err
	}
	switch {
	case e == nil:
		return "new", nil
	case e.State == manifest.StatePending:
		return "is pending", nil
	case e.State == manifest.StateOngoing:
		return "was ongoing", nil
	case e.State == manifest.StateFailed:
		return "failed before", nil
	case len(e.Replacing) > 0:
		return "was being replaced", nil
	case e.Schema.Version != s.Table.Version:
		return fmt.Sprintf("has version %d of the table, and the present version is %d", e.Schema.Version, s.Table.Version), nil
	case e.Schema.Fingerprint != s.out.Fingerprint():
		return "has other columns", nil
	case s.KeepRaw && e.Raw == nil:
		return "has no raw copy yet", nil
	}
	for _, t := range s.targets(id) {
		name := t.encoding.Format.Name
		f, ok := e.Files[name]
		switch {
		case !ok:
			return "has no " + name + " yet", nil
		case f.Compression != t.encoding.Compression:
			return fmt.Sprintf("has %s compressed with %s", name, f.Compression), nil
		case !f.IsAt(t.path):
			return fmt.Sprintf("has its %s file under another path", name), nil
		case f.CSVSafe != t.encoding.CSVSafe:
			return fmt.Sprintf("has its %s file with another setting of --csv-safe", name), nil
		}
		if fault, err := s.sizes.Fault(ctx, f); fault != "" || err != nil {
			return name + " file " + fault, err
		}
	}
	if s.KeepRaw {
		if fault, err := s.raws.Fault(ctx, *e.Raw); fault != "" || err != nil {
			return "raw copy " + fault, err
		}
	}
	return "", nil
}

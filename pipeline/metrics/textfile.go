package metrics

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/runs"
)

// Extension is how the name of a file has to end for node_exporter to read it.
const Extension = ".prom"

// maxFile bounds how much of a file is read, in bytes. A file has a tenth of it.
const maxFile = 256 << 10

// CheckFile returns why WriteFile could not write to a path, as far as that shows.
func CheckFile(path string) error {
	if filepath.Ext(path) != Extension {
		return errors.New("its name does not end in " + Extension)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return errors.New("is a directory")
	case err == nil && !info.Mode().IsRegular():
		return errors.New("is not a regular file")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return cause(err)
	}
	// It is replaced by a file that is made beside it.
	beside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return cause(err)
	}
	return errors.Join(beside.Close(), os.Remove(beside.Name()))
}

// cause returns an error of the file system without the path.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// WriteFile replaces the file at path by the gauges of a run and of a root, in one step. o is
// nil when the root could not be read, and its gauges are left out then. After a run that
// did not succeed, the time of the last success is that in the file that is there.
func WriteFile(path string, l runs.Line, o *overview.Overview, b Build) error {
	if err := CheckFile(path); err != nil {
		return fmt.Errorf("write metrics to %s: %w", path, err)
	}
	c := newCollector(b)
	c.success = lastSuccess(path)
	c.ran(l)
	c.holds(o)
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	if err := prometheus.WriteToTextfile(path, registry); err != nil {
		return fmt.Errorf("write metrics to %s: %w", path, cause(err))
	}
	return nil
}

// lastSuccess returns the time of the last success that a file of metrics has, zero when it
// has none: a file that is damaged or of another program is worth no failed run.
func lastSuccess(path string) time.Time {
	f, err := os.Open(path)
	if err != nil {
		return time.Time{}
	}
	defer f.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(f, maxFile))
	family := families[prefix+"last_success_timestamp_seconds"]
	if err != nil || len(family.GetMetric()) != 1 {
		return time.Time{}
	}
	s := family.GetMetric()[0].GetGauge().GetValue()
	if math.IsNaN(s) || s <= 0 || s > 1e11 {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(s * 1e3)))
}

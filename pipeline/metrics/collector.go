package metrics

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
	"enrow-export/sinks"
)

const prefix = "enrow_export_"

// Build is the program that runs.
type Build struct {
	Version, Revision string
	GoVersion         string
}

// gauges are all metrics of a collector.
type gauges struct {
	built,
	lastRun, lastSuccess, exitCode, duration, batches, rows, bytes, requests, retries,
	root, pending, oldest, failed, unreadable *prometheus.Desc
}

func newGauges() gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prefix+name, help, labels, nil)
	}
	return gauges{
		built: desc("build_info", "The program that wrote these metrics. The value is always 1.", "version", "revision", "goversion"),

		lastRun:     desc("last_run_timestamp_seconds", "When the last run ended, in Unix time."),
		lastSuccess: desc("last_success_timestamp_seconds", "When a run last succeeded, in Unix time: exit code 0, or 75 after a response of the API. 0 if no run is known to have succeeded."),
		exitCode:    desc("last_run_exit_code", "Exit code of the last run."),
		duration:    desc("last_run_duration_seconds", "How long the last run took."),
		batches:     desc("last_run_batches", "Batches of the last run by outcome and kind.", "outcome", "kind"),
		rows:        desc("last_run_rows", "Rows that the last run exported, by kind.", "kind"),
		bytes:       desc("last_run_bytes", "Size of the files that the last run wrote, by format. raw is copies of responses.", "format"),
		requests:    desc("last_run_api_requests", "Requests of the last run to the API, by status code. none is a request without a response.", "code"),
		retries:     desc("last_run_retries", "Requests of the last run to the API that were sent again."),

		root:       desc("root_timestamp_seconds", "When the manifest of the root was read for the gauges of batches, in Unix time."),
		pending:    desc("pending_batches", "Batches that a run with --pending asks for, by kind: pending, ongoing or transiently failed.", "kind"),
		oldest:     desc("oldest_pending_seconds", "How long the batch has waited that has waited longest, of those in pending_batches. 0 if none waits."),
		failed:     desc("failed_batches", "Failed batches. Permanently failed ones count until they are dismissed. The others are in pending_batches, too.", "permanent"),
		unreadable: desc("unreadable_batches", "Batches whose manifest entry cannot be used."),
	}
}

// collector is the gauges of the last run and of the root. Each collection is of one moment:
// no figure of one run stands beside one of another. What is not known has no series.
type collector struct {
	gauges
	build Build

	mu       sync.Mutex
	line     *runs.Line
	success  time.Time
	overview *overview.Overview
}

func newCollector(b Build) *collector { return &collector{gauges: newGauges(), build: b} }

// ran notes the last run.
func (c *collector) ran(l runs.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = &l
	if l.Succeeded() {
		c.success = l.FinishedAt
	}
}

// holds notes the figures of the root, nil when they are not known.
func (c *collector) holds(o *overview.Overview) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overview = o
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.built,
		c.lastRun, c.lastSuccess, c.exitCode, c.duration, c.batches, c.rows, c.bytes, c.requests, c.retries,
		c.root, c.pending, c.oldest, c.failed, c.unreadable,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	line, success, o := c.line, c.success, c.overview
	c.mu.Unlock()
	give := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	give(c.built, 1, c.build.Version, c.build.Revision, c.build.GoVersion)
	if line != nil {
		c.collectRun(give, line)
		give(c.lastSuccess, unix(success))
	}
	if o != nil {
		c.collectRoot(give, o)
	}
}

func (c *collector) collectRun(give func(d *prometheus.Desc, value float64, labels ...string), l *runs.Line) {
	give(c.lastRun, unix(l.FinishedAt))
	give(c.exitCode, float64(l.ExitCode))
	// A clock that was set back makes no run of negative length.
	give(c.duration, l.Took().Seconds())
	for _, kind := range kinds() {
		n := l.ByKind[kind]
		for outcome, batches := range map[string]int{
			"exported": n.Exported, "done": n.Done, "ongoing": n.Ongoing, "failed": n.Failed, "not_tried": n.NotTried,
		} {
			give(c.batches, float64(batches), outcome, kind)
		}
		give(c.rows, float64(n.Rows), kind)
	}
	give(c.bytes, float64(l.Bytes[manifest.RawFormat]), manifest.RawFormat)
	for _, f := range sinks.Formats() {
		give(c.bytes, float64(l.Bytes[f.Name]), f.Name)
	}
	requests := zeros(firstCodes)
	for status, n := range l.Requests {
		requests[code(status)] += float64(n)
	}
	for status, n := range requests {
		give(c.requests, n, status)
	}
	give(c.retries, float64(l.Retries))
}

func (c *collector) collectRoot(give func(d *prometheus.Desc, value float64, labels ...string), o *overview.Overview) {
	give(c.root, unix(o.At))
	pending := zeros(kinds())
	for _, k := range o.Kinds {
		pending[k.Kind] = float64(k.Waiting())
	}
	for kind, n := range pending {
		give(c.pending, n, kind)
	}
	all, oldest := o.Total(), 0.0
	if !all.OldestWaiting.IsZero() {
		oldest = max(0, o.At.Sub(all.OldestWaiting).Seconds())
	}
	give(c.oldest, oldest)
	give(c.failed, float64(all.NeedAttention), "true")
	give(c.failed, float64(all.Failed), "false")
	give(c.unreadable, float64(all.Unreadable))
}

// unix returns a time as Prometheus has it, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}

// kinds returns the kinds of batches.
func kinds() (all []string) {
	for _, t := range schema.Tables() {
		all = append(all, t.Kind)
	}
	return all
}

// zeros returns a map in which each label has 0.
func zeros(labels []string) map[string]float64 {
	m := make(map[string]float64, len(labels))
	for _, l := range labels {
		m[l] = 0
	}
	return m
}

// firstCodes have a series before there is a request.
var firstCodes = []string{"200", runs.NoStatus}

// code returns the label of the status of a response: three digits, or runs.NoStatus, so
// that a server cannot make up label values.
func code(status string) string {
	if n, err := strconv.Atoi(status); err != nil || n < 100 || n > 999 || len(status) != 3 {
		return runs.NoStatus
	}
	return status
}

// Package metrics has the outcome of the last run and the figures of a root as metrics of
// Prometheus.
//
// A run of cron has no port that could be scraped: WriteFile leaves its figures in a file
// for node_exporter. A process that stays has a Service, which has the same gauges, and
// counters and histograms that only a process that stays can have. Both are made by the
// same collector from a runs.Line and an overview.Overview, so the page, the file and the
// endpoint cannot differ.
//
// The labels are few and known in advance: kinds, formats, outcomes and codes. A batch id is
// never a label, since each label value is a series that Prometheus keeps for weeks. Values
// that are known have a series from the beginning, with 0, so that an alert needs no case for
// a series that is not there yet. docs/monitoring.md has the table of all metrics.
package metrics

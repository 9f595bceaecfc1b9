package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/metrics"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/ping"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// monitors are told how a run ends: the report, a file of metrics, and a check that is
// pinged. Each of them may be absent.
type monitors struct {
	log     *slog.Logger
	report  *report
	metrics string // path of the file
	store   sinks.Store
	ping    *ping.Run
}

func monitorFlags() []*flagDef {
	return []*flagDef{
		reportFlag(),
		pingFlag(),
		textFlag("metrics-file", "FILE", "", "write metrics for Prometheus to FILE.prom").file().
			more("node_exporter reads the file from the directory of its textfile collector. Each run replaces the file. A dry run writes none."),
	}
}

func pingFlag() *flagDef {
	return textFlag("ping", "URL", "", "tell a healthchecks.io check of the run").checked(checkPing).
		more("The URL is a secret. The variable keeps it out of the list of processes. A ping that fails is a warning. A dry run sends none.")
}

// checkPing refuses a value that is no URL of a check. The error does not repeat the value.
func checkPing(flag, value string) error {
	if err := ping.CheckURL(value); err != nil {
		return usagef("give the ping URL that the check shows, such as https://hc-ping.com/UUID", "%s: the URL %v", flag, err)
	}
	return checkEnvironment(value)
}

// warnOfDryRun says which files a dry run does not write.
func warnOfDryRun(c *cli.Context, log *slog.Logger) {
	if name := c.String("report"); name != "" {
		log.Warn("a dry run is not in the report", "report", name)
	}
	if name := c.String("metrics-file"); name != "" {
		log.Warn("a dry run is not in the metrics", "metrics", name)
	}
}

// openMonitors finds out whether the end of a run can be told, as far as that shows, and
// tells that it begins. The caller calls close.
func (p *program) openMonitors(c *cli.Context, store sinks.Store, log *slog.Logger) (*monitors, error) {
	m := &monitors{log: log, metrics: c.String("metrics-file"), store: store}
	if m.metrics != "" {
		if err := metrics.CheckFile(m.metrics); err != nil {
			return nil, usagef("nothing was tried: name a file that can be written, such as enrow"+metrics.Extension, "--metrics-file: cannot write to %s: %v", m.metrics, err)
		}
	}
	var err error
	if m.report, err = openReport(c, p.stdout); err != nil {
		return nil, err
	}
	if err == nil {
		m.ping = beginPing(c, log)
	}
	return m, err
}

// beginPing tells the monitor of --ping that a run begins; nil without one.
func beginPing(c *cli.Context, log *slog.Logger) *ping.Run {
	failed := func(err error) { log.Warn("the monitor was not told of the run", "error", err) }
	url := c.String("ping")
	if url == "" {
		return nil
	}
	run, err := ping.Begin(c.Context, ping.Config{URL: url, UserAgent: userAgent, OnFailure: failed})
	if err != nil {
		failed(err)
		return nil
	}
	return run
}

func (m *monitors) close() { m.report.close() }

// end reports to the monitors how a run has ended. It returns the error of the run or, without
// one, why a monitor could not be written.
func (m *monitors) end(ctx context.Context, record *record, s runs.Summary, err error) error {
	line := record.end(s, err)
	err = m.orElse(err, "the run is not in the report", m.report.append(line))
	if m.metrics != "" {
		err = m.orElse(err, "the run is not in the metrics", metrics.WriteFile(m.metrics, line, m.overview(ctx, line), programBuild()))
	}
	if m.ping != nil {
		m.ping.End(ctx, exitCode(err), pingText(record.end(s, err)))
	}
	return err
}

// orElse returns the error of a run or, without one, why a monitor could not be written. It
// logs the second error when it returns the first.
func (m *monitors) orElse(err error, message string, untold error) error {
	if err != nil && untold != nil {
		m.log.Error(message, "error", untold)
	}
	return cmp.Or(err, untold)
}

// How long the overview of a root may take after a run, and after one that has been stopped
// or has met a destination that is out of reach.
const (
	overviewTime      = 2 * time.Minute
	shortOverviewTime = 10 * time.Second
)

// overview returns the figures of the root, nil when it cannot be read.
func (m *monitors) overview(ctx context.Context, l runs.Line) *overview.Overview {
	limit := overviewTime
	if !l.Succeeded() && l.ExitCode != exitFailed {
		limit = shortOverviewTime
	}
	// A run that was stopped has figures, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	o, err := overview.Of(ctx, m.store, schema.Tables(), time.Now())
	if err != nil {
		m.log.Warn("the metrics lack the figures of the destination", "error", err)
		return nil
	}
	return o
}

// programBuild is this program as metrics name it.
func programBuild() metrics.Build {
	return metrics.Build{Version: version, Revision: build().commit, GoVersion: runtime.Version()}
}

// pingText is a run on one line, for somebody else's server: no batch is named.
func pingText(l runs.Line) string {
	text := headline("nothing to do",
		l.Failed, "failed",
		l.NotTried, "not tried",
		l.Ongoing, "still ongoing",
		l.Exported, fmt.Sprintf("exported (%s)", count(l.Rows, "row")),
		l.Done, "already exported",
	)
	text = fmt.Sprintf("exit code %d; %s", l.ExitCode, text)
	if l.Error != "" {
		text += "; " + l.Error
	}
	return oneLine(text)
}

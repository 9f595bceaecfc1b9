package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/sources"
)

func (p *program) exportCommand() *cli.Command {
	return newCommand(command{
		name:  "export",
		usage: "fetch, flatten, write and publish batches",
		args:  "[BATCH_ID ...]",
		description: "A batch that is done is skipped without a request, so the same call may be repeated\n" +
			"at any time. One that is still ongoing is left for the next run, or waited for.\n" +
			"The API key comes from ENROW_API_KEY or --api-key-file.",
		exits: append(usualExits, exitOngoing),
		flags: slices.Concat(toFlags(), []cli.Flag{
			kindFlag(),
			formatFlag(), compressionFlag(),
			layoutFlag(),
			listFlag("columns", "`COLUMNS` of the files, a list with commas; batch_id is always one of them", "all"),
			listFlag("exclude-columns", "`COLUMNS` to leave out, a list with commas", "none"),
			csvSafeFlag(),
			checked(stringFlag("unknown-fields", "capture", "what becomes of fields that no column declares: `MODE` capture (kept in the column extra) or error (fails the batch)"), oneOf("capture", "error")),
			boolFlag("allow-mismatch", "export batches that are not what their control totals say, and record that"),
			boolFlag("keep-raw", "keep a copy of each answer under _raw, from which --from can export again"),
			fromFlag(),
			idsFileFlag(),
			shardFlag(),
			boolFlag("pending", "also export all batches that the manifest knows and that are neither done nor permanently failed, of all kinds unless --kind is given"),
			boolFlag("retry-failed", "with --pending, the permanently failed ones too, unless they are dismissed"),
			boolFlag("force", "export batches again that are done"),
			boolFlag("dry-run", "say what would be done; no request, no key, nothing written"),
			boolFlag("wait", "ask again for ongoing batches until they are finished"),
			durationFlag("wait-timeout", export.DefaultWaitTimeout, "`TIME` from the start after which no batch is waited for, 0 for no limit", notNegative),
			durationFlag("poll-interval", export.DefaultPollInterval, "least `TIME` between two looks at an ongoing batch; ten times that while it makes little progress", positive),
			intFlag("concurrency", export.DefaultConcurrency, fmt.Sprintf("`NUMBER` of batches worked on at a time, at most %d", maxConcurrency), checkConcurrency),
			intFlag("retries", 5, "`NUMBER` of tries after the first, for each request", notNegative),
			floatFlag("rate", 0, fmt.Sprintf("`NUMBER` of requests a second at most, retries included, from %v on; 0 for no limit", minRate), checkRate),
			durationFlag("request-timeout", sources.DefaultRequestTimeout, "longest `TIME` of one try", positive),
			sizeFlag("max-body", "64MiB", "longest answer accepted, as a `SIZE`"),
			durationFlag("max-runtime", 0, "`TIME` after which no batch is begun or waited for any more, 0 for no limit; those under way have --grace", notNegative),
			durationFlag("grace", 20*time.Second, "`TIME` that batches under way have to be finished after the first SIGINT, SIGTERM or SIGHUP, or --max-runtime", notNegative),
			stringFlag("api-url", sources.DefaultBaseURL, "`URL` of the API; https, unless the host is loopback", "ENROW_API_URL"),
			pathFlag(stringFlag("api-key-file", "", "`FILE` with the API key")),
			reportFlag(),
			outputFlag(),
		}, logFlags(), []cli.Flag{
			verboseFlag(fmt.Sprintf("print a line for each batch on a terminal, too: of more than %d batches it shows only those with failures or warnings", few)),
		}),
		action: p.export,
	})
}

func (p *program) export(c *cli.Context) error {
	p.signals.limit(c.Duration("max-runtime"))
	ui := p.newUI(c)
	stop := make(chan struct{}) // for the source, too
	cfg, err := exportConfig(c)
	if err != nil {
		return err
	}
	defer closeStore(cfg.Store)
	cfg.Log, cfg.Stop = ui.log, stop
	part, err := shardOf(c)
	if err != nil {
		return err
	}
	switch none := !namesBatches(c) && !c.Bool("pending"); {
	case c.Bool("retry-failed") && !c.Bool("pending"):
		return usagef("add --pending, or name the batches: those that are named are always tried again", "--retry-failed goes with --pending alone")
	case none && c.String("from") == "":
		return usagef("give batch ids, --ids-file FILE or --pending", "no batch ids")
	}
	// Whatever can be wrong with the call is found before anything is asked of
	// the API or the destination.
	var from source
	if !c.Bool("dry-run") || c.String("from") != "" {
		if from, err = newSource(c, cfg); err != nil {
			return err
		}
		defer from.close()
		cfg.Source = from
	}
	ids, err := p.readIDs(c)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		if name := c.String("report"); name != "" {
			ui.log.Warn("a dry run is not in the report", "report", name)
		}
		what, err := wantedBatches(c, cfg, from, ids, part)
		if err != nil {
			return err
		}
		return p.dryRun(c.Context, cfg, what, ui)
	}
	report, err := openReport(c, p.stdout, cfg, part)
	if err != nil {
		return err
	}
	defer report.close()
	what, err := wantedBatches(c, cfg, from, ids, part)
	summary := newSummaryLine(what.kind, export.Summary{}, 0)
	switch {
	case err == nil:
		p.stopGently(c.Duration("grace"), ui, stop)
		summary, err = p.runExport(c, cfg, from, what, ui, report)
	case errors.Is(err, errMaxRuntime):
		summary.MaxRuntimeOver, err = true, errSomeLeft // as far as is known
		ui.summary(summary, "")
	}
	err = p.written(joinOutcome(err, summary.Failed, summary.Ongoing+summary.NotTried))
	if failed := report.write(summary, err); failed != nil {
		ui.log.Error("the run is not in the report", "error", failed)
		err = cmp.Or(err, failed)
	}
	return err
}

// runExport exports the batches, and tells how that goes.
func (p *program) runExport(c *cli.Context, cfg export.Config, from source, what wanted, ui *ui, report *report) (summaryLine, error) {
	ui.expect(what.total())
	progress := ui.track(what.total(), cfg.Encodings)
	cfg.OnWaiting = progress.waiting
	ui.kinds = what.kind == allKinds
	s, err := export.RunAll(c.Context, cfg, what.works, func(r export.Result) {
		progress.result(r)
		report.result(r)
		ui.result(r)
		if r.NeedsAttention {
			what.left.add(r.Kind, r.BatchID)
		}
	})
	progress.end()
	summary := newSummaryLine(what.kind, s, from.retries())
	summary.PermanentlyFailed = what.left
	switch stopped := p.signals.err(); {
	case errors.Is(stopped, errMaxRuntime):
		summary.MaxRuntimeOver = s.Ongoing+s.NotTried > 0
		if errors.Is(err, errMaxRuntime) {
			// What it has cut off is left undone, as is what it has not let begin.
			fatal, cut := (*pipeline.Error)(nil), err
			if err = nil; errors.As(cut, &fatal) {
				err = fatal
			}
		}
	case stopped != nil && !errors.Is(err, stopped):
		err = errors.Join(stopped, err) // the run was cut short, though not cut off
	}
	ui.summary(summary, whereFailuresAre(c, s.Failed))
	return summary, err
}

// stopGently lets the first signal, or the end of --max-runtime, close stop, when
// batches that are under way then have some time to be finished.
func (p *program) stopGently(grace time.Duration, ui *ui, stop chan<- struct{}) {
	p.signals.graceful(grace, func(why error) {
		close(stop)
		next := "another signal"
		if errors.Is(why, errMaxRuntime) {
			next = "a signal"
		}
		ui.log.Warn("stopping: batches under way are being finished; "+next+" stops at once", "within", grace)
	})
}

func (p *program) dryRun(ctx context.Context, cfg export.Config, what wanted, ui *ui) error {
	ui.expect(what.total())
	l := planSummaryLine{Type: "plan_summary", PermanentlyFailed: what.left}
	ui.kinds = what.kind == allKinds
	for _, work := range what.works {
		err := export.Plan(ctx, work.Of(cfg), work.IDs, func(planned export.Planned) {
			switch {
			case planned.Err != nil:
				l.Failed++
			case planned.Export:
				l.Export++
			default:
				l.Done++
			}
			ui.planned(work.Table.Kind, planned)
		})
		if err != nil {
			return err // what was not looked at is not planned
		}
	}
	ui.plan(l)
	return joinOutcome(nil, l.Failed, 0)
}

// exportConfig reads the flags that say what to export and where to. The caller closes
// the store.
func exportConfig(c *cli.Context) (export.Config, error) {
	cfg := export.Config{
		Table:         tables(c)[0],
		Layout:        layout(c),
		KeepRaw:       c.Bool("keep-raw"),
		AllowMismatch: c.Bool("allow-mismatch"),
		RefuseUnknown: c.String("unknown-fields") == "error",
		Force:         c.Bool("force"),
		Wait:          c.Bool("wait"),
		WaitTimeout:   c.Duration("wait-timeout"),
		PollInterval:  c.Duration("poll-interval"),
		Concurrency:   c.Int("concurrency"),
		Encoders:      processors(),
		MaxBody:       byteSize(c, "max-body"),
		ToolVersion:   version,
	}
	var err error
	if cfg.Columns, err = columns(c, cfg.Table); err != nil {
		return cfg, err
	}
	if c.Bool("pending") {
		for _, table := range pendingTables(c) {
			if _, err := columns(c, table); err != nil {
				return cfg, usagef("--pending exports all kinds: add --kind to choose columns of one of them", "%v", err)
			}
		}
	}
	if cfg.Encodings, err = encodings(c); err != nil {
		return cfg, err
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return cfg, err
	}
	cfg.Store, err = to.open()
	return cfg, err
}

// What a run may be told to ask of the API. Beyond that it is a slip of the hand:
// with a request a day a run would seem to hang, and for a hundred thousand at a
// time no system has the memory and the connections.
const (
	maxConcurrency   = 1024
	minRate, maxRate = 0.001, 1e6 // requests a second
)

func checkConcurrency(flag string, n int) error {
	if n < 1 || n > maxConcurrency {
		return usagef("", "--%s: %d is not from 1 to %d", flag, n, maxConcurrency)
	}
	return nil
}

func checkRate(flag string, perSecond float64) error {
	if perSecond == 0 || perSecond >= minRate && perSecond <= maxRate {
		return nil
	}
	return usagef(fmt.Sprintf("give 0 for no limit, or a number from %v to %.0f", minRate, maxRate), "--%s: %v is not a number in that range", flag, perSecond)
}

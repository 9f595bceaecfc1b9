package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/runs"
	"enrow-export/sources"
)

func (p *program) exportCommand() command {
	return command{
		name:  "export",
		topic: topicExport,
		usage: "fetch batches and write them as files",
		args:  "[BATCH_ID ...]",
		description: "The same call can be repeated at any time: a batch that is exported costs no request. " +
			"A batch that is still running at Enrow is left for the next run, unless --wait makes the run wait for it.",
		examples: []example{
			{"two batches to a directory, as Parquet", "enrow-export export --to out BATCH_ID BATCH_ID"},
			{"a list of ids to a bucket, as Parquet and CSV, with copies of the responses", "enrow-export export --to gs://bucket/enrow --ids-file ids.txt \\\n    --format parquet,csv --keep-raw"},
		},
		page: "backfill.md",
		exits: exitCodes(
			exit{"0", "every batch is exported, now or before"},
			exit{"1", "the run stopped: key refused, no credits, API or destination out of reach, disk full"},
			exit{"3", "some batches failed; the others are exported"},
			exit{"75", "nothing failed; some batches are still running, or --max-runtime left them"},
		),
		groups: []flagGroup{
			{"Destination", append(toFlags(), layoutFlag())},
			contentGroup(),
			{"Which batches", []*flagDef{
				kindFlag(),
				idsFileFlag(),
				boolFlag("pending", "also the unfinished batches in the manifest").
					more("An unfinished batch is neither exported nor permanently failed. Without --kind, batches of all kinds are exported."),
				boolFlag("retry-failed", "with --pending: also permanently failed batches").
					more("Dismissed batches are left out."),
				fromFlag(),
				boolFlag("force", "export batches again that are already exported"),
				boolFlag("dry-run", "print what a run would do, and do nothing").
					more("It needs no key, sends no request to the API and writes nothing."),
				shardFlag(),
			}},
			{"Waiting", []*flagDef{
				boolFlag("wait", "wait for batches that are still running"),
				durationFlag("wait-timeout", export.DefaultWaitTimeout, "time to wait, from the start", notNegative).
					more("0 is no limit."),
				durationFlag("poll-interval", export.DefaultPollInterval, "least time between two requests for a batch", positive).
					more("It grows to ten times that while a batch makes little progress."),
				durationFlag("max-runtime", 0, "start no batch after this time", notNegative).or("no limit").
					more("0 is no limit. Batches in progress then have --grace to finish."),
				graceFlag("It begins with the first SIGINT, SIGTERM or SIGHUP, or with the end of --max-runtime."),
			}},
			requestsGroup(floatFlag("rate", 0, "requests a second at most", checkRate).or("no limit").
				more(fmt.Sprintf("0 is no limit. Retries count as requests. The smallest rate is %v.", minRate))),
			{"Output", slices.Concat([]*flagDef{outputFlag(), verboseFlag()}, logFlags())},
			{"Monitoring", monitorFlags()},
			storeGroup(writes),
		},
		action: p.export,
	}
}

// contentGroup is the flags for the content of the files.
func contentGroup() flagGroup {
	return flagGroup{"What to write", []*flagDef{
		formatsFlag(), compressionFlag(),
		listFlag("columns", "NAME,...", "columns to write").or("all").
			more("batch_id is always one of them. The names are listed by enrow-export schema."),
		listFlag("exclude-columns", "NAME,...", "columns to leave out"),
		csvSafeFlag(),
		textFlag("unknown-fields", "MODE", "capture", "capture unknown fields in column extra, or error").oneOf("capture", "error").
			more("A field is unknown when no column of the table declares it. capture keeps it in the column extra. error fails a batch that has one."),
		boolFlag("allow-mismatch", "export batches whose rows do not match the totals").
			more("The manifest then records the difference."),
		boolFlag("keep-raw", "keep a copy of each response").
			more("The copies are below _raw in the destination. export --from reads them, so another format needs no request."),
	}}
}

// requestsGroup is the flags of the client of the API.
func requestsGroup(rate *flagDef) flagGroup {
	return flagGroup{"Requests to the API", []*flagDef{
		intFlag("concurrency", export.DefaultConcurrency, "batches at a time", checkConcurrency).
			more(fmt.Sprintf("At most %d.", maxConcurrency)),
		rate,
		intFlag("retries", 5, "tries after the first, for each request", notNegative),
		durationFlag("request-timeout", sources.DefaultRequestTimeout, "time limit of one try", positive),
		sizeFlag("max-body", "64MiB", "largest response that is accepted"),
		apiURLFlag(),
		apiKeyFileFlag(),
	}}
}

func graceFlag(begins string) *flagDef {
	return durationFlag("grace", 20*time.Second, "time to finish batches when stopped", notNegative).more(begins)
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
	if !c.Bool("dry-run") {
		cfg.Cache = manifest.NewCache(cfg.Store, cfg.Log)
	}
	part, err := shardOf(c)
	if err != nil {
		return err
	}
	switch none := !namesBatches(c) && !c.Bool("pending"); {
	case c.Bool("retry-failed") && !c.Bool("pending"):
		return usagef("add --pending, or name the batches: a batch that is named is always tried again", "--retry-failed needs --pending")
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
		warnOfDryRun(c, ui.log)
		what, err := wantedBatches(c, cfg, from, ids, part)
		if err != nil {
			return err
		}
		return p.dryRun(c.Context, cfg, what, ui)
	}
	monitors, err := p.openMonitors(c, cfg.Store, ui.log)
	if err != nil {
		return err
	}
	defer monitors.close()
	record := newRecord(c, cfg, part)
	// What is done already is found by reading, which makes the most garbage.
	collectAt(surveyGCPercent)
	cfg.OnSurveyed = func() { collectAt(gcPercent) }
	what, err := wantedBatches(c, cfg, from, ids, part)
	if err == nil && what.total() > 0 {
		err = p.writable(c, "to", cfg.Store)
	}
	summary := newSummary(what.kind, export.Summary{}, from)
	switch {
	case err == nil:
		p.stopGently(c.Duration("grace"), ui, stop)
		summary, err = p.runExport(c, cfg, from, what, ui, record)
	case errors.Is(err, errMaxRuntime):
		summary.MaxRuntimeOver, err = true, errSomeLeft // as far as is known
		ui.summary(summary, "")
	}
	err = p.written(joinOutcome(err, summary.Failed, summary.Ongoing+summary.NotTried))
	return monitors.end(c.Context, record, summary, err)
}

// runExport exports the batches, and tells how that goes.
func (p *program) runExport(c *cli.Context, cfg export.Config, from source, what wanted, ui *ui, record *record) (runs.Summary, error) {
	ui.expect(what.total())
	progress := ui.track(what.total(), cfg.Encodings)
	cfg.OnWaiting = progress.waiting
	ui.kinds = what.kind == runs.AllKinds
	traces := tracing(c.Context, ui.log)
	defer traces.end()
	cfg.Tracer = traces.tracer
	s, err := export.RunAll(traces.ctx, cfg, what.works, func(r export.Result) {
		progress.result(r)
		record.result(r)
		ui.result(r)
		if r.NeedsAttention {
			what.left.Add(r.Kind, r.BatchID)
		}
	})
	progress.end()
	summary := newSummary(what.kind, s, from)
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
	ui.kinds = what.kind == runs.AllKinds
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
		return usagef("", "%s: %d is not from 1 to %d", flag, n, maxConcurrency)
	}
	return nil
}

func checkRate(flag string, perSecond float64) error {
	if perSecond == 0 || perSecond >= minRate && perSecond <= maxRate {
		return nil
	}
	return usagef(fmt.Sprintf("give 0 for no limit, or a number from %v to %.0f", minRate, maxRate), "%s: %v is neither 0 nor from %v to %.0f", flag, perSecond, minRate, maxRate)
}

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
	"enrow-export/sinks"
	"enrow-export/sources"
)

func (p *program) exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "fetch, flatten, write and publish batches",
		ArgsUsage: "[BATCH_ID ...]",
		Description: "A batch that is done is skipped without a request, so the same call may be repeated\n" +
			"at any time. One that is still ongoing is left for the next run, or waited for.\n" +
			"The API key comes from ENROW_API_KEY or --api-key-file.",
		CustomHelpTemplate: cli.CommandHelpTemplate +
			exitCodes(exitOK, exitStopped, exitUsage, exitFailed, exitOngoing, exitInterrupt, exitTerminated),
		Flags: slices.Concat(toFlags(), []cli.Flag{
			kindFlag(),
			listFlag("format", "`FORMAT` of the files: parquet, ndjson, csv; repeatable, or a list with commas", "parquet"),
			listFlag("compression", "`NAME` for all formats, or FORMAT=NAME; parquet: zstd, snappy, gzip, none; ndjson and csv: none, gzip, zstd", "parquet=zstd, others none"),
			layoutFlag(),
			listFlag("columns", "`COLUMNS` of the files, a list with commas; batch_id is always one of them", "all"),
			listFlag("exclude-columns", "`COLUMNS` to leave out, a list with commas", "none"),
			boolFlag("csv-safe", "put an apostrophe before every text in CSV that a spreadsheet would run as a formula"),
			stringFlag("unknown-fields", "capture", "what becomes of fields that no column declares: `MODE` capture (kept in the column extra) or error (fails the batch)"),
			boolFlag("allow-mismatch", "export batches that are not what their control totals say, and record that"),
			boolFlag("keep-raw", "keep a copy of each answer under _raw, from which --from can export again"),
			fromFlag(),
			idsFileFlag(),
			shardFlag(),
			boolFlag("pending", "also export all batches of the kind that the manifest knows and that are neither done nor permanently failed"),
			boolFlag("retry-failed", "with --pending, the permanently failed ones too"),
			boolFlag("force", "export batches again that are done"),
			boolFlag("dry-run", "say what would be done; no request, no key, nothing written"),
			boolFlag("wait", "ask again for ongoing batches until they are finished"),
			durationFlag("wait-timeout", pipeline.DefaultWaitTimeout, "`TIME` from the start after which no batch is waited for, 0 for no limit"),
			durationFlag("poll-interval", pipeline.DefaultPollInterval, "least `TIME` between two looks at an ongoing batch; ten times that while it makes little progress"),
			intFlag("concurrency", pipeline.DefaultConcurrency, fmt.Sprintf("`NUMBER` of batches worked on at a time, at most %d", maxConcurrency)),
			intFlag("retries", 5, "`NUMBER` of tries after the first, for each request"),
			floatFlag("rate", 0, fmt.Sprintf("`NUMBER` of requests a second at most, retries included, from %v on; 0 for no limit", minRate)),
			durationFlag("request-timeout", sources.DefaultRequestTimeout, "longest `TIME` of one try"),
			stringFlag("max-body", "64MiB", "longest answer accepted, as a `SIZE`"),
			durationFlag("grace", 20*time.Second, "`TIME` that batches under way have to be finished after the first SIGINT or SIGTERM"),
			stringFlag("api-url", sources.DefaultBaseURL, "`URL` of the API; https, unless the host is loopback", "ENROW_API_URL"),
			stringFlag("api-key-file", "", "`FILE` with the API key"),
			reportFlag(),
			outputFlag(),
		}, logFlags()),
		Action: p.export,
	}
}

func (p *program) export(c *cli.Context) error {
	cfg, err := exportConfig(c)
	if err != nil {
		return err
	}
	defer closeStore(cfg.Store)
	ui, err := p.newUI(c)
	if err != nil {
		return err
	}
	cfg.Log = ui.log
	stop := make(chan struct{}) // for the source, too
	cfg.Stop = stop
	part, err := shardOf(c)
	if err != nil {
		return err
	}
	files := given(c, "ids-file")
	switch none := c.NArg() == 0 && len(files) == 0 && !c.Bool("pending"); {
	case c.Bool("retry-failed") && !c.Bool("pending"):
		return usagef("add --pending, or name the batches: those that are named are always tried again", "--retry-failed goes with --pending alone")
	case none && c.String("from") == "":
		return usagef("give batch ids, --ids-file FILE or --pending", "no batch ids")
	}
	// Whatever can be wrong with the call is found before anything is asked of
	// the API or the destination.
	var from source
	if !c.Bool("dry-run") || c.String("from") != "" {
		if from, err = newSource(c, cfg, ui); err != nil {
			return err
		}
		defer from.close()
		cfg.Source = from
	}
	ids, err := p.readIDs(c.Context, c.Args().Slice(), files)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		if name := c.String("report"); name != "" {
			ui.log.Warn("a dry run is not in the report", "report", name)
		}
		if ids, err = wanted(c, cfg, from, ids, part); err != nil {
			return err
		}
		return p.dryRun(c.Context, cfg, ids, ui)
	}
	report, err := openReport(c, cfg, part)
	if err != nil {
		return err
	}
	defer report.close()
	summary := newSummaryLine(cfg.Table.Kind, pipeline.Summary{}, 0)
	if ids, err = wanted(c, cfg, from, ids, part); err == nil {
		p.stopGently(c.Duration("grace"), ui, stop)
		summary, err = p.runExport(c, cfg, from, ids, ui, report)
	}
	err = joinOutcome(err, summary.Failed, summary.Ongoing)
	if failed := report.write(summary, err); failed != nil {
		ui.log.Error("the run is not in the report", "error", failed)
		err = cmp.Or(err, failed)
	}
	return err
}

// wanted adds to the ids that are given those that go without saying, and returns
// each once, as far as it belongs to the shard.
func wanted(c *cli.Context, cfg pipeline.Config, from source, ids []string, part shard) ([]string, error) {
	named := c.NArg() > 0 || len(given(c, "ids-file")) > 0
	switch {
	case c.Bool("pending"):
		to, err := rootOf(c, "to")
		if err == nil && !named {
			err = to.exists() // or a wrong name would have nothing pending for ever
		}
		if err != nil {
			return nil, err
		}
		more, err := pipeline.Pending(c.Context, cfg, c.Bool("retry-failed"))
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	case !named:
		for id, err := range from.saved(c.Context, cfg.Table) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
	}
	return part.keep(distinct(ids)), nil
}

// runExport exports the batches, and tells how that goes.
func (p *program) runExport(c *cli.Context, cfg pipeline.Config, from source, ids []string, ui *ui, report *report) (summaryLine, error) {
	progress := ui.track(len(ids), cfg.Encodings)
	cfg.OnWaiting = progress.waiting
	s, err := pipeline.Run(c.Context, cfg, ids, func(r pipeline.Result) {
		progress.result(r)
		report.result(r)
		ui.result(r)
	})
	progress.end()
	summary := newSummaryLine(cfg.Table.Kind, s, from.retries())
	ui.summary(summary)
	if signal := p.signals.err(); signal != nil && !errors.Is(err, signal) {
		err = errors.Join(signal, err) // the run was cut short, though not cut off
	}
	return summary, err
}

// stopGently lets the first signal close stop, when batches that are under way
// then have some time to be finished.
func (p *program) stopGently(grace time.Duration, ui *ui, stop chan<- struct{}) {
	p.signals.graceful(grace, func() {
		close(stop)
		ui.log.Warn("stopping: batches under way are being finished; another signal stops at once", "within", grace)
	})
}

func (p *program) dryRun(ctx context.Context, cfg pipeline.Config, ids []string, ui *ui) error {
	var exports, done, failed int
	err := pipeline.Plan(ctx, cfg, ids, func(planned pipeline.Planned) {
		switch {
		case planned.Err != nil:
			failed++
		case planned.Export:
			exports++
		default:
			done++
		}
		ui.planned(planned)
	})
	ui.plan(exports, done, failed)
	return joinOutcome(err, failed, 0)
}

// exportConfig reads the flags that say what to export and where to.
func exportConfig(c *cli.Context) (pipeline.Config, error) {
	cfg := pipeline.Config{
		KeepRaw:       c.Bool("keep-raw"),
		AllowMismatch: c.Bool("allow-mismatch"),
		Force:         c.Bool("force"),
		Wait:          c.Bool("wait"),
		WaitTimeout:   c.Duration("wait-timeout"),
		PollInterval:  c.Duration("poll-interval"),
		Concurrency:   c.Int("concurrency"),
		Encoders:      processors(),
		ToolVersion:   version,
		Now:           time.Now,
	}
	formats := given(c, "format")
	if len(formats) == 0 {
		formats = []string{"parquet"}
	}
	tables, err := tables(c)
	if err != nil {
		return cfg, err
	}
	cfg.Table = tables[0]
	if cfg.Columns, err = columns(c, cfg.Table); err != nil {
		return cfg, err
	}
	if cfg.Encodings, err = encodings(formats, given(c, "compression")); err != nil {
		return cfg, err
	}
	if c.Bool("csv-safe") {
		if err := neutralise(cfg.Encodings); err != nil {
			return cfg, err
		}
	}
	if err := oneOf("unknown-fields", c.String("unknown-fields"), "capture", "error"); err != nil {
		return cfg, err
	}
	cfg.RefuseUnknown = c.String("unknown-fields") == "error"
	if cfg.Layout, err = layout(c.String("layout")); err != nil {
		return cfg, err
	}
	if cfg.MaxBody, err = byteSize("max-body", c.String("max-body")); err != nil {
		return cfg, err
	}
	if err := checkConcurrency(cfg.Concurrency); err != nil {
		return cfg, err
	}
	if err := checkRate(c.Float64("rate")); err != nil {
		return cfg, err
	}
	if err := notNegative("retries", c.Int("retries")); err != nil {
		return cfg, err
	}
	if err := positive("request-timeout", c.Duration("request-timeout")); err != nil {
		return cfg, err
	}
	if err := positive("poll-interval", cfg.PollInterval); err != nil {
		return cfg, err
	}
	if err := notNegative("wait-timeout", cfg.WaitTimeout); err != nil {
		return cfg, err
	}
	if err := notNegative("grace", c.Duration("grace")); err != nil {
		return cfg, err
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return cfg, err
	}
	cfg.PublishBudget = to.publishBudget()
	cfg.Store, err = to.open()
	return cfg, err
}

// neutralise sets --csv-safe for the format that it is for.
func neutralise(encodings []sinks.Encoding) error {
	for i := range encodings {
		if encodings[i].Format.Name == "csv" {
			encodings[i].Neutralised = true
			return nil
		}
	}
	return usagef("add it to --format, or leave --csv-safe out", "--csv-safe: csv is not among the formats asked for")
}

// newClient returns the API client that the flags describe. The caller closes it.
func newClient(c *cli.Context, cfg pipeline.Config, ui *ui) (*sources.Client, error) {
	key, err := apiKey(c.Context, c.String("api-key-file"), c.String("api-url"))
	if err != nil {
		return nil, err
	}
	client, err := sources.NewClient(sources.Config{
		BaseURL:        c.String("api-url"),
		Key:            key,
		Retries:        c.Int("retries"),
		Rate:           c.Float64("rate"),
		RequestTimeout: c.Duration("request-timeout"),
		MaxBody:        cfg.MaxBody,
		UserAgent:      "enrow-export/" + version,
		Log:            ui.log,
		Stop:           cfg.Stop,
	})
	if err != nil {
		return nil, usagef("", "%v", err)
	}
	return client, nil
}

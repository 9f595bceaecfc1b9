package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
)

func (p *program) enqueueCommand() *cli.Command {
	return &cli.Command{
		Name:      "enqueue",
		Usage:     "record batches in the manifest as pending, for export --pending",
		ArgsUsage: "[BATCH_ID ...]",
		Description: "A batch that the manifest knows already stays as it is, so the same call may be\n" +
			"repeated, and any number of them may run at once. One whose entry cannot be read has\n" +
			"failed. No request is made to the API, no key is needed.",
		CustomHelpTemplate: cli.CommandHelpTemplate + exitCodes(exitOK, exitStopped, exitUsage, exitFailed, exitInterrupt, exitTerminated),
		Flags: append(append(toFlags(), kindFlag(), idsFileFlag(), outputFlag()),
			logFlags()...),
		Action: p.enqueue,
	}
}

// enqueuedLine is a line about one batch in the JSON form of enqueue.
type enqueuedLine struct {
	Type    string `json:"type"` // "enqueued"
	BatchID string `json:"batch_id"`
	Outcome string `json:"outcome"` // queued, known, failed
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// enqueueSummaryLine closes the JSON form of enqueue.
type enqueueSummaryLine struct {
	Type   string `json:"type"` // "enqueue_summary"
	Kind   string `json:"kind"`
	Queued int    `json:"queued"`
	Known  int    `json:"known"`
	Failed int    `json:"failed"`
}

func (p *program) enqueue(c *cli.Context) error {
	tables, err := tables(c)
	if err != nil {
		return err
	}
	cfg := pipeline.EnqueueConfig{Table: tables[0], ToolVersion: version}
	ui, err := p.newUI(c)
	if err != nil {
		return err
	}
	cfg.Log = ui.log
	files := given(c, "ids-file")
	if c.NArg() == 0 && len(files) == 0 {
		return usagef("give batch ids, or --ids-file FILE", "no batch ids")
	}
	ids, err := p.readIDs(c.Context, c.Args().Slice(), files)
	if err != nil {
		return err
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return err
	}
	if cfg.Store, err = to.open(); err != nil {
		return err
	}
	defer closeStore(cfg.Store)

	summary := enqueueSummaryLine{Type: "enqueue_summary", Kind: cfg.Table.Kind}
	err = pipeline.Enqueue(c.Context, cfg, ids, func(e pipeline.Enqueued) { ui.enqueued(e, &summary) })
	if err != nil && summary.Failed+summary.Queued+summary.Known == 0 {
		return err
	}
	ui.line(summary, "%s", headline("nothing to do",
		summary.Failed, "failed", summary.Queued, "queued", summary.Known, "known already"))
	return joinOutcome(err, summary.Failed, 0)
}

// enqueued tells what became of one batch, and counts it.
func (u *ui) enqueued(e pipeline.Enqueued, summary *enqueueSummaryLine) {
	l := enqueuedLine{Type: "enqueued", BatchID: e.BatchID, Outcome: "known"}
	what := ""
	switch {
	case e.Err != nil:
		summary.Failed++
		l.Outcome, l.Error, l.Hint = "failed", e.Err.Error(), hint(e.Err)
		what = "  " + l.Error
		if l.Hint != "" {
			what += "\n        hint: " + l.Hint
		}
		if u.quiet {
			fmt.Fprintf(u.err, "failed  %s%s\n", e.BatchID, what)
		}
	case e.New:
		summary.Queued++
		l.Outcome = "queued"
	default:
		summary.Known++
	}
	u.line(l, "%-6s  %s%s", l.Outcome, e.BatchID, what)
}

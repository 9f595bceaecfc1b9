package main

import (
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/export"
)

func (p *program) enqueueCommand() *cli.Command {
	return newCommand(command{
		name:  "enqueue",
		usage: "record batches in the manifest as pending, for export --pending",
		args:  "[BATCH_ID ...]",
		description: "A batch that the manifest knows already stays as it is, so the same call may be\n" +
			"repeated, and any number of them may run at once; one that was dismissed is pending\n" +
			"again. One whose entry cannot be read has failed. No request is made to the API, no key\n" +
			"is needed.",
		flags: append(append(toFlags(), kindFlag(), idsFileFlag(), outputFlag()),
			logFlags()...),
		action: p.enqueue,
	})
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
	ui := p.newUI(c)
	cfg := export.EnqueueConfig{Table: tables(c)[0], Log: ui.log, ToolVersion: version}
	if !namesBatches(c) {
		return usagef("give batch ids, or --ids-file FILE", "no batch ids")
	}
	ids, err := p.readIDs(c)
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
	err = export.Enqueue(c.Context, cfg, ids, func(e export.Enqueued) { ui.enqueued(e, &summary) })
	if err != nil && summary.Failed+summary.Queued+summary.Known == 0 {
		return err
	}
	ui.line(summary, "%s", headline("nothing to do",
		summary.Failed, "failed", summary.Queued, "queued", summary.Known, "known already"))
	return joinOutcome(err, summary.Failed, 0)
}

// enqueued tells what became of one batch, and counts it.
func (u *ui) enqueued(e export.Enqueued, summary *enqueueSummaryLine) {
	l := enqueuedLine{Type: "enqueued", BatchID: e.BatchID, Outcome: "known"}
	what := ""
	switch {
	case e.Err != nil:
		summary.Failed++
		l.Outcome, l.Error, l.Hint = "failed", e.Err.Error(), hint(e.Err)
		what = "  " + u.failure(6, e.BatchID, e.Err)
	case e.New:
		summary.Queued++
		l.Outcome = "queued"
	default:
		summary.Known++
	}
	u.line(l, "%-6s  %s%s", l.Outcome, e.BatchID, what)
}

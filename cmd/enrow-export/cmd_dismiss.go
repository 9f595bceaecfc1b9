package main

import (
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/export"
)

func (p *program) dismissCommand() *cli.Command {
	return newCommand(command{
		name:  "dismiss",
		usage: "record that permanently failed batches need no more attention",
		args:  "[BATCH_ID ...]",
		description: "export --pending leaves out a batch that is permanently failed, and says so in each summary\n" +
			"until somebody has dismissed it. enqueue takes that back: the batch is pending again. Any\n" +
			"other batch cannot be dismissed. No request is made to the API, no key is needed.",
		flags: append(append(toFlags(), kindFlag(), idsFileFlag(), outputFlag()),
			logFlags()...),
		action: p.dismiss,
	})
}

// dismissedLine is a line about one batch in the JSON form of dismiss.
type dismissedLine struct {
	Type    string `json:"type"` // "dismissed"
	BatchID string `json:"batch_id"`
	Outcome string `json:"outcome"` // dismissed, known, failed
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// dismissSummaryLine closes the JSON form of dismiss.
type dismissSummaryLine struct {
	Type      string `json:"type"` // "dismiss_summary"
	Kind      string `json:"kind"`
	Dismissed int    `json:"dismissed"`
	Known     int    `json:"known"`
	Failed    int    `json:"failed"`
}

func (p *program) dismiss(c *cli.Context) error {
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
	if cfg.Store, err = to.openExisting(); err != nil {
		return err
	}
	defer closeStore(cfg.Store)
	if err := to.known(c.Context, cfg.Store); err != nil {
		return err
	}

	summary := dismissSummaryLine{Type: "dismiss_summary", Kind: cfg.Table.Kind}
	err = export.Dismiss(c.Context, cfg, ids, func(d export.Dismissed) { ui.dismissed(d, &summary) })
	if err != nil && summary.Failed+summary.Dismissed+summary.Known == 0 {
		return err
	}
	ui.line(summary, "%s", headline("nothing to do",
		summary.Failed, "not dismissed", summary.Dismissed, "dismissed", summary.Known, "dismissed already"))
	return joinOutcome(err, summary.Failed, 0)
}

// dismissed tells what became of one batch, and counts it.
func (u *ui) dismissed(d export.Dismissed, summary *dismissSummaryLine) {
	l := dismissedLine{Type: "dismissed", BatchID: d.BatchID, Outcome: "known"}
	what := ""
	switch {
	case d.Err != nil:
		summary.Failed++
		l.Outcome, l.Error, l.Hint = "failed", d.Err.Error(), hint(d.Err)
		what = "  " + u.failure(9, d.BatchID, d.Err)
	case d.New:
		summary.Dismissed++
		l.Outcome = "dismissed"
	default:
		summary.Known++
	}
	u.line(l, "%-9s  %s%s", l.Outcome, d.BatchID, what)
}

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
	cfg, ids, to, err := p.recording(c, ui)
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

	var n recordedCounts
	err = export.Dismiss(c.Context, cfg, ids, func(r export.Recorded) {
		ui.recorded("dismissed", "dismissed", r, &n)
	})
	if err != nil && n.all() == 0 {
		return err
	}
	ui.line(dismissSummaryLine{"dismiss_summary", cfg.Table.Kind, n.now, n.known, n.failed}, "%s",
		headline("nothing to do", n.failed, "not dismissed", n.now, "dismissed", n.known, "dismissed already"))
	return joinOutcome(err, n.failed, 0)
}

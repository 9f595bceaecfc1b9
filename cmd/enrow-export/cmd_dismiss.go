package main

import (
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/export"
)

func (p *program) dismissCommand() command {
	return command{
		name:  "dismiss",
		topic: topicExport,
		usage: "record that a permanently failed batch needs no attention",
		args:  "[BATCH_ID ...]",
		description: "export --pending skips a permanently failed batch, and reports it in every run until it is " +
			"dismissed. enqueue makes a dismissed batch pending again. dismiss sends no request to the API and needs no key.",
		examples: []example{
			{"one batch", "enrow-export dismiss --to out BATCH_ID"},
			{"a list of phone searches", "enrow-export dismiss --to out --kind phone-find --ids-file failed.txt"},
		},
		page: "pending.md",
		exits: exitCodes(
			exit{"0", "every batch is dismissed"},
			exit{"1", "stopped: ROOT is out of reach"},
			exit{"3", "some batches are not permanently failed, or cannot be read"},
		),
		groups: []flagGroup{
			{"Where the manifest is", toFlags()},
			{"Which batches", []*flagDef{kindFlag(), idsFileFlag()}},
			{"Output", append([]*flagDef{outputFlag()}, logFlags()...)},
			storeGroup(writes),
		},
		action: p.dismiss,
	}
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
	if err := p.writable(c, "to", cfg.Store); err != nil {
		return err
	}

	var n recordedCounts
	err = export.Dismiss(c.Context, cfg, ids, func(r export.Recorded) {
		ui.recorded("dismissed", "dismissed", cfg.Table.Kind, r, &n)
	})
	if err != nil && n.all() == 0 {
		return err
	}
	ui.line(dismissSummaryLine{"dismiss_summary", cfg.Table.Kind, n.now, n.known, n.failed}, "%s",
		headline("nothing to do", n.failed, "not dismissed", n.now, "dismissed", n.known, "dismissed already"))
	return joinOutcome(err, n.failed, 0)
}

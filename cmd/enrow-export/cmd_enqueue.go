package main

import (
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/export"
)

func (p *program) enqueueCommand() command {
	return command{
		name:  "enqueue",
		topic: topicExport,
		usage: "record batches as wanted, for export --pending",
		args:  "[BATCH_ID ...]",
		description: "Call it when you start a search. It sends no request to the API and needs no key. " +
			"A dismissed batch becomes pending again. Any other batch that is already in the manifest stays as it is.",
		examples: []example{
			{"record a batch when you start its search", "enrow-export enqueue --to out BATCH_ID"},
			{"export the recorded batches, from cron", "enrow-export export --to out --pending --quiet"},
		},
		page: "pending.md",
		exits: exitCodes(
			exit{"0", "every batch is recorded"},
			exit{"1", "stopped: ROOT is out of reach"},
			exit{"3", "the entry of some batches cannot be read"},
		),
		groups: []flagGroup{
			{"Where the manifest is", toFlags()},
			{"Which batches", []*flagDef{kindFlag(), idsFileFlag()}},
			{"Output", append([]*flagDef{outputFlag()}, logFlags()...)},
			storeGroup(writes),
		},
		action: p.enqueue,
	}
}

// recordedLine is a line about one batch in the JSON form of enqueue and dismiss.
type recordedLine struct {
	Type    string `json:"type"` // "enqueued", "dismissed"
	BatchID string `json:"batch_id"`
	Outcome string `json:"outcome"` // queued or dismissed, known, failed
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

// recording reads the batches of a command that records something of each in the
// manifest, and the root that they are in.
func (p *program) recording(c *cli.Context, ui *ui) (cfg export.EnqueueConfig, ids []string, to root, err error) {
	cfg = export.EnqueueConfig{Table: tables(c)[0], Log: ui.log, ToolVersion: version}
	if !namesBatches(c) {
		return cfg, nil, to, usagef("give batch ids, or --ids-file FILE", "no batch ids")
	}
	if ids, err = p.readIDs(c); err != nil {
		return cfg, nil, to, err
	}
	to, err = rootOf(c, "to")
	return cfg, ids, to, err
}

// recordedCounts counts batches by their outcome.
type recordedCounts struct{ now, known, failed int }

// all returns the number of batches.
func (n recordedCounts) all() int { return n.now + n.known + n.failed }

// recorded tells what became of one batch, and counts it. done is the outcome of a batch
// that was recorded now.
func (u *ui) recorded(typ, done, kind string, r export.Recorded, n *recordedCounts) {
	l := recordedLine{Type: typ, BatchID: r.BatchID, Outcome: "known"}
	what := ""
	switch {
	case r.Err != nil:
		n.failed++
		l.Outcome, l.Error, l.Hint = "failed", r.Err.Error(), hint(r.Err)
		what = "  " + u.failure(len(done), kind, r.BatchID, r.Err)
	case r.New:
		n.now++
		l.Outcome = done
	default:
		n.known++
	}
	u.line(l, "%-*s  %s%s", len(done), l.Outcome, r.BatchID, what)
}

func (p *program) enqueue(c *cli.Context) error {
	ui := p.newUI(c)
	cfg, ids, to, err := p.recording(c, ui)
	if err != nil {
		return err
	}
	if cfg.Store, err = to.open(); err != nil {
		return err
	}
	defer closeStore(cfg.Store)
	if err := p.writable(c, "to", cfg.Store); err != nil {
		return err
	}

	var n recordedCounts
	err = export.Enqueue(c.Context, cfg, ids, func(r export.Recorded) {
		ui.recorded("enqueued", "queued", cfg.Table.Kind, r, &n)
	})
	if err != nil && n.all() == 0 {
		return err
	}
	ui.line(enqueueSummaryLine{"enqueue_summary", cfg.Table.Kind, n.now, n.known, n.failed}, "%s",
		headline("nothing to do", n.failed, "failed", n.now, "queued", n.known, "known already"))
	return joinOutcome(err, n.failed, 0)
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/adopt"
)

func (p *program) adoptCommand() command {
	return command{
		name:  "adopt",
		topic: topicRepair,
		usage: "rebuild manifest entries that were lost, from the files",
		args:  "[BATCH_ID ...]",
		description: "Without ids: every batch that has files and is not exported. A batch counts as exported " +
			"when the copy of its response (export --keep-raw) confirms its files. " +
			"Without a copy, the batch becomes pending, and export --pending requests it from Enrow. " +
			"adopt changes no file, sends no request to the API, and can be repeated.",
		examples: []example{
			{"see what would be done", "enrow-export adopt --to out --dry-run"},
			{"rebuild the entries, then check them", "enrow-export adopt --to out && enrow-export verify --to out --depth full"},
		},
		page: "recovery.md",
		exits: exitCodes(
			exit{"0", "every batch has an entry"},
			exit{"1", "stopped: ROOT is out of reach, or has neither files nor a manifest"},
			exit{"3", "some batches failed, or have files that no entry can name"},
		),
		groups: []flagGroup{
			{"Destination", append(toFlags(), layoutFlag())},
			{"How the files were exported", []*flagDef{
				formatsFlag(), compressionFlag(), csvSafeFlag(),
				sizeFlag("max-body", "64MiB", "largest response that is read from a copy"),
			}},
			{"Which batches", []*flagDef{
				kindsFlag(), idsFileFlag(),
				boolFlag("dry-run", "print what would be done, and do nothing"),
			}},
			{"Output", append([]*flagDef{outputFlag()}, logFlags()...)},
			storeGroup(writes),
		},
		action: p.adopt,
	}
}

// adoptLine is a line about one batch in the JSON form of adopt.
type adoptLine struct {
	Type    string         `json:"type"` // "adopt"
	BatchID string         `json:"batch_id"`
	Kind    string         `json:"kind"`
	Outcome adopt.Outcome  `json:"outcome"`
	Rows    *int64         `json:"rows,omitempty"`
	Files   []string       `json:"files,omitempty"` // paths
	Left    []leftFileLine `json:"left,omitempty"`
	Error   string         `json:"error,omitempty"`
	Hint    string         `json:"hint,omitempty"`
}

type leftFileLine struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
	Differs bool   `json:"differs"`
}

// adoptSummaryLine closes the JSON form of adopt.
type adoptSummaryLine struct {
	Type    string `json:"type"` // "adopt_summary"
	Adopted int    `json:"adopted"`
	Queued  int    `json:"queued"`
	Known   int    `json:"known"`
	Left    int    `json:"left"`
	Failed  int    `json:"failed"`
	Differ  int    `json:"differ"` // files
	DryRun  bool   `json:"dry_run"`
}

func (p *program) adopt(c *cli.Context) error {
	ui := p.newUI(c)
	cfg := adopt.Config{
		Tables: tables(c), Layout: layout(c), MaxBody: byteSize(c, "max-body"), DryRun: c.Bool("dry-run"), Log: ui.log, ToolVersion: version,
	}
	var err error
	if cfg.Encodings, err = encodings(c); err != nil {
		return err
	}
	if namesBatches(c) {
		if cfg.IDs, err = p.readIDs(c); err != nil {
			return err
		}
		if cfg.IDs == nil {
			cfg.IDs = []string{} // an empty list is not all
		}
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return err
	}
	if cfg.Store, err = to.openExisting(); err != nil {
		return err
	}
	defer closeStore(cfg.Store)
	if !cfg.DryRun {
		if err := p.writable(c, "to", cfg.Store); err != nil {
			return err
		}
	}

	summary := adoptSummaryLine{Type: "adopt_summary", DryRun: cfg.DryRun}
	begun := false
	err = adopt.Run(c.Context, cfg, func(r adopt.Result) { begun = true; ui.adopted(r, &summary) })
	if err == nil && !begun {
		err = to.known(c.Context, cfg.Store) // an empty root is more often another one
	}
	if err != nil && !begun {
		return err
	}
	text := headline("nothing to adopt", summary.Failed, "failed", summary.Adopted, "adopted", summary.Queued, "recorded as pending",
		summary.Known, "known already", summary.Left, "left")
	if summary.Differ > 0 {
		text += fmt.Sprintf("; %s not what it should be", count(int64(summary.Differ), "file"))
	}
	if cfg.DryRun {
		text = "dry run, nothing was written: " + text
	}
	ui.line(summary, "%s", text)
	return joinOutcome(err, summary.Failed+summary.Differ+summary.Left, 0)
}

// adopted tells what became of one batch, and counts it.
func (u *ui) adopted(r adopt.Result, summary *adoptSummaryLine) {
	l := adoptLine{Type: "adopt", BatchID: r.BatchID, Kind: r.Table.Kind, Outcome: r.Outcome}
	what := strings.TrimSuffix(kindShown(l.Kind), ", ")
	switch r.Outcome {
	case adopt.Adopted:
		summary.Adopted++
		l.Rows = r.Entry.Rows
		l.Files = slices.Sorted(slices.Values(r.Entry.Named()))
		what = fmt.Sprintf("%s%s in %s", kindShown(l.Kind), count(*l.Rows, "row"), count(int64(len(r.Entry.Files)), "file"))
	case adopt.Queued:
		summary.Queued++
	case adopt.Known:
		summary.Known++
	case adopt.Left:
		summary.Left++
		if len(r.Left) == 0 {
			what = "no file of it is there"
		}
	case adopt.Failed:
		summary.Failed++
		l.Error, l.Hint = r.Err.Error(), hint(r.Err)
		what = u.failure(7, r.Table.Kind, r.BatchID, r.Err)
	}
	var left strings.Builder
	for _, f := range r.Left {
		if f.Differs {
			summary.Differ++
		}
		l.Left = append(l.Left, leftFileLine(f))
		fmt.Fprintf(&left, "\n         %s %s", f.Path, f.Problem)
	}
	if what != "" {
		what = "  " + what
	}
	u.line(l, "%-7s  %s%s%s", l.Outcome, l.BatchID, what, left.String())
}

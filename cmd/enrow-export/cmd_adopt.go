package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/adopt"
)

func (p *program) adoptCommand() *cli.Command {
	return newCommand(command{
		name:  "adopt",
		usage: "rebuild manifest entries that were lost, from the files",
		args:  "[BATCH_ID ...]",
		description: "Without ids: of all batches that have files and are not exported. The copy of an answer\n" +
			"(--keep-raw) is read again, and the data files that have its rows are named by a new entry:\n" +
			"the batch is exported. Without a copy it is recorded as pending, so that export --pending\n" +
			"asks Enrow and takes the files over, or replaces them. A file that is not what the answer\n" +
			"or its path says is reported. No file is changed, and no entry of an exported batch; no\n" +
			"request is made to the API. The same call may be repeated, and run beside exports.\n" +
			"Files of all formats are adopted. Give the flags of the exports all the same: they decide\n" +
			"where a file does not tell, as Parquet without rows does not tell its compression.",
		flags: append(append(toFlags(), kindsFlag(), layoutFlag(), formatFlag(), compressionFlag(), csvSafeFlag(), idsFileFlag(),
			sizeFlag("max-body", "64MiB", "longest answer read from a copy, as a `SIZE`"),
			boolFlag("dry-run", "say what would be done; nothing written"),
			outputFlag()), logFlags()...),
		action: p.adopt,
	})
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
		what = u.failure(7, r.BatchID, r.Err)
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

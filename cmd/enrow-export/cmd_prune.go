package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/prune"
	"enrow-export/schema"
)

func (p *program) pruneCommand() *cli.Command {
	return newCommand(command{
		name:   "prune",
		noArgs: "it looks at the whole destination",
		usage:  "list the data files that no manifest entry names, or delete them",
		description: "Such files, and copies of answers, are orphans of runs that died or superseded by others.\n" +
			"What is not recognised as this program's, by path and content, is shown as foreign\n" +
			"and never deleted. Runs that are under way lose nothing: they put again what they need.",
		flags: append(toFlags(),
			boolFlag("delete", "delete what is listed"),
			layoutFlag(),
			outputFlag()),
		action: p.prune,
	})
}

// pruneLine is a line about one file in the JSON form of prune.
type pruneLine struct {
	Type    string       `json:"type"` // "unnamed"
	Path    string       `json:"path"`
	Bytes   int64        `json:"bytes"`
	Reason  prune.Reason `json:"reason"`
	BatchID string       `json:"batch_id,omitempty"`
	Deleted bool         `json:"deleted"`
}

// pruneSummaryLine closes the JSON form of prune.
type pruneSummaryLine struct {
	Type    string `json:"type"` // "prune_summary"
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Deleted int    `json:"deleted"`
	Foreign int    `json:"foreign"`
}

func (p *program) prune(c *cli.Context) error {
	cfg := prune.Config{Tables: schema.Tables(), Layout: layout(c), Delete: c.Bool("delete"), ToolVersion: version}
	ui := p.newUI(c)
	to, err := rootOf(c, "to")
	if err != nil {
		return err
	}
	if cfg.Store, err = to.openExisting(); err != nil {
		return err
	}
	defer closeStore(cfg.Store)

	summary := pruneSummaryLine{Type: "prune_summary"}
	err = prune.Run(c.Context, cfg, func(u prune.Unnamed) { ui.unnamed(u, cfg.Delete, &summary) })
	var unreadable *prune.UnreadableError
	if errors.As(err, &unreadable) {
		for _, e := range unreadable.Entries {
			fmt.Fprintf(plain{p.stderr}, "enrow-export: %v\n", e)
		}
		fmt.Fprintln(p.stderr, "hint: nothing was deleted, since what these entries name is not known: use the version of enrow-export that wrote them, or move them away")
		err = errSomeFailed
	}
	ui.pruned(summary, cfg.Delete)
	return err
}

// unnamed tells of one file, and counts it.
func (u *ui) unnamed(file prune.Unnamed, remove bool, summary *pruneSummaryLine) {
	l := pruneLine{"unnamed", file.Path, file.Bytes, file.Reason, file.BatchID, file.Deleted}
	note := ""
	switch {
	case file.Reason == prune.Foreign:
		summary.Foreign++
		note = "  (not recognised, left alone)"
	case file.Deleted:
		summary.Deleted++
		note = "  (deleted)"
	case remove:
		note = "  (left alone)"
	}
	if file.Reason != prune.Foreign {
		summary.Files++
		summary.Bytes += file.Bytes
	}
	u.line(l, "%-10s  %s  %s%s", file.Reason, schema.Escape(file.Path, ""), size(file.Bytes), note)
}

// pruned closes with what was found.
func (u *ui) pruned(s pruneSummaryLine, remove bool) {
	text := "no file without a manifest entry"
	if s.Files > 0 {
		text = fmt.Sprintf("%s without a manifest entry, %s", count(int64(s.Files), "file"), size(s.Bytes))
		switch {
		case remove:
			text += fmt.Sprintf(": %d deleted", s.Deleted)
		default:
			text += ": delete with --delete"
		}
	}
	if s.Foreign > 0 {
		text += fmt.Sprintf("; %d not recognised", s.Foreign)
	}
	u.line(s, "%s", text)
}

package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/prune"
	"enrow-export/schema"
)

func (p *program) pruneCommand() command {
	return command{
		name:   "prune",
		topic:  topicRepair,
		noArgs: "it looks at the whole destination",
		usage:  "list the data files that no manifest entry names, or delete them",
		description: "A run that was killed may leave such files. prune lists a file that it does not recognise as written " +
			"by this program as foreign, and never deletes it. It also keeps a file that may be the only copy of its " +
			"data. Without --at-most, it deletes nothing when a manifest may be lost: when no entry of a " +
			"table names a file, or when it would delete more files of a table than it keeps.",
		examples: []example{
			{"list the files", "enrow-export prune --to out"},
			{"delete the files", "enrow-export prune --to out --delete"},
		},
		page: "recovery.md",
		exits: exitCodes(
			exit{"0", "the files are listed, or deleted"},
			exit{"1", "stopped: ROOT is out of reach, or refused because a manifest may be lost"},
			exit{"3", "some entries or files cannot be read or deleted"},
		),
		groups: []flagGroup{
			{"Destination", append(toFlags(), layoutFlag())},
			{"What to delete", []*flagDef{boolFlag("delete", "delete the listed files"), atMostFlag()}},
			{"Output", []*flagDef{outputFlag()}},
			storeGroup(writes),
		},
		action: p.prune,
	}
}

// atMostFlag is --at-most. Left out, it is 0.
func atMostFlag() *flagDef {
	return intFlag("at-most", 0, "delete up to N files, even if a manifest may be lost", func(flag string, value int) error {
		if value < 1 {
			return usagef("", "%s: %d is not above zero", flag, value)
		}
		return nil
	}).or("").more("It goes with --delete. Nothing is deleted if there are more than N files to delete.")
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
	// OnlyCopies are copies of answers whose batch is not exported, and files of batches of
	// which one that the entry names is missing.
	OnlyCopies int `json:"only_copies"`
	// Refused is why --delete deletes nothing.
	Refused string `json:"refused,omitempty"`
}

func (p *program) prune(c *cli.Context) error {
	cfg := prune.Config{
		Tables: schema.Tables(), Layout: layout(c), Delete: c.Bool("delete"), AtMost: c.Int("at-most"), ToolVersion: version,
	}
	ui := p.newUI(c)
	to, err := rootOf(c, "to")
	if err != nil {
		return err
	}
	if cfg.Store, err = to.openExisting(); err != nil {
		return err
	}
	defer closeStore(cfg.Store)
	if cfg.Delete {
		if err := p.writable(c, "to", cfg.Store); err != nil {
			return err
		}
	}

	summary := pruneSummaryLine{Type: "prune_summary"}
	refusal, err := prune.Run(c.Context, cfg, func(u prune.Unnamed) { ui.unnamed(u, cfg.Delete, &summary) })
	if refusal != nil {
		summary.Refused = refusal.Err.Error()
	}
	var unreadable *prune.UnreadableError
	if errors.As(err, &unreadable) {
		for _, e := range unreadable.Entries {
			ui.err.tell("enrow-export: "+e.Error(), (*slog.Logger).Error, "entry cannot be read", "error", e)
		}
		const hint = "nothing was deleted, since what these entries name is not known: use the version of enrow-export that wrote them, or move them away"
		ui.err.tell("hint: "+hint, (*slog.Logger).Error, "nothing was deleted", "hint", hint)
		summary.Refused = "some entries cannot be read"
		if err = errSomeFailed; cfg.Delete && refusal != nil {
			err = refusal
		}
	} else if err != nil && !errors.Is(err, refusal) {
		return err // it could not look, or not at everything
	}
	if err == nil && summary.Files+summary.Foreign+summary.OnlyCopies == 0 {
		if err := to.known(c.Context, cfg.Store); err != nil {
			return err // an empty root is more often another one
		}
	}
	ui.pruned(summary, cfg.Delete, refusal)
	return err
}

// unnamed tells of one file, and counts it.
func (u *ui) unnamed(file prune.Unnamed, remove bool, summary *pruneSummaryLine) {
	l := pruneLine{"unnamed", file.Path, file.Bytes, file.Reason, file.BatchID, file.Deleted}
	note := ""
	switch {
	case file.Reason == prune.Foreign:
		summary.Foreign++
		note = "  (not recognised, kept)"
	case file.Reason == prune.OnlyCopy:
		summary.OnlyCopies++
		note = "  (it may be the only copy, kept)"
	case file.Deleted:
		summary.Deleted++
		note = "  (deleted)"
	case remove:
		note = "  (kept)"
	}
	if file.Reason != prune.Foreign && file.Reason != prune.OnlyCopy {
		summary.Files++
		summary.Bytes += file.Bytes
	}
	u.line(l, "%-10s  %s  %s%s", file.Reason, schema.Escape(file.Path, ""), size(file.Bytes), note)
}

// pruned closes with what was found.
func (u *ui) pruned(s pruneSummaryLine, remove bool, refusal *pipeline.Error) {
	text := "no file without a manifest entry"
	if s.Files > 0 {
		text = fmt.Sprintf("%s without a manifest entry, %s", count(int64(s.Files), "file"), size(s.Bytes))
		switch {
		case remove:
			text += fmt.Sprintf(": %d deleted", s.Deleted)
		case s.Refused != "":
			text += ": --delete would refuse"
		default:
			text += ": delete with --delete"
		}
	}
	if s.OnlyCopies > 0 {
		text += fmt.Sprintf("; %s that may be the only copy: see verify", count(int64(s.OnlyCopies), "file"))
	}
	if s.Foreign > 0 {
		text += fmt.Sprintf("; %d not recognised", s.Foreign)
	}
	if refusal != nil && !remove {
		text += fmt.Sprintf("\n%v\nhint: %s", refusal.Err, refusal.Hint)
	}
	u.line(s, "%s", text)
}

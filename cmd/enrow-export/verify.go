package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "read the files back and compare them with the manifest",
		ArgsUsage: "[BATCH_ID ...]",
		Description: "Every file of the batches (without ids: of all that are exported) is read whole and\n" +
			"compared: size, sha256, crc32c, number of rows, columns. No request is made.",
		CustomHelpTemplate: cli.CommandHelpTemplate + exitCodes(exitOK, exitStopped, exitUsage, exitFailed, exitInterrupt, exitTerminated),
		Flags:              append(toFlags(), idsFileFlag(), outputFlag(), boolFlag("quiet", "print differences only")),
		Action:             p.verify,
	}
}

// checkLine is a line about one batch in the JSON form of verify.
type checkLine struct {
	Type        string           `json:"type"` // "check"
	BatchID     string           `json:"batch_id"`
	OK          bool             `json:"ok"`
	Rows        *int64           `json:"rows,omitempty"`
	Files       int              `json:"files"`
	Differences []differenceLine `json:"differences,omitempty"`
}

type differenceLine struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
}

// checkSummaryLine closes the JSON form of verify.
type checkSummaryLine struct {
	Type    string `json:"type"` // "check_summary"
	OK      int    `json:"ok"`
	Differ  int    `json:"differ"`
	Skipped int    `json:"skipped"` // known, but not exported, when no ids were given
	Files   int    `json:"files"`
	Rows    int64  `json:"rows"`
}

func (p *program) verify(c *cli.Context) error {
	manifest, ids, err := p.selection(c)
	if err != nil {
		return err
	}
	defer closeStore(manifest.Store)
	ui, err := p.newUI(c)
	if err != nil {
		return err
	}
	all := c.NArg() == 0 && len(given(c, "ids-file")) == 0
	summary := checkSummaryLine{Type: "check_summary"}
	for id, err := range ids {
		if err != nil {
			return err
		}
		checked, err := manifest.Verify(c.Context, id)
		if err != nil {
			return err
		}
		if all && checked.Entry != nil && checked.Entry.State != pipeline.StateExported {
			summary.Skipped++
			continue
		}
		ui.checked(checked, &summary)
	}
	ui.line(summary, "%s", headline("the manifest knows none",
		summary.Differ, "with differences", summary.Skipped, "not exported yet",
		summary.OK, fmt.Sprintf("as the manifest says (%s, %s)", count(int64(summary.Files), "file"), count(summary.Rows, "row"))))
	return joinOutcome(nil, summary.Differ, 0)
}

// checked tells what was found of one batch, and counts it.
func (u *ui) checked(c pipeline.Checked, summary *checkSummaryLine) {
	l := checkLine{Type: "check", BatchID: c.BatchID, OK: len(c.Differences) == 0}
	if c.Entry != nil {
		l.Rows, l.Files = c.Entry.Rows, len(c.Entry.Files)
	}
	if l.OK {
		summary.OK++
		summary.Files += l.Files
		summary.Rows += *l.Rows
		u.line(l, "ok       %s  %s in %s", c.BatchID, count(*l.Rows, "row"), count(int64(l.Files), "file"))
		return
	}
	summary.Differ++
	var text strings.Builder
	for _, d := range c.Differences {
		l.Differences = append(l.Differences, differenceLine(d))
		fmt.Fprintf(&text, "\n           %s %s", d.Path, d.Problem)
	}
	if u.quiet {
		fmt.Fprintf(u.err, "differs  %s%s\n", c.BatchID, text.String())
	}
	u.line(l, "differs  %s%s", c.BatchID, text.String())
}

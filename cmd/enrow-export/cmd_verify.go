package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/verify"
)

func (p *program) verifyCommand() command {
	return command{
		name:  "verify",
		topic: topicLook,
		usage: "read the files back and compare them with the manifest",
		args:  "[BATCH_ID ...]",
		description: "Without ids: all exported batches. It sends no request to the API. --depth says how closely to look:\n" +
			"  size       each file exists and has the recorded size\n" +
			"  checksum   its bytes have the recorded SHA-256 and CRC32C\n" +
			"  full       its rows have the recorded number, columns and digest\n" +
			"The code that reads the rows is not the code that wrote them.",
		examples: []example{
			{"all files, by checksum", "enrow-export verify --to out"},
			{"one batch, row by row", "enrow-export verify --to out --depth full BATCH_ID"},
		},
		page: "guarantees.md",
		exits: exitCodes(
			exit{"0", "every file is OK"},
			rootExit,
			exit{"3", "some batches differ, are not exported, or cannot be read"},
		),
		groups: []flagGroup{
			{"Where the files are", toFlags()},
			{"Which batches", []*flagDef{kindsFlag(), idsFileFlag()}},
			{"How to look", []*flagDef{
				textFlag("depth", "DEPTH", string(verify.Checksum), strings.Join(depths(), ", ")).oneOf(depths()...),
			}},
			{"Output", []*flagDef{outputFlag(), boolFlag("quiet", "print differences only, on stderr"), verboseFlag()}},
			storeGroup(reads),
		},
		action: p.verify,
	}
}

func depths() (names []string) {
	for _, d := range verify.Depths() {
		names = append(names, string(d))
	}
	return names
}

// checkLine is a line about one batch in the JSON form of verify.
type checkLine struct {
	Type        string           `json:"type"` // "check"
	BatchID     string           `json:"batch_id"`
	Kind        string           `json:"kind,omitempty"`
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
	// FaultyPacks counts packed files whose rows the entries do not name once each.
	FaultyPacks int `json:"faulty_packs"`
}

func (p *program) verify(c *cli.Context) error {
	depth := verify.Depth(c.String("depth"))
	learn := wholeEntries
	if depth == verify.Size {
		learn = summaries
	}
	batches, err := p.selection(c, learn)
	if err != nil {
		return err
	}
	defer closeStore(batches.store)
	ui := p.newUI(c)
	verifier := verify.New(batches.store, depth, batches.given)
	defer verifier.Close()
	seen := make(map[string]bool) // packed files
	summary := checkSummaryLine{Type: "check_summary"}
	defer ui.erase()
	for known, err := range batches.each {
		if err != nil {
			return err
		}
		checked, err := verifier.Verify(c.Context, known)
		if err != nil {
			return err
		}
		if batches.given < 0 && checked.Entry != nil && checked.Entry.State != manifest.StateExported {
			summary.Skipped++
			continue
		}
		ui.checked(checked, &summary, seen)
		ui.countChecked(summary)
	}
	ui.erase()
	faults, err := manifest.PackFaults(c.Context, batches.store, tables(c), len(seen) > 0)
	if err != nil {
		return err
	}
	for _, f := range faults {
		ui.faultyPack(f)
	}
	summary.FaultyPacks = len(faults)
	text := headline("nothing to verify",
		summary.Differ, "with differences", summary.Skipped, "not exported yet",
		summary.OK, fmt.Sprintf("OK (%s, %s)", count(int64(summary.Files), "file"), count(summary.Rows, "row")))
	if len(faults) > 0 {
		text += "; " + count(int64(len(faults)), "packed file") + " with differences"
	}
	if ui.unshown > 0 {
		text += fmt.Sprintf("\n%s not shown: --verbose prints one line for each batch", count(int64(ui.unshown), "line"))
	}
	ui.line(summary, "%s", text)
	return joinOutcome(nil, summary.Differ+len(faults), 0)
}

// countChecked shows on a terminal how far verify is when it prints no lines.
func (u *ui) countChecked(s checkSummaryLine) {
	if !u.brief() || u.screen == nil || u.quiet || time.Since(u.drawn) < barInterval {
		return
	}
	u.drawn = time.Now()
	text := count(int64(s.OK), "batch") + " OK"
	if s.Differ > 0 {
		text += fmt.Sprintf(", %s with differences", humanize.Comma(int64(s.Differ)))
	}
	u.screen.draw(text)
}

// faultyPackLine is a line about a packed file whose rows the entries do not name once
// each, in the JSON form of verify.
type faultyPackLine struct {
	Type    string `json:"type"` // "faulty_pack"
	Path    string `json:"path"`
	Problem string `json:"problem"`
	Hint    string `json:"hint"`
}

func (u *ui) faultyPack(f manifest.PackFault) {
	text := fmt.Sprintf("differs  %s\n           %s\n           hint: %s", f.Path, f.Problem, manifest.PackHint)
	u.complain(text, (*slog.Logger).Error, "packed file differs", "path", f.Path, "error", f.Problem, "hint", manifest.PackHint)
	u.line(faultyPackLine{"faulty_pack", f.Path, f.Problem, manifest.PackHint}, "%s", text)
}

// checked tells what was found of one batch, and counts it. A packed file counts
// with the first of its batches, which then is in seen.
func (u *ui) checked(c verify.Checked, summary *checkSummaryLine, seen map[string]bool) {
	l := checkLine{Type: "check", BatchID: c.BatchID, OK: len(c.Differences) == 0}
	if c.Entry != nil {
		l.Kind, l.Rows, l.Files = c.Entry.Kind, c.Entry.Rows, len(c.Entry.Files)
	}
	if l.OK {
		summary.OK++
		for _, f := range c.Entry.Files {
			if !seen[f.Path] {
				summary.Files++
			}
			if f.Shared() {
				seen[f.Path] = true
			}
		}
		summary.Rows += *l.Rows
		if u.many = summary.OK > few; u.brief() {
			u.unshown++
			return
		}
		u.line(l, "ok       %s  %s%s in %s", c.BatchID, kindShown(l.Kind), count(*l.Rows, "row"), count(int64(l.Files), "file"))
		return
	}
	summary.Differ++
	var text strings.Builder
	for _, d := range c.Differences {
		l.Differences = append(l.Differences, differenceLine(d))
		fmt.Fprintf(&text, "\n           %s %s", d.Path, d.Problem)
	}
	batch := c.BatchID
	if kind := strings.TrimSuffix(kindShown(l.Kind), ", "); kind != "" {
		batch += "  " + kind
	}
	line := "differs  " + batch + text.String()
	u.complain(line, (*slog.Logger).Error, "batch differs", pipeline.LogBatch, c.BatchID, "kind", l.Kind, "differences", l.Differences)
	u.line(l, "%s", line)
}

package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/manifest"
)

func (p *program) statusCommand() command {
	return command{
		name:        "status",
		topic:       topicLook,
		usage:       "show what the manifest records about batches",
		args:        "[BATCH_ID ...]",
		description: "Without ids: all batches that the manifest lists. It reads no data file and sends no request to the API.",
		examples: []example{
			{"all batches", "enrow-export status --to out"},
			{"the batches of a list, as JSON", "enrow-export status --to out --ids-file ids.txt --output json"},
			{"what is not exported, the oldest first", "enrow-export status --to out --state failed,pending,ongoing"},
			{"a check for a monitor, in one line", "enrow-export status --to out --check --max-age 24h --max-pending-age 6h"},
		},
		page: "manifest.md",
		exits: exitCodes(
			exit{"0", "every entry was read; with --check: OK"},
			rootExit,
			exit{"3", "some entries cannot be read; with --check: FAILED"},
			unreadExit,
		),
		groups: []flagGroup{
			{"Where the manifest is", toFlags()},
			{"Which batches", []*flagDef{
				kindsFlag(), idsFileFlag(),
				listFlag("state", "STATE,...", "batches in these states only, the oldest first").or("all").listOf(stateNames()...).
					more("The states are " + strings.Join(stateNames(), ", ") + ". A batch is as old as its first export, or, before that, as its entry."),
			}},
			{"A check for a monitor", checkFlags()},
			{"Output", []*flagDef{outputFlag()}},
			storeGroup(reads),
		},
		action: p.status,
	}
}

// statusLine is a line about one batch in the JSON form of status: the whole
// entry of the manifest, or why there is none to show.
type statusLine struct {
	Type    string          `json:"type"` // "status"
	BatchID string          `json:"batch_id"`
	Kind    string          `json:"kind,omitempty"`
	State   manifest.State  `json:"state"` // of the entry, or unknown, or unreadable
	Entry   *manifest.Entry `json:"entry,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// statusSummaryLine closes the JSON form of status.
type statusSummaryLine struct {
	Type   string                 `json:"type"` // "status_summary"
	States map[manifest.State]int `json:"states"`
	Rows   int64                  `json:"rows"`
}

// States that only status knows.
const (
	stateUnknown    manifest.State = "unknown"
	stateUnreadable manifest.State = "unreadable"
)

func stateNames() []string {
	var names []string
	for _, s := range []manifest.State{
		manifest.StatePending, manifest.StateOngoing, manifest.StateExported, manifest.StateFailed, stateUnreadable, stateUnknown,
	} {
		names = append(names, string(s))
	}
	return names
}

func (p *program) status(c *cli.Context) error {
	p.isResult()
	ui := p.newUI(c)
	if err := checkCheck(c); err != nil {
		return err
	}
	learn := summaries
	if ui.json {
		learn = wholeEntries
	}
	batches, err := p.selection(c, learn)
	if err == nil {
		defer closeStore(batches.store)
	}
	if c.Bool("check") {
		return p.check(c, batches, err)
	}
	if err != nil {
		return err
	}
	summary := statusSummaryLine{Type: "status_summary", States: make(map[manifest.State]int)}
	lines := statusLines(batches.each)
	if states := splitLists(given(c, "state")); states != nil {
		lines = byAge(lines, states)
	}
	for l, err := range lines {
		if err != nil {
			return err
		}
		summary.States[l.State]++
		if l.State == manifest.StateExported {
			summary.Rows += *l.Entry.Rows
		}
		ui.line(l, "%-10s  %s  %s%s", l.State, l.BatchID, kindShown(l.Kind), describe(l))
	}
	states := summary.States
	ui.line(summary, "%s", headline("nothing to show",
		states[stateUnreadable], "unreadable", states[manifest.StateFailed], "failed",
		states[manifest.StatePending], "pending", states[manifest.StateOngoing], "ongoing",
		states[manifest.StateExported], fmt.Sprintf("exported (%s)", count(summary.Rows, "row")),
		states[stateUnknown], "unknown"))
	return joinOutcome(nil, states[stateUnreadable], 0)
}

func statusLines(batches iter.Seq2[manifest.Known, error]) iter.Seq2[statusLine, error] {
	return func(yield func(statusLine, error) bool) {
		for known, err := range batches {
			if err != nil {
				yield(statusLine{}, err)
				return
			}
			if !yield(statusOf(known), nil) {
				return
			}
		}
	}
}

// byAge yields the lines of batches in some states, the oldest first. Lines without an entry
// come before all others.
func byAge(lines iter.Seq2[statusLine, error], states []string) iter.Seq2[statusLine, error] {
	return func(yield func(statusLine, error) bool) {
		var chosen []statusLine
		for l, err := range lines {
			if err != nil {
				yield(l, err)
				return
			}
			if slices.Contains(states, string(l.State)) {
				chosen = append(chosen, l)
			}
		}
		slices.SortStableFunc(chosen, func(a, b statusLine) int { return a.since().Compare(b.since()) })
		for _, l := range chosen {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// since returns when the age of a batch begins, zero without an entry.
func (l statusLine) since() time.Time {
	switch {
	case l.Entry == nil:
		return time.Time{}
	case l.State == manifest.StateExported && l.Entry.FirstExportedAt != nil:
		return *l.Entry.FirstExportedAt
	}
	return l.Entry.Since()
}

func statusOf(k manifest.Known) statusLine {
	l := statusLine{Type: "status", BatchID: k.BatchID, Kind: k.Table.Kind}
	switch {
	case k.Err != nil:
		l.State, l.Error = stateUnreadable, k.Err.Error()
	case k.Entry == nil:
		l.State, l.Kind = stateUnknown, ""
	default:
		l.State, l.Entry = k.Entry.State, k.Entry
	}
	return l
}

// kindShown returns what is said of a kind in text: nothing of the default.
func kindShown(kind string) string {
	if kind == "" || kind == kinds()[0] {
		return ""
	}
	return kind + ", "
}

// describe says in words what a line of status is about.
func describe(l statusLine) string {
	if l.Entry == nil {
		if l.Error != "" {
			return oneLine(l.Error)
		}
		return "the manifest has no entry"
	}
	e := l.Entry
	const form = "2006-01-02 15:04:05Z07:00"
	text := "last changed " + e.UpdatedAt.Format(form)
	if recorded := e.Since(); e.State != manifest.StateExported && recorded.Before(e.UpdatedAt) {
		text = "recorded " + recorded.Format(form) + ", " + text
	}
	if e.State == manifest.StateExported {
		text = rowsAndFiles(e) + ", " + text
	}
	if len(e.Replacing) > 0 {
		text += ", files are being replaced"
	}
	if e.Attempts > 1 {
		text += fmt.Sprintf(", %s attempts", humanize.Comma(int64(e.Attempts)))
	}
	switch {
	case e.IsPermanent() && e.State == manifest.StateExported:
		text += ", permanently failed when asked for again"
	case e.IsPermanent():
		text += ", permanently"
	}
	if e.Dismissed {
		text += ", dismissed"
	}
	if r := e.Refusals; r != nil && !e.IsPermanent() {
		text += fmt.Sprintf(", not known to Enrow in %s since %s", count(int64(r.Runs), "run"), r.FirstAt.Format(form))
	}
	if e.Error != "" {
		text += "\n            error: " + oneLine(e.Error)
	}
	return text + oddities(e, "\n            warning: ")
}

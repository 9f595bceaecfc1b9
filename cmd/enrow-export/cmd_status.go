package main

import (
	"fmt"

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
		},
		page: "manifest.md",
		exits: exitCodes(
			exit{"0", "every entry was read"},
			rootExit,
			exit{"3", "some entries cannot be read"},
			unreadExit,
		),
		groups: []flagGroup{
			{"Where the manifest is", toFlags()},
			{"Which batches", []*flagDef{kindsFlag(), idsFileFlag()}},
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

func (p *program) status(c *cli.Context) error {
	p.isResult()
	ui := p.newUI(c)
	learn := summaries
	if ui.json {
		learn = wholeEntries
	}
	batches, err := p.selection(c, learn)
	if err != nil {
		return err
	}
	defer closeStore(batches.store)
	summary := statusSummaryLine{Type: "status_summary", States: make(map[manifest.State]int)}
	for known, err := range batches.each {
		if err != nil {
			return err
		}
		l := statusOf(known)
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
	text := "last changed " + e.UpdatedAt.Format("2006-01-02 15:04:05Z07:00")
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
		text += fmt.Sprintf(", not known to Enrow in %s since %s", count(int64(r.Runs), "run"), r.FirstAt.Format("2006-01-02 15:04:05Z07:00"))
	}
	if e.Error != "" {
		text += "\n            error: " + oneLine(e.Error)
	}
	return text + oddities(e, "\n            warning: ")
}

package main

import (
	"fmt"
	"iter"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "what the manifest says of batches",
		ArgsUsage: "[BATCH_ID ...]",
		Description: "Without ids: of all batches that it knows. A batch that it does not know is shown\n" +
			"as unknown. No file is read, no request made.",
		CustomHelpTemplate: cli.CommandHelpTemplate + exitCodes(exitOK, exitStopped, exitUsage, exitFailed, exitInterrupt, exitTerminated),
		Flags:              append(toFlags(), kindsFlag(), idsFileFlag(), outputFlag()),
		Action:             p.status,
	}
}

// statusLine is a line about one batch in the JSON form of status: the whole
// entry of the manifest, or why there is none to show.
type statusLine struct {
	Type    string          `json:"type"` // "status"
	BatchID string          `json:"batch_id"`
	Kind    string          `json:"kind,omitempty"`
	State   pipeline.State  `json:"state"` // of the entry, or unknown, or unreadable
	Entry   *pipeline.Entry `json:"entry,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// statusSummaryLine closes the JSON form of status.
type statusSummaryLine struct {
	Type   string                 `json:"type"` // "status_summary"
	States map[pipeline.State]int `json:"states"`
	Rows   int64                  `json:"rows"`
}

// States that only status knows.
const (
	stateUnknown    pipeline.State = "unknown"
	stateUnreadable pipeline.State = "unreadable"
)

func (p *program) status(c *cli.Context) error {
	ui, err := p.newUI(c)
	if err != nil {
		return err
	}
	batches, err := p.selection(c, ui.json)
	if err != nil {
		return err
	}
	defer closeStore(batches.store)
	summary := statusSummaryLine{Type: "status_summary", States: make(map[pipeline.State]int)}
	for known, err := range batches.each {
		if err != nil {
			return err
		}
		l := statusOf(known)
		summary.States[l.State]++
		if l.State == pipeline.StateExported {
			summary.Rows += *l.Entry.Rows
		}
		ui.line(l, "%-10s  %s  %s%s", l.State, l.BatchID, kindShown(l.Kind), describe(l))
	}
	states := summary.States
	ui.line(summary, "%s", headline("the manifest knows none",
		states[stateUnreadable], "unreadable", states[pipeline.StateFailed], "failed",
		states[pipeline.StatePending], "pending", states[pipeline.StateOngoing], "ongoing",
		states[pipeline.StateExported], fmt.Sprintf("exported (%s)", count(summary.Rows, "row")),
		states[stateUnknown], "unknown"))
	return joinOutcome(nil, states[stateUnreadable], 0)
}

func statusOf(k pipeline.Known) statusLine {
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
			return l.Error
		}
		return "the manifest has no entry"
	}
	e := l.Entry
	text := "last changed " + e.UpdatedAt.Format("2006-01-02 15:04:05Z07:00")
	if e.State == pipeline.StateExported {
		text = rowsAndFiles(e) + ", " + text
	}
	if len(e.Replacing) > 0 {
		text += ", files are being replaced"
	}
	if e.Attempts > 1 {
		text += fmt.Sprintf(", %s attempts", humanize.Comma(int64(e.Attempts)))
	}
	if e.Permanent != nil && *e.Permanent {
		text += ", permanently"
	}
	if e.Error != "" {
		text += "\n            error: " + e.Error
	}
	return text + oddities(e, "\n            warning: ")
}

// selection is all that a command looks at.
type selection struct {
	store sinks.Store
	// each yields the batches: those given, or all that the manifest knows.
	each iter.Seq2[pipeline.Known, error]
	// given is the number of those given, -1 when none were.
	given int
}

// selection reads the flags and arguments that say which batches to look at, and
// whether at their whole entries (pipeline.Entries). The caller closes the store.
func (p *program) selection(c *cli.Context, whole bool) (selection, error) {
	tables, err := tables(c)
	if err != nil {
		return selection{}, err
	}
	files := given(c, "ids-file")
	ids, err := p.readIDs(c.Context, c.Args().Slice(), files)
	if err != nil {
		return selection{}, err
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return selection{}, err
	}
	store, err := to.openExisting()
	if err != nil {
		return selection{}, err
	}
	if c.NArg() == 0 && len(files) == 0 {
		return selection{store, pipeline.Entries(c.Context, store, tables, whole), -1}, nil
	}
	return selection{store, pipeline.EntriesOf(c.Context, store, tables, ids, whole), len(ids)}, nil
}

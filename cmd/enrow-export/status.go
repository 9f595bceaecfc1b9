package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/schema"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "what the manifest says of batches",
		ArgsUsage: "[BATCH_ID ...]",
		Description: "Without ids: of all batches that it knows. A batch that it does not know is shown\n" +
			"as unknown. No file is read, no request made.",
		CustomHelpTemplate: cli.CommandHelpTemplate + exitCodes(exitOK, exitStopped, exitUsage, exitFailed, exitInterrupt, exitTerminated),
		Flags:              append(toFlags(), idsFileFlag(), outputFlag()),
		Action:             p.status,
	}
}

// statusLine is a line about one batch in the JSON form of status: the whole
// entry of the manifest, or why there is none to show.
type statusLine struct {
	Type    string          `json:"type"` // "status"
	BatchID string          `json:"batch_id"`
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
	manifest, ids, err := p.selection(c)
	if err != nil {
		return err
	}
	defer closeStore(manifest.Store)
	ui, err := p.newUI(c)
	if err != nil {
		return err
	}
	summary := statusSummaryLine{Type: "status_summary", States: make(map[pipeline.State]int)}
	for id, err := range ids {
		if err != nil {
			return err
		}
		l, err := readStatus(c.Context, manifest, id)
		if err != nil {
			return err
		}
		summary.States[l.State]++
		if l.State == pipeline.StateExported {
			summary.Rows += *l.Entry.Rows
		}
		ui.line(l, "%-10s  %s  %s", l.State, id, describe(l))
	}
	states := summary.States
	ui.line(summary, "%s", headline("the manifest knows none",
		states[stateUnreadable], "unreadable", states[pipeline.StateFailed], "failed",
		states[pipeline.StatePending], "pending", states[pipeline.StateOngoing], "ongoing",
		states[pipeline.StateExported], fmt.Sprintf("exported (%s)", count(summary.Rows, "row")),
		states[stateUnknown], "unknown"))
	return joinOutcome(nil, states[stateUnreadable], 0)
}

func readStatus(ctx context.Context, m pipeline.Manifest, id string) (statusLine, error) {
	l := statusLine{Type: "status", BatchID: id}
	entry, _, err := m.Read(ctx, id)
	var unusable *pipeline.EntryError
	switch {
	case errors.As(err, &unusable):
		l.State, l.Error = stateUnreadable, err.Error()
	case err != nil:
		return l, err
	case entry == nil:
		l.State = stateUnknown
	default:
		l.State, l.Entry = entry.State, entry
	}
	return l, nil
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
	return text
}

// selection returns the manifest at --to and the ids to look at: those given,
// or all that it knows. The caller closes its store.
func (p *program) selection(c *cli.Context) (pipeline.Manifest, iter.Seq2[string, error], error) {
	m := pipeline.Manifest{Table: &schema.EmailFind}
	files := given(c, "ids-file")
	ids, err := p.readIDs(c.Args().Slice(), files)
	if err != nil {
		return m, nil, err
	}
	to, err := destinationOf(c)
	if err != nil {
		return m, nil, err
	}
	if m.Store, err = to.openExisting(); err != nil {
		return m, nil, err
	}
	if c.NArg() == 0 && len(files) == 0 {
		return m, m.IDs(c.Context), nil
	}
	return m, func(yield func(string, error) bool) {
		for _, id := range ids {
			if !yield(id, c.Err()) {
				return
			}
		}
	}, nil
}

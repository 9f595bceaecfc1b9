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
	batches, err := p.selection(c)
	if err != nil {
		return err
	}
	defer closeStore(batches.store)
	ui, err := p.newUI(c)
	if err != nil {
		return err
	}
	summary := statusSummaryLine{Type: "status_summary", States: make(map[pipeline.State]int)}
	for b, err := range batches.each {
		if err != nil {
			return err
		}
		l, err := readStatus(c.Context, batches.store, b)
		if err != nil {
			return err
		}
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

func readStatus(ctx context.Context, store sinks.Store, b selected) (statusLine, error) {
	l := statusLine{Type: "status", BatchID: b.id}
	entry, _, err := pipeline.Manifest{Store: store, Table: b.table}.Read(ctx, b.id)
	var unusable *pipeline.EntryError
	switch {
	case errors.As(err, &unusable):
		l.State, l.Error = stateUnreadable, err.Error()
	case err != nil:
		return l, err
	case entry == nil:
		l.State = stateUnknown
		return l, nil
	default:
		l.State, l.Entry = entry.State, entry
	}
	l.Kind = b.table.Kind
	return l, nil
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

// selected is one batch that a command looks at.
type selected struct {
	table *schema.Table
	id    string
}

// selection is all that a command looks at.
type selection struct {
	store sinks.Store
	// each yields the batches: those given, or all that the manifest knows.
	each iter.Seq2[selected, error]
	// given is the number of those given, -1 when none were.
	given int
}

// selection reads the flags and arguments that say which batches to look at. The
// caller closes the store.
func (p *program) selection(c *cli.Context) (selection, error) {
	tables, err := tables(c)
	if err != nil {
		return selection{}, err
	}
	files := given(c, "ids-file")
	ids, err := p.readIDs(c.Args().Slice(), files)
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
		return selection{store, allBatches(c.Context, store, tables), -1}, nil
	}
	return selection{store, namedBatches(c.Context, store, tables, ids), len(ids)}, nil
}

func allBatches(ctx context.Context, store sinks.Store, tables []*schema.Table) iter.Seq2[selected, error] {
	return func(yield func(selected, error) bool) {
		for _, table := range tables {
			for id, err := range (pipeline.Manifest{Store: store, Table: table}).IDs(ctx) {
				if !yield(selected{table, id}, err) {
					return
				}
			}
		}
	}
}

// namedBatches yields each id with every table whose manifest has an entry of it;
// with the first of all when none has.
func namedBatches(ctx context.Context, store sinks.Store, tables []*schema.Table, ids []string) iter.Seq2[selected, error] {
	return func(yield func(selected, error) bool) {
		for _, id := range ids {
			if ctx.Err() != nil {
				yield(selected{}, ctx.Err())
				return
			}
			known := false
			for _, table := range tables {
				entry, _, err := pipeline.Manifest{Store: store, Table: table}.Read(ctx, id)
				if entry == nil && err == nil {
					continue
				}
				if unusable := (*pipeline.EntryError)(nil); errors.As(err, &unusable) {
					err = nil // a matter of whoever reads it
				}
				known = true
				if !yield(selected{table, id}, err) {
					return
				}
			}
			if !known && !yield(selected{tables[0], id}, nil) {
				return
			}
		}
	}
}

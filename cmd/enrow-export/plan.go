package main

import (
	"fmt"
	"log/slog"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/runs"
)

// planLine is a line about one batch in the JSON form of export --dry-run.
type planLine struct {
	Type    string `json:"type"` // "plan"
	BatchID string `json:"batch_id"`
	Kind    string `json:"kind"`
	Export  bool   `json:"export"`
	Reason  string `json:"reason,omitempty"`
	Error   string `json:"error,omitempty"`
}

// planned tells what a run would do to one batch.
func (u *ui) planned(kind string, p export.Planned) {
	l := planLine{Type: "plan", Kind: kind, BatchID: p.BatchID, Export: p.Export, Reason: p.Reason}
	verb, why := "skip", p.Reason
	switch {
	case p.Err != nil:
		l.Error = p.Err.Error()
		verb, why = "fail", l.Error
		u.complain(fmt.Sprintf("would fail    %s  %s", u.shown(kind, p.BatchID), why), (*slog.Logger).Error, "batch would fail", ofBatch(kind, p.BatchID, p.Err)...)
	case p.Export:
		verb = "export"
	}
	if p.Err == nil && u.brief() && (!p.Export || u.plans == few) {
		u.unshown++
		return
	}
	if p.Export {
		u.plans++
	}
	u.line(l, "would %-6s  %s  %s", verb, u.shown(kind, p.BatchID), why)
}

// planSummaryLine closes the JSON form of export --dry-run.
type planSummaryLine struct {
	Type   string `json:"type"` // "plan_summary"
	Export int    `json:"export"`
	Done   int    `json:"done"`
	Failed int    `json:"failed"`
	// PermanentlyFailed are the batches that --pending leaves out, nil without --pending.
	PermanentlyFailed *runs.GivenUp `json:"permanently_failed,omitempty"`
}

func (u *ui) plan(l planSummaryLine) {
	text := "dry run, " + headline("nothing to do", l.Failed, "would fail", l.Export, "to export", l.Done, "already exported")
	if u.unshown > 0 {
		text += fmt.Sprintf("\n%s not shown: --verbose prints one line for each batch", count(int64(u.unshown), "line"))
	}
	u.line(l, "%s%s", text, u.givenUp(l.PermanentlyFailed))
}

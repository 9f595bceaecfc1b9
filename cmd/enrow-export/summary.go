package main

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/runs"
)

// newSummary returns the JSON form of a summary, which closes the JSON form of export.
func newSummary(kind string, s export.Summary, from source) runs.Summary {
	l := runs.Summary{
		Type: runs.TypeSummary, Kind: kind, Asked: s.Asked, Exported: s.Exported, Done: s.Done, Ongoing: s.Ongoing,
		Failed: s.Failed, NotTried: s.NotTried, CutOff: s.CutOff, Warned: s.Warned,
		Rows: s.Rows, Found: s.Found, Bytes: s.Bytes, ElapsedMS: s.Elapsed.Milliseconds(), Requests: from.requests(), Retries: from.retries(),
		CreditsSpent: rounded(s.Credits.Spent, 4), CreditsRefunded: rounded(s.Credits.Refunded, 4),
		UnknownFields: []runs.UnknownField{}, ByKind: make(map[string]runs.Counts),
	}
	for kind, k := range s.Kinds {
		l.ByKind[kind] = runs.Counts(k)
	}
	if l.Bytes == nil {
		l.Bytes = map[string]int64{}
	}
	if s.Rows > 0 {
		share := rounded(float64(s.Found)/float64(s.Rows), 4)
		l.FoundShare = &share
	}
	if seconds := s.Elapsed.Seconds(); seconds > 0 {
		l.RowsPerSecond = rounded(float64(s.Rows)/seconds, 1)
	}
	if s.Slowest.BatchID != "" {
		l.Slowest = &runs.Slowest{BatchID: s.Slowest.BatchID, ElapsedMS: s.Slowest.Elapsed.Milliseconds()}
	}
	for _, f := range s.Leftovers {
		l.UnknownFields = append(l.UnknownFields, runs.UnknownField{Path: f.Path, Reason: f.Reason, Count: f.Count})
	}
	return l
}

// summary tells what a run did, failures first. rest says where those are that are not
// named.
func (u *ui) summary(l runs.Summary, rest string) {
	files := sumOf(l.Bytes) - l.Bytes[manifest.RawFormat]
	exported := fmt.Sprintf("exported (%s, %s)", count(l.Rows, "row"), size(files))
	if l.FoundShare != nil {
		exported = fmt.Sprintf("exported (%s, %s %% found, %s)", count(l.Rows, "row"), humanize.Ftoa(runs.Percent(l.Found, l.Rows)), size(files))
	}
	none := "nothing to do"
	if l.MaxRuntimeOver {
		none = "the list was not read to the end"
	}
	text := headline(none,
		l.Failed, "failed",
		l.CutOff, "not finished",
		l.NotTried-l.CutOff, "not tried",
		l.Ongoing, "still ongoing",
		l.Exported, exported,
		l.Done, "already exported",
	)
	text += ", in " + duration(milliseconds(l.ElapsedMS))
	if l.MaxRuntimeOver {
		text += "\n--max-runtime is over: run again for the rest"
	}
	if l.Unanswered() && l.Failed == 0 { // or the failed batches say so
		text += "\n" + unanswered(l) + ": " + unansweredHint
		u.complain("enrow-export: "+unanswered(l)+"\nhint: "+unansweredHint, (*slog.Logger).Error, unanswered(l), "hint", unansweredHint)
	}
	if l.Warned > 0 {
		text += fmt.Sprintf("\nwith warnings: %s", count(int64(l.Warned), "batch"))
	}
	if l.CreditsSpent != 0 || l.CreditsRefunded != 0 {
		text += "\n" + credits(l)
	}
	if len(l.Bytes) > 1 {
		var sizes []string
		for _, format := range slices.Sorted(maps.Keys(l.Bytes)) {
			sizes = append(sizes, format+" "+size(l.Bytes[format]))
		}
		text += "\nbytes: " + strings.Join(sizes, ", ")
	}
	if speed := speed(l); speed != "" {
		text += "\nspeed: " + speed
	}
	if l.Slowest != nil && l.Exported > 1 { // of one it is nothing new
		text += fmt.Sprintf("\nslowest: %s in %s", l.Slowest.BatchID, duration(milliseconds(l.Slowest.ElapsedMS)))
	}
	for i, f := range l.UnknownFields {
		if i == 0 {
			text += "\nnot in a column of its own:"
		}
		text += fmt.Sprintf("\n  %s (%s, %s)", f.Path, f.Reason, count(f.Count, "time"))
	}
	u.line(l, "%s%s", u.recalled(l.Failed, rest), u.wrap(text+u.givenUp(l.PermanentlyFailed)))
}

// givenUp returns what a summary ends with when there are batches that nobody asks for
// any more.
func (u *ui) givenUp(g *runs.GivenUp) string {
	text := givenUpText(g)
	if text == "" {
		return ""
	}
	var ids []string
	for _, b := range g.First {
		ids = append(ids, b.BatchID)
	}
	u.complain(text, (*slog.Logger).Warn, "batches are permanently failed, and need attention", "batches", g.Count, "first", ids)
	return "\n" + text
}

// credits says what the batches cost when they ran, so that nobody takes it for the price
// of the export.
func credits(l runs.Summary) string {
	batches, ran := "these batches", "they ran"
	if l.Exported == 1 {
		batches, ran = "this batch", "it ran"
	}
	refunded := ""
	if l.CreditsRefunded != 0 {
		refunded = fmt.Sprintf(" (%s refunded)", humanize.Commaf(l.CreditsRefunded))
	}
	noun := "credits"
	if l.CreditsSpent == 1 {
		noun = "credit"
	}
	return fmt.Sprintf("%s cost %s %s when %s%s; exporting is free", batches, humanize.Commaf(l.CreditsSpent), noun, ran, refunded)
}

// speed says how fast a run was.
func speed(l runs.Summary) string {
	var parts []string
	if l.Rows > 0 {
		parts = append(parts, humanize.Comma(int64(l.RowsPerSecond))+" rows/s")
	}
	switch {
	case l.Retries == 1:
		parts = append(parts, "1 retry")
	case l.Retries > 1:
		parts = append(parts, humanize.Comma(l.Retries)+" retries")
	}
	return strings.Join(parts, ", ")
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// sumOf adds up the bytes of all formats.
func sumOf(bytes map[string]int64) int64 {
	var sum int64
	for _, n := range bytes {
		sum += n
	}
	return sum
}

// rounded returns x with so many decimals: sums without the noise of adding up.
func rounded(x float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(x*scale) / scale
}

package page

import (
	"fmt"
	"strings"

	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/runs"
)

// run is one in the table of the last runs.
type run struct {
	Started                         stamp
	Took, Word, Class               string
	Exported, Failed, Ongoing, Rows string
	Requests, Retries               string
	Note, Hint                      string
}

// newRun returns a run on the page of a root.
func newRun(l runs.Line, root string) run {
	word, class := outcome(l)
	r := run{
		Started: at(l.StartedAt), Took: span(l.Took()), Word: word, Class: class,
		Exported: whole(l.Exported), Failed: whole(l.Failed), Ongoing: whole(l.Ongoing), Rows: whole(l.Rows), Retries: whole(l.Retries),
		Hint: clip(l.Hint, mostError),
	}
	var requests int64
	for _, n := range l.Requests {
		requests += n
	}
	r.Requests = whole(requests)
	var notes []string
	if root != "" && l.To != root {
		notes = append(notes, "to "+clip(l.To, mostName))
	}
	if l.Shard != "" {
		notes = append(notes, "shard "+clip(l.Shard, mostName))
	}
	if l.MaxRuntimeOver {
		notes = append(notes, "--max-runtime is over")
	}
	if l.NotTried > 0 {
		notes = append(notes, count(l.NotTried, "batch")+" not tried")
	}
	if l.Error != "" {
		notes = append(notes, clip(l.Error, mostError))
	}
	r.Note = strings.Join(notes, "; ")
	return r
}

// outcome returns how a run ended, in words and as a class.
func outcome(l runs.Line) (word, class string) {
	switch code := l.ExitCode; {
	case code == 0:
		return "complete", classOK
	case code == 75 && l.Unanswered():
		return "no response", classLook
	case code == 75:
		return "batches left", classOK
	case code == 3:
		return "some failed", classLook
	case code > 128:
		return "interrupted", classLook
	}
	return "stopped", classBad
}

// runCards are the key figures where only runs are known.
func runCards(all []runs.Line) []card {
	var s runs.Summary
	for _, r := range all {
		s.Exported += r.Exported
		s.Rows += r.Rows
		s.Found += r.Found
		s.CreditsSpent += r.CreditsSpent
		s.CreditsRefunded += r.CreditsRefunded
		s.Retries += r.Retries
	}
	last := all[len(all)-1]
	left := card{Name: "Left by the last run", Value: whole(last.Ongoing + last.NotTried), Note: "for the next run"}
	failed := card{Name: "Failed in the last run", Value: whole(last.Failed), Note: "see the failures below"}
	if last.Failed > 0 {
		failed.Class = classBad
	} else {
		failed.Note = "none failed"
	}
	in := "in " + count(len(all), "run")
	return []card{
		{Name: "Exported batches", Value: whole(s.Exported), Note: in},
		left,
		failed,
		{Name: "Rows", Value: whole(s.Rows), Note: in},
		{Name: "Found", Value: percent(s.Found, s.Rows), Note: foundNote(s.Found, s.Rows)},
		{Name: "Credits spent", Value: figure(s.CreditsSpent), Note: figure(s.CreditsRefunded) + " refunded"},
	}
}

// daysOfRuns returns the sums of each day by the runs, for a page that knows no manifest.
func daysOfRuns(all []runs.Line) []overview.Day {
	var known []overview.Day
	for _, r := range all {
		if r.Exported == 0 {
			continue
		}
		d := overview.Day{Date: midnight(r.FinishedAt), Batches: r.Exported, Sums: overview.Sums{
			Rows: r.Rows, Found: r.Found, FoundOf: r.Rows, Spent: r.CreditsSpent, Refunded: r.CreditsRefunded,
		}}
		for _, n := range r.Bytes {
			d.Bytes += n
		}
		if n := len(known); n > 0 && !known[n-1].Date.Before(d.Date) {
			addDay(&known[n-1], d)
			continue
		}
		known = append(known, d)
	}
	return known
}

// durationsChart shows how long the last runs took.
func durationsChart(all []runs.Line) chart {
	const title = "Durations of runs"
	last := all[max(len(all)-mostBars, 0):]
	most := 0.0
	for _, r := range last {
		most = max(most, r.Took().Seconds())
	}
	unit, name := 1.0, "s"
	switch {
	case most >= 2*60*60:
		unit, name = 60*60, "h"
	case most >= 2*60:
		unit, name = 60, "min"
	}
	c, s := newChart("durations", title, fmt.Sprintf("How long each of the last %s took, the oldest on the left.", count(len(last), "run")), ticks(most/unit, 0),
		func(x float64) string { return short(x) + " " + name })
	if len(last) == 0 {
		c.Empty = "No run is known: see the end of the page."
		return c
	}
	c.Table = table{Caption: title, Heads: []string{"Started (UTC)", "Took", "Result", "Rows a second"}}
	slot := slots(len(last))
	seen := make(map[string]bool)
	for i, r := range last {
		x, width := slot(i)
		word, class := outcome(r)
		c.column(s, x, width, r.Took().Seconds()/unit, barClasses[class], at(r.StartedAt).Text+" UTC: "+span(r.Took())+", "+word)
		seen[class] = true
	}
	for _, l := range []struct{ class, text string }{{classOK, "Complete, or batches left"}, {classLook, "Some failed, interrupted, or without a response"}, {classBad, "Stopped"}} {
		if seen[l.class] {
			c.Legend = append(c.Legend, legend{barClasses[l.class], l.text})
		}
	}
	for i := len(last) - 1; i >= 0; i-- {
		word, _ := outcome(last[i])
		c.Table.Rows = append(c.Table.Rows, row{When: at(last[i].StartedAt), Cells: []string{span(last[i].Took()), word, whole(int64(last[i].RowsPerSecond))}})
	}
	c.below(len(last), func(i int) string { return last[i].StartedAt.UTC().Format("2 Jan 15:04") })
	return c
}

var barClasses = map[string]string{classOK: "c-main", classLook: "c-look", classBad: "c-bad"}

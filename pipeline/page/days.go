package page

import (
	"fmt"
	"time"

	"enrow-export/pipeline/overview"
)

// mostDays is how many days have a bar and a row of their own, and fewestDays how many an
// axis has at least: one bar alone says nothing.
const (
	mostDays   = 90
	fewestDays = 14
)

// days has the sums of each day, also of days without an export.
type days struct {
	last    []overview.Day // calendar days without a gap, the last one today
	earlier overview.Day   // the sum of all before
	before  int            // days of earlier on which batches were exported
	all     overview.Day
}

// daysOf returns the days of an overview up to now.
func daysOf(known []overview.Day, now time.Time) days {
	today := midnight(now)
	first := today
	if len(known) > 0 && known[0].Date.Before(first) {
		first = known[0].Date
	}
	n := min(max(int(today.Sub(first)/(24*time.Hour))+1, fewestDays), mostDays)
	d := days{last: make([]overview.Day, n)}
	for i := range d.last {
		d.last[i].Date = today.AddDate(0, 0, i+1-n)
	}
	for _, k := range known {
		addDay(&d.all, k)
		// A day after today is one of a clock that is wrong, and counts as today.
		i := min(n-1-int(today.Sub(k.Date)/(24*time.Hour)), n-1)
		if i < 0 {
			d.before++
			addDay(&d.earlier, k)
			continue
		}
		addDay(&d.last[i], k)
	}
	return d
}

func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func addDay(to *overview.Day, d overview.Day) {
	to.Batches += d.Batches
	to.Add(d.Sums)
}

// table returns the days with batches, the last one first, and the sum of the days before.
func (d days) table(caption string, heads []string, cells func(overview.Day) []string) table {
	t := table{Caption: caption, Heads: append([]string{"Day (UTC)"}, heads...)}
	for i := len(d.last) - 1; i >= 0; i-- {
		if d.last[i].Batches > 0 {
			t.Rows = append(t.Rows, row{When: date(d.last[i].Date), Cells: cells(d.last[i])})
		}
	}
	if d.before > 0 {
		t.Rows = append(t.Rows, row{Head: "Earlier, " + count(d.before, "day"), Cells: cells(d.earlier)})
	}
	if len(t.Rows) > 1 {
		t.Sum = &row{Head: "All days", Cells: cells(d.all)}
	}
	return t
}

// chart returns the bars of a figure of each day.
func (d days) chart(id, title, desc string, least float64, figure func(overview.Day) float64, tip func(overview.Day) string) chart {
	most := 0.0
	for _, day := range d.last {
		most = max(most, figure(day))
	}
	c, s := newChart(id, title, desc, ticks(most, least), short)
	if most == 0 {
		c.Empty = d.none()
	}
	slot := slots(len(d.last))
	for i, day := range d.last {
		x, width := slot(i)
		c.column(s, x, width, figure(day), "c-main", date(day.Date).Text+": "+tip(day))
	}
	d.name(&c)
	return c
}

func (d days) none() string {
	return fmt.Sprintf("None in the last %d days.", len(d.last))
}

func (d days) name(c *chart) {
	c.below(len(d.last), func(i int) string { return d.last[i].Date.Format("2 Jan") })
}

// period is the days of a chart.
func (d days) period() string {
	return d.last[0].Date.Format("2 Jan") + " to " + d.last[len(d.last)-1].Date.Format("2 Jan 2006") + " (UTC)"
}

// charts returns the charts of rows, of the found rate and of credits.
func (d days) charts() []chart {
	rows := d.chart("rows", "Rows by day", "Rows of the batches that were exported first on each day, "+d.period()+".", 1,
		func(day overview.Day) float64 { return float64(day.Rows) },
		func(day overview.Day) string {
			return count(day.Rows, "row") + " of " + count(day.Batches, "batch")
		})
	rows.Table = d.table("Rows by day", []string{"Batches", "Rows", "Data files"}, func(day overview.Day) []string {
		return []string{whole(day.Batches), whole(day.Rows), size(day.Bytes)}
	})

	found, s := newChart("found", "Found rate by day", "Share of the rows of each day that found what was searched for, from 0 to 100 %, "+d.period()+". A day without results has no point.",
		[]float64{0, 25, 50, 75, 100}, func(x float64) string { return fmt.Sprintf("%.0f %%", x) })
	rates := make([]*float64, len(d.last))
	any := false
	for i, day := range d.last {
		if day.FoundOf > 0 {
			rate := 100 * float64(day.Found) / float64(day.FoundOf)
			rates[i], any = &rate, true
		}
	}
	if !any {
		found.Empty = d.none()
	}
	found.line(s, rates, func(i int) string {
		return date(d.last[i].Date).Text + ": " + percent(d.last[i].Found, d.last[i].FoundOf)
	})
	d.name(&found)
	found.Table = d.table("Found rate by day", []string{"Found", "Of rows", "Rate"}, func(day overview.Day) []string {
		return []string{whole(day.Found), whole(day.FoundOf), percent(day.Found, day.FoundOf)}
	})

	spent := d.chart("credits", "Credits by day", "Credits that the batches cost when they ran, by the day of their export, "+d.period()+". Exporting is free.", 0,
		func(day overview.Day) float64 { return day.Spent },
		func(day overview.Day) string { return credits(day.Spent) + " credits" })
	spent.Table = d.table("Credits by day", []string{"Spent", "Refunded"}, func(day overview.Day) []string {
		return []string{credits(day.Spent), credits(day.Refunded)}
	})
	return []chart{rows, found, spent}
}

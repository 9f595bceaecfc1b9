package page

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/overview"
)

// Ticks begin at 0, are round, and reach the largest value.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		most, least float64
		want        []float64
	}{
		{0, 1, []float64{0, 1}},
		{1, 1, []float64{0, 1}},
		{3, 1, []float64{0, 1, 2, 3}},
		{7, 1, []float64{0, 2, 4, 6, 8}},
		{0.3, 0, []float64{0, 0.1, 0.2, 0.3}},
		{100, 1, []float64{0, 20, 40, 60, 80, 100}},
		{1_234_567, 1, []float64{0, 500_000, 1_000_000, 1_500_000}},
		{math.Inf(1), 1, []float64{0, 1}},
		{math.NaN(), 1, []float64{0, 1}},
	} {
		got := ticks(c.most, c.least)
		if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9*(1+math.Abs(a)) })); diff != "" {
			t.Errorf("ticks to %v (-want +got):\n%s", c.most, diff)
		}
	}
	for most := 1e-3; most < 1e15; most *= 1.37 {
		got := ticks(most, 0)
		if last := got[len(got)-1]; last < most*0.999 || len(got) < 3 || len(got) > 7 {
			t.Errorf("ticks to %v are %v", most, got)
		}
	}
	if got := ticks(0, 0); len(got) < 2 { // credits of days that cost nothing
		t.Errorf("ticks to nothing are %v", got)
	}
}

// A bar begins at 0, and is as high as its value.
func TestScale(t *testing.T) {
	c, s := newChart("x", "", "", []float64{0, 50, 100}, short)
	c.column(s, 10, 5, 50, "", "half")
	c.column(s, 20, 5, 100, "", "all")
	c.column(s, 30, 5, 0, "", "none")
	c.column(s, 40, 5, 0.001, "", "nearly none")
	want := []bar{
		{"10", coordinate((plotTop + plotBottom) / 2), "5", coordinate((plotBottom - plotTop) / 2), "", "half"},
		{"20", coordinate(plotTop), "5", coordinate(plotBottom - plotTop), "", "all"},
		{"40", coordinate(plotBottom - 1), "5", "1", "", "nearly none"},
	}
	if diff := cmp.Diff(want, c.Bars); diff != "" {
		t.Errorf("bars (-want +got):\n%s", diff)
	}
	if first := c.Grid[0].Y; first != coordinate(plotBottom) {
		t.Errorf("0 is at %s", first)
	}
}

// Bars stay in the plot, beside each other.
func TestSlots(t *testing.T) {
	for _, n := range []int{1, 2, 14, 60, 90} {
		slot := slots(n)
		end := float64(plotLeft)
		for i := range n {
			x, width := slot(i)
			if x < end || width <= 0 {
				t.Errorf("%d of %d begins at %v, and the one before ends at %v", i, n, x, end)
			}
			end = x + width
		}
		if end > plotRight {
			t.Errorf("%d bars end at %v", n, end)
		}
	}
}

// A line has no value where there is none, and a lonely point is a dot.
func TestLineHasGaps(t *testing.T) {
	one := func(x float64) *float64 { return &x }
	c, s := newChart("x", "", "", []float64{0, 100}, short)
	c.line(s, []*float64{one(0), one(100), nil, one(50), nil, one(1), one(2), one(3)}, func(i int) string { return fmt.Sprint(i) })
	var tips []string
	for _, d := range c.Dots {
		tips = append(tips, d.Tip)
	}
	if diff := cmp.Diff([]string{"0", "1", "3", "5", "6", "7"}, tips); diff != "" || len(c.Lines) != 2 {
		t.Errorf("lines %q, dots (-want +got):\n%s", c.Lines, diff)
	}
}

// Parts of a bar add up to its length. None that is not 0 is too small to be seen.
func TestWidthsOfParts(t *testing.T) {
	s := scale{100_000, 0, 480}
	got := widths(s, []part{{value: 99_990}, {value: 0}, {value: 9}, {value: 1}})
	if got[1] != 0 || got[2] != leastPart || got[3] != leastPart || math.Abs(got[0]+got[2]+got[3]-480) > 1e-6 {
		t.Errorf("widths %v", got)
	}
	if got := widths(s, []part{{value: 0}, {value: 0}}); got[0]+got[1] != 0 {
		t.Errorf("nothing is %v wide", got)
	}
}

// Every day is there, the last one today. Days before the chart are summed, and the day of
// a clock that was ahead is today.
func TestDays(t *testing.T) {
	now := time.Date(2026, 3, 2, 23, 59, 0, 0, time.UTC)
	ago := func(n, batches int) overview.Day {
		return overview.Day{Date: midnight(now).AddDate(0, 0, -n), Batches: batches, Sums: overview.Sums{Rows: int64(10 * batches)}}
	}
	rows := func(d days) (texts []string) {
		for _, r := range d.table("", nil, func(d overview.Day) []string { return []string{whole(d.Rows)} }).Rows {
			texts = append(texts, r.When.Text+r.Head+" "+r.Cells[0])
		}
		return texts
	}
	d := daysOf([]overview.Day{ago(500, 1), ago(90, 2), ago(89, 4), ago(1, 8), ago(0, 16), ago(-1, 32)}, now)
	if len(d.last) != mostDays || !d.last[0].Date.Equal(midnight(now).AddDate(0, 0, -89)) || !d.last[mostDays-1].Date.Equal(midnight(now)) {
		t.Errorf("%d days from %v to %v", len(d.last), d.last[0].Date, d.last[len(d.last)-1].Date)
	}
	if diff := cmp.Diff([]string{"2026-03-02 480", "2026-03-01 80", "2025-12-03 40", "Earlier, 2 days 30"}, rows(d)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if d.all.Batches != 63 || d.all.Rows != 630 {
		t.Errorf("all days have %+v", d.all)
	}
	if d := daysOf([]overview.Day{ago(2, 1)}, now); len(d.last) != fewestDays || d.last[fewestDays-3].Batches != 1 {
		t.Errorf("days of a new root are %+v", d.last)
	}
	if d := daysOf(nil, now); len(d.last) != fewestDays || rows(d) != nil {
		t.Errorf("days of an empty root are %+v", d.last)
	}
	if c := daysOf([]overview.Day{ago(400, 1)}, now).charts()[0]; c.Empty == "" || len(c.Table.Rows) != 1 {
		t.Errorf("a root that sleeps has the chart %+v", c)
	}
}

func TestWords(t *testing.T) {
	got := []string{
		whole(1234567), count(1, "batch"), count(1200, "batch"), count(int64(0), "row"), credits(0.1 + 0.2), credits(1234.5), figure(1234.5), figure(12345.5),
		percent(2, 3), percent(9999999, 10000000), percent(5, 5), percent(0, 0), size(1 << 20), size(1536),
		short(0), short(999), short(2500), short(1.5e6), short(2e9), short(0.25),
		span(12 * time.Millisecond), span(59999 * time.Millisecond), span(time.Minute), span(61 * time.Second), span(26*time.Hour + time.Minute), span(49 * time.Hour), span(-time.Second),
		about(5 * time.Second), about(time.Minute), about(47 * time.Hour), about(72 * time.Hour),
		clip("a\x1b[31m\u202eb\n", 10), clip("äöüß", 3), clip("äöü", 3),
	}
	want := []string{
		"1,234,567", "1 batch", "1,200 batches", "0 rows", "0.3", "1,234.5", "1,234.5", "12,346",
		"66.7 %", "99.9 %", "100.0 %", "–", "1 MiB", "1.5 KiB",
		"0", "999", "2.5 k", "1.5 M", "2 G", "0.25",
		"12 ms", "1 min", "1 min", "1 min 1 s", "26 h 1 min", "2 d 1 h", "0 ms",
		"less than a minute", "1 minute", "47 hours", "3 days",
		`a\u001b[31m\u202eb\u000a`, "äöü…", "äöü",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

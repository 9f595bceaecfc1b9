package page

import (
	"math"
	"strconv"
	"strings"
)

// The drawing area of a chart with an axis on the left, in units of SVG. The page is as
// wide as a phone or a desk: style.css says how large the letters are in each.
const (
	chartWidth  = 480
	chartHeight = 220
	plotLeft    = 62
	plotRight   = chartWidth - 6
	plotTop     = 14
	plotBottom  = chartHeight - 30
)

// chart is a drawing that the template writes as SVG. Its numbers are text already.
type chart struct {
	ID, Title, Desc string
	Width, Height   int
	Grid            []gridLine
	Labels          []label
	Bars            []bar
	Lines           []string // points of lines, each without a gap
	Dots            []dot
	Empty           string // text in place of a drawing
	Table           table
	Legend          []legend
}

type (
	gridLine struct{ X1, X2, Y string }
	label    struct{ X, Y, Anchor, Text string }
	bar      struct{ X, Y, Width, Height, Class, Tip string }
	dot      struct{ X, Y, Tip string }
	legend   struct{ Class, Text string }
)

// table is the numbers of a chart.
type table struct {
	Caption string
	Heads   []string
	Rows    []row
	Sum     *row
}

// row is one of a table: its head, which is a moment or a text, and cells.
type row struct {
	When  stamp
	Head  string
	Cells []string
}

// scale maps numbers from 0 to most onto a line. Others are at its ends: runs may say
// anything.
type scale struct{ most, from, to float64 }

func (s scale) at(x float64) float64 {
	if s.most <= 0 {
		return s.from
	}
	return s.from + (s.to-s.from)*min(max(x/s.most, 0), 1)
}

// fewTicks is about how many steps an axis has.
const fewTicks = 5

// ticks returns round numbers from 0 to one that is not less than most. least is the
// smallest step that makes sense: 1 for things that are counted.
func ticks(most, least float64) []float64 {
	if most <= 0 || math.IsNaN(most) || math.IsInf(most, 0) {
		most = max(least, 1)
	}
	rough := most / fewTicks
	step := math.Pow10(int(math.Floor(math.Log10(rough))))
	for _, times := range []float64{1, 2, 5, 10} {
		if step*times >= rough*0.999 {
			step *= times
			break
		}
	}
	step = max(step, least)
	all := []float64{0}
	for n := 1.0; all[len(all)-1] < most*0.9999; n++ {
		all = append(all, step*n)
	}
	return all
}

// coordinate returns a number of SVG.
func coordinate(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

// newChart returns one with an axis that begins at 0 and reaches most.
func newChart(id, title, desc string, values []float64, named func(float64) string) (chart, scale) {
	c := chart{ID: id, Title: title, Desc: desc, Width: chartWidth, Height: chartHeight}
	s := scale{values[len(values)-1], plotBottom, plotTop}
	for _, v := range values {
		y := s.at(v)
		c.Grid = append(c.Grid, gridLine{coordinate(plotLeft), coordinate(plotRight), coordinate(y)})
		c.Labels = append(c.Labels, label{coordinate(plotLeft - 8), coordinate(y + 4), "end", named(v)})
	}
	return c, s
}

// slots divides the width of a plot among n things. It returns where the one of that index
// begins, and how wide it is without the gap to the next.
func slots(n int) func(i int) (x, width float64) {
	each := float64(plotRight-plotLeft) / float64(n)
	gap := min(each*0.25, 6)
	width := min(each-gap, 48)
	return func(i int) (float64, float64) { return plotLeft + each*float64(i) + (each-width)/2, width }
}

// column adds a bar of a value. One that is not 0 can be seen.
func (c *chart) column(s scale, x, width, value float64, class, tip string) {
	if value <= 0 {
		return
	}
	height := max(plotBottom-s.at(value), 1)
	c.Bars = append(c.Bars, bar{coordinate(x), coordinate(plotBottom - height), coordinate(width), coordinate(height), class, tip})
}

// below writes names under some of n slots: the first, the last, and others if there is
// room.
func (c *chart) below(n int, named func(i int) string) {
	slot := slots(n)
	shown := []int{0, n - 1}
	if n > 6 {
		shown = []int{0, (n - 1) / 2, n - 1}
	}
	if n == 1 {
		shown = shown[:1]
	}
	for _, i := range shown {
		x, width := slot(i)
		x += width / 2
		anchor := "middle"
		switch {
		case n > 3 && i == 0:
			x, anchor = plotLeft, "start"
		case n > 3 && i == n-1:
			x, anchor = plotRight, "end"
		}
		c.Labels = append(c.Labels, label{coordinate(x), coordinate(plotBottom + 20), anchor, named(i)})
	}
}

// line draws points, and a dot at each if there are few. A nil value is a gap.
func (c *chart) line(s scale, values []*float64, tip func(i int) string) {
	slot := slots(len(values))
	var points []string
	end := func() {
		if len(points) > 1 {
			c.Lines = append(c.Lines, strings.Join(points, " "))
		}
		points = nil
	}
	for i, v := range values {
		if v == nil {
			end()
			continue
		}
		x, width := slot(i)
		px, py := coordinate(x+width/2), coordinate(s.at(*v))
		points = append(points, px+","+py)
		c.Dots = append(c.Dots, dot{px, py, tip(i)})
	}
	end()
}

package page

// part is a piece of a horizontal bar.
type part struct {
	value      int
	class, tip string
}

// leastPart is the width of a part that would not be seen otherwise.
const leastPart = 3

// across returns a chart of horizontal bars that begin at 0, each below its name.
func across(id, title, desc string, names []string, bars [][]part) chart {
	const each, thick, below = 42, 14, 23
	c := chart{ID: id, Title: title, Desc: desc, Width: chartWidth, Height: each*len(names) + 4}
	sums, most := make([]int, len(bars)), 0
	for i, parts := range bars {
		for _, p := range parts {
			sums[i] += p.value
		}
		most = max(most, sums[i])
	}
	s := scale{float64(most), 0, chartWidth}
	for i, parts := range bars {
		y := float64(each * i)
		piece := func(x, width float64, class, tip string) {
			c.Bars = append(c.Bars, bar{coordinate(x), coordinate(y + below), coordinate(width), coordinate(thick), class, tip})
		}
		c.Labels = append(c.Labels,
			label{"0", coordinate(y + below - 7), "start", names[i]},
			label{coordinate(chartWidth), coordinate(y + below - 7), "end", whole(sums[i])})
		piece(0, chartWidth, "c-track", "")
		x := 0.0
		for n, width := range widths(s, parts) {
			if width > 0 {
				gap := 0.0
				if x+width < s.at(float64(sums[i]))-0.5 {
					gap = 1 // to the next part, beside the colours
				}
				piece(x, width-gap, parts[n].class, parts[n].tip)
				x += width
			}
		}
	}
	return c
}

// widths returns how wide each part is. Parts that are too small to be seen are wider, and
// the largest part is narrower by as much.
func widths(s scale, parts []part) []float64 {
	all, largest, added := make([]float64, len(parts)), 0, 0.0
	for i, p := range parts {
		all[i] = s.at(float64(p.value))
		if p.value > 0 && all[i] < leastPart {
			added += leastPart - all[i]
			all[i] = leastPart
		}
		if all[i] > all[largest] {
			largest = i
		}
	}
	all[largest] -= min(added, max(all[largest]-leastPart, 0))
	return all
}

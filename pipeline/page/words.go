package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

// Limits of texts that others have written, in characters.
const (
	mostError = 300
	mostName  = 160
)

// clip returns a text that is safe to show: cut, and without characters that control
// anything.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) > most {
		n := 0
		for i := range text {
			if n++; n > most {
				text = text[:i] + "…"
				break
			}
		}
	}
	return schema.Escape(text, "")
}

func whole[N int | int64](n N) string { return humanize.Comma(int64(n)) }

// count returns a number with its noun.
func count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if noun == "batch" {
		return whole(n) + " batches"
	}
	return whole(n) + " " + noun + "s"
}

// credits returns an amount with two decimals at most.
func credits(x float64) string { return humanize.Commaf(math.Round(x*100) / 100) }

// largeCredits is the amount from which on decimals are left out.
const largeCredits = 10_000

// figure returns an amount as a card has room for it.
func figure(x float64) string {
	if math.Abs(x) >= largeCredits {
		x = math.Round(x)
	}
	return credits(x)
}

func size(bytes int64) string {
	return strings.Replace(humanize.IBytes(uint64(max(bytes, 0))), ".0 ", " ", 1)
}

// percent returns a part of a whole.
func percent(part, of int64) string {
	if of <= 0 {
		return "–"
	}
	return strconv.FormatFloat(runs.Percent(part, of), 'f', 1, 64) + " %"
}

// short returns a number as a tick has it: 1.2 M.
func short(x float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if x >= unit.size {
			return strconv.FormatFloat(math.Round(x/unit.size*100)/100, 'f', -1, 64) + unit.name
		}
	}
	return credits(x)
}

// span returns a duration in its two largest units.
func span(d time.Duration) string {
	if d = max(d, 0); d >= time.Second {
		d = d.Round(time.Second / 10)
	}
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		return twoUnits(d, time.Minute, "min", time.Second, "s")
	case d < 48*time.Hour:
		return twoUnits(d, time.Hour, "h", time.Minute, "min")
	}
	return twoUnits(d, 24*time.Hour, "d", time.Hour, "h")
}

func twoUnits(d, large time.Duration, name string, small time.Duration, smallName string) string {
	text := fmt.Sprintf("%d %s", d/large, name)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return text
}

// about returns a duration in words of a sentence.
func about(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return count(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour")
	}
	return count(int64(d/(24*time.Hour)), "day")
}

// stamp is a moment, as machines and as people read it.
type stamp struct{ ISO, Text string }

// at returns a moment for a table, whose head says that it is UTC.
func at(t time.Time) stamp {
	if t.IsZero() {
		return stamp{}
	}
	t = t.UTC()
	return stamp{t.Format(time.RFC3339), t.Format("2006-01-02 15:04")}
}

// moment returns a moment for a sentence.
func moment(t time.Time) stamp {
	s := at(t)
	if s.ISO != "" {
		s.Text = t.UTC().Format("2 Jan 2006, 15:04 UTC")
	}
	return s
}

// date returns a day of UTC.
func date(t time.Time) stamp {
	s := t.UTC().Format(time.DateOnly)
	return stamp{s, s}
}

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/runs"
)

// few is the number of batches up to which a terminal shows a line for each of them. The
// lines of more would push off the screen what a person has to see. It is also the number
// of failed batches that a summary names.
const few = 20

// crowd is what a ui keeps of a run over more batches than a screen has lines.
type crowd struct {
	many     bool      // the run has more than few batches
	failures []string  // the first few, one line each
	plans    int       // lines of a dry run about batches that would be exported
	unshown  int       // lines that a dry run or verify left out
	drawn    time.Time // when verify showed last how far it is
}

// expect says how many batches there will be.
func (u *ui) expect(batches int) { u.many = batches > few }

// brief reports whether a batch has a line only if it needs the attention of a person.
func (u *ui) brief() bool { return u.many && u.columns != nil && !u.verbose && !u.json }

// erase takes away what a terminal shows for as long as a command runs.
func (u *ui) erase() {
	if u.screen != nil {
		u.screen.draw("")
	}
}

// recall keeps a failure for the summary. The failures of a few batches are still in
// sight.
func (u *ui) recall(batch string, err error) {
	if u.many && !u.json && len(u.failures) < few {
		u.failures = append(u.failures, batch+"  "+reason(err))
	}
}

// reason returns why a batch failed as one line, without its id.
func reason(err error) string {
	if failure := (*pipeline.Error)(nil); errors.As(err, &failure) {
		err = failure.Err
	}
	return oneLine(err.Error())
}

// recalled names the failed batches again, and says where the rest of them are. It is
// empty when there are none.
func (u *ui) recalled(failed int, rest string) string {
	if len(u.failures) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("failed batches:\n")
	for _, f := range u.failures {
		b.WriteString(u.cut("  "+f) + "\n")
	}
	if more := failed - len(u.failures); more > 0 {
		fmt.Fprintf(&b, "  and %s more: %s\n", humanize.Comma(int64(more)), rest)
	}
	return b.String()
}

// cut shortens a line that is wider than the terminal.
func (u *ui) cut(line string) string {
	if u.columns == nil {
		return line
	}
	text, width := []rune(line), u.columns()
	if len(text) <= width {
		return line
	}
	return string(text[:max(width-1, 0)]) + "…"
}

// wrap breaks lines that are wider than the terminal at spaces.
func (u *ui) wrap(text string) string {
	if u.columns == nil {
		return text
	}
	width := u.columns()
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		rest := []rune(line)
		for len(rest) > width {
			at := width
			for at > 0 && rest[at] != ' ' {
				at--
			}
			if strings.TrimSpace(string(rest[:at])) == "" { // there is no place to break it
				break
			}
			lines = append(lines, string(rest[:at]))
			rest = append([]rune("  "), rest[at+1:]...)
		}
		lines = append(lines, string(rest))
	}
	return strings.Join(lines, "\n")
}

// whereFailuresAre says where all failed batches of a run are: in its report, or behind
// a command that can be typed as it is.
func whereFailuresAre(c *cli.Context, failed int) string {
	if name := c.String("report"); name != "" && name != "-" && failed <= runs.MostFailures {
		return "see " + name
	}
	command := "enrow-export status --to " + shellWord(c.String("to"))
	if s := schemeOf(c.String("to")); s != nil {
		command += s.typedFlags(c)
	}
	return command + " | grep -B1 error:"
}

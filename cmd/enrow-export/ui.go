package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// ui is the voice of a command that works on batches: what it says of each and
// at the end, in the form that was asked for. stdout carries the result alone.
type ui struct {
	out   io.Writer
	err   journal
	json  bool
	quiet bool
	// verbose wants a line for each batch wherever out goes.
	verbose bool
	kinds   bool // the batches are of several kinds
	log     *slog.Logger
	// screen is the terminal that err is, or else out, if one of them is one and no program
	// reads err.
	screen *screen
	// apart says that the screen is out alone: err and the logs go elsewhere.
	apart bool
	// columns returns the width of the terminal that out is, nil when it is none.
	columns func() int
	crowd
}

func outputFlag() *flagDef {
	return textFlag("output", "FORM", "text", "text, or json (an object a line), on stdout").oneOf("text", "json")
}

// verboseFlag is for commands that say less of many batches on a terminal.
func verboseFlag() *flagDef {
	return boolFlag("verbose", "print a line for each batch on a terminal, too").
		more(fmt.Sprintf("With more than %d batches, a terminal shows a line only for a failure or a warning. Without a terminal, every batch has a line.", few))
}

// newUI reads --output, --quiet and, if the command has them, --verbose and the flags of
// logging.
func (p *program) newUI(c *cli.Context) *ui {
	u := &ui{
		out: p.stdout, err: p.journal(), json: c.String("output") == "json", quiet: c.Bool("quiet"), verbose: c.Bool("verbose"),
		log: pipeline.NoLog,
	}
	out, err := screenOf(p.stdout), screenOf(p.stderr)
	switch {
	case err != nil && u.err.structured():
	case err != nil:
		u.screen = err
		u.err.w = plain{err.through(p.stderr)}
	case !u.json:
		u.screen, u.apart = out, true
	}
	if out != nil {
		u.columns = out.width
	}
	if u.screen != nil && out != nil {
		u.out = u.screen.through(u.out)
	}
	var level slog.Level
	if level.UnmarshalText([]byte(c.String("log-level"))) != nil {
		return u // a command without logs
	}
	if u.quiet {
		level = slog.LevelError
	}
	u.log = u.err.logger(level)
	return u
}

// line writes one line of text, or one object, of the result.
func (u *ui) line(object any, format string, args ...any) {
	switch {
	case u.quiet:
	case u.json:
		enc := json.NewEncoder(plain{u.out})
		enc.SetEscapeHTML(false)
		// An error of the writer is kept by output, and the objects
		// here always have a JSON form.
		_ = enc.Encode(object)
	default:
		fmt.Fprintf(plain{u.out}, format+"\n", args...)
	}
}

// plain writes text to a terminal, a file or a pipe. Names of objects and words of entries
// may be anybody's: a character in them that controls a terminal, or the direction of
// writing, stands there as \u and its number, which in JSON is the same character.
type plain struct{ w io.Writer }

// Write implements io.Writer. b is one line or more, whole.
func (p plain) Write(b []byte) (int, error) {
	if _, err := io.WriteString(p.w, schema.Escape(string(b), "\n")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// oneLine is words of an entry as a part of one line: none of them begins another.
func oneLine(words string) string { return schema.Escape(words, "") }

// failure returns the error of a batch and its hint, for a line whose first column has
// that width.
func (u *ui) failure(width int, kind, id string, err error) string {
	text := err.Error()
	if h := hint(err); h != "" {
		text += "\n" + strings.Repeat(" ", width+2) + "hint: " + h
	}
	u.complain(fmt.Sprintf("%-*s  %s  %s", width, "failed", u.shown(kind, id), text), (*slog.Logger).Error, "batch failed", ofBatch(kind, id, err)...)
	return text
}

// batchLine is a line about one batch in the JSON form of export.
type batchLine struct {
	Type        string                   `json:"type"` // "batch"
	BatchID     string                   `json:"batch_id"`
	Kind        string                   `json:"kind"`
	Outcome     export.Outcome           `json:"outcome"`
	Rows        *int64                   `json:"rows,omitempty"`
	OngoingRows int64                    `json:"ongoing_rows,omitempty"`
	Files       map[string]manifest.File `json:"files,omitempty"`
	Raw         *manifest.File           `json:"raw,omitempty"`
	Mismatches  []answer.Mismatch        `json:"mismatches,omitempty"`
	Warnings    []string                 `json:"warnings,omitempty"`
	Finished    *int64                   `json:"finished,omitempty"`
	Requested   *int64                   `json:"requested,omitempty"`
	Error       string                   `json:"error,omitempty"`
	Hint        string                   `json:"hint,omitempty"`
	Permanent   *bool                    `json:"permanent,omitempty"`
	ElapsedMS   int64                    `json:"elapsed_ms"`
}

// result tells the outcome of one batch.
func (u *ui) result(r export.Result) {
	l := batchLine{Type: "batch", Kind: r.Kind, BatchID: r.BatchID, Outcome: r.Outcome, OngoingRows: r.OngoingRows, ElapsedMS: r.Elapsed.Milliseconds()}
	var what string
	notable := false
	switch r.Outcome {
	case export.Exported, export.Done:
		notable = r.Outcome == export.Exported && (r.OngoingRows > 0 || len(r.Entry.Mismatches)+len(r.Entry.Warnings) > 0)
		e := r.Entry
		l.Rows, l.Files, l.Raw, l.Mismatches, l.Warnings = e.Rows, e.Files, e.Raw, e.Mismatches, e.Warnings
		what = rowsAndFiles(e)
		if r.Outcome == export.Done {
			what = "already exported, " + what
		}
		if r.OngoingRows > 0 {
			what += fmt.Sprintf("  (%s still ongoing at Enrow)", count(r.OngoingRows, "row"))
		}
		what += oddities(e, "\n          warning: ")
	case export.Ongoing:
		what = "still running at Enrow"
		if r.Finished >= 0 && r.Requested >= 0 {
			l.Finished, l.Requested = &r.Finished, &r.Requested
			what += fmt.Sprintf(", %s of %s searches finished", humanize.Comma(r.Finished), humanize.Comma(r.Requested))
		}
	case export.Failed:
		permanent := pipeline.IsPermanent(r.Err)
		l.Error, l.Hint, l.Permanent = r.Err.Error(), hint(r.Err), &permanent
		what = u.failure(8, r.Kind, r.BatchID, r.Err)
		notable = true
		u.recall(u.shown(r.Kind, r.BatchID), r.Err)
	}
	if notable || !u.brief() {
		u.line(l, "%-8s  %s  %s", r.Outcome, u.shown(r.Kind, r.BatchID), what)
	}
}

// shown returns the id of a batch as a line has it, with its kind if there are several
// and it is not the default.
func (u *ui) shown(kind, id string) string {
	if kind = kindShown(kind); u.kinds && kind != "" {
		id += "  " + strings.TrimSuffix(kind, ", ")
	}
	return id
}

// rowsAndFiles describes what an entry has published.
func rowsAndFiles(e *manifest.Entry) string {
	var b strings.Builder
	b.WriteString(count(*e.Rows, "row"))
	for _, format := range slices.Sorted(maps.Keys(e.Files)) {
		f := e.Files[format]
		if f.Shared() {
			fmt.Fprintf(&b, " in %s from row %s on", f.Path, humanize.Comma(f.FirstRow))
			continue
		}
		fmt.Fprintf(&b, ", %s %s", format, size(f.Bytes))
	}
	if e.Raw != nil {
		fmt.Fprintf(&b, ", raw %s", size(e.Raw.Bytes))
	}
	return b.String()
}

// oddities says what an entry has against the answer that was exported, each
// behind the separator.
func oddities(e *manifest.Entry, separator string) string {
	var b strings.Builder
	for _, m := range e.Mismatches {
		b.WriteString(separator + oneLine(m.String()))
	}
	for _, w := range e.Warnings {
		b.WriteString(separator + oneLine(w))
	}
	return b.String()
}

// headline counts batches: all of them, and then the parts that are not empty,
// given as pairs of a number and what it counts. none is said when there is none.
func headline(none string, pairs ...any) string {
	total := 0
	var parts []string
	for i := 0; i < len(pairs); i += 2 {
		if n := pairs[i].(int); n != 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%s %s", humanize.Comma(int64(n)), pairs[i+1]))
		}
	}
	if parts == nil {
		parts = []string{none}
	}
	return fmt.Sprintf("%s: %s", count(int64(total), "batch"), strings.Join(parts, ", "))
}

// count returns a number with its noun.
func count(n int64, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "ch"):
		noun += "es"
	default:
		noun += "s"
	}
	return humanize.Comma(n) + " " + noun
}

func size(bytes int64) string { return humanize.IBytes(uint64(bytes)) }

// duration returns a time with the precision that a person reads.
func duration(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

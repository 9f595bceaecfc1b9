package main

import (
	"cmp"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Help is rendered for the width of the terminal, and for 80 columns elsewhere. A word is
// never broken: no word of the declarations is longer than the narrowest help.

const (
	usualWidth              = 80
	leastWidth, mostWidth   = 60, 120
	helpIndent              = "  "
	narrowColumn, maxColumn = 22, 30 // of flags and commands, at the least width and the usual one
)

// helpWidth returns the width that help for w has.
func helpWidth(w io.Writer) int {
	width := usualWidth
	if f, ok := terminal(w); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			width = columns
		}
	} else if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		width = columns
	}
	return min(max(width, leastWidth), mostWidth)
}

// helpText is help that is being written for a width.
type helpText struct {
	strings.Builder
	width int
}

// programHelp is the help of the program.
func programHelp(commands []command, width int) string {
	h := &helpText{width: width}
	h.paragraphs("", "enrow-export writes finished Enrow batches as typed, flat files that a warehouse can load: Parquet, NDJSON or CSV, in a directory or a bucket.")
	h.heading("Usage")
	h.line(helpIndent + "enrow-export COMMAND [flags] [BATCH_ID ...]")
	h.heading("Examples")
	h.example(example{"try it, without a key", "enrow-export demo"})
	h.example(example{"export a batch of your own; ENROW_API_KEY holds the key", "enrow-export export --to out 3d4cb64e-i64d-41e8-a686-736751004a32"})
	for _, t := range allTopics {
		h.heading(string(t))
		for _, c := range commands {
			if c.topic == t && !c.hidden {
				h.row(c.name, c.usage, 12)
			}
		}
	}
	h.exits(programExits)
	h.line("")
	h.paragraphs("", "Flags and examples of a command: enrow-export COMMAND --help")
	return h.String()
}

// commandHelp is the help of a command.
func commandHelp(d *command, width int) string {
	h := &helpText{width: width}
	h.paragraphs("", sentence(d.usage))
	h.heading("Usage")
	h.line(helpIndent + d.synopsis())
	if d.description != "" {
		h.line("")
		h.paragraphs("", d.description)
	}
	h.heading("Examples")
	for _, e := range d.examples {
		h.example(e)
	}
	column := d.flagColumn(width)
	for _, g := range d.groups {
		h.heading(g.title)
		for _, f := range g.flags {
			h.row(f.synopsis(), f.describe(), column)
		}
	}
	if len(d.groups) > 0 {
		h.heading("Environment")
		h.paragraphs(helpIndent, d.environment())
	}
	h.exits(d.exits)
	h.line("")
	h.paragraphs("", "More: "+d.more())
	return h.String()
}

// flagColumn returns the width of the column that flags have in a help.
func (d *command) flagColumn(width int) int {
	most, longest := maxColumn, 0
	if width < usualWidth {
		most = narrowColumn
	}
	for _, f := range d.flags() {
		longest = max(longest, len(f.synopsis()))
	}
	return min(longest+2, most)
}

// synopsis returns how a command is called.
func (d *command) synopsis() string {
	parts := []string{"enrow-export", d.name}
	if len(d.groups) > 0 {
		parts = append(parts, "[flags]")
	}
	if d.args != "" {
		parts = append(parts, d.args)
	}
	return strings.Join(parts, " ")
}

// more names where a command is explained at length.
func (d *command) more() string {
	var pages []string
	if !d.hidden {
		pages = append(pages, "man enrow-export-"+d.name)
	}
	pages = append(pages, "docs/reference.md")
	if d.page != "" {
		pages = append(pages, "docs/"+d.page)
	}
	return strings.Join(pages, ", ")
}

// environment says how variables set the flags of a command.
func (d *command) environment() string {
	value, toggle := "", ""
	var others []string
	for _, f := range d.flags() {
		switch usual := variable(f.name); {
		case !slices.Contains(f.env, usual):
			others = append(others, f.env[0]+" for --"+f.name)
		case len(f.env) > 1:
			others = append(others, f.env[0]+" or "+usual+" for --"+f.name)
		case f.isSwitch():
			toggle = cmp.Or(toggle, usual+"=true for --"+f.name)
		default:
			value = cmp.Or(value, usual+" for --"+f.name)
		}
	}
	all := slices.DeleteFunc(append([]string{value, toggle}, others...), func(s string) bool { return s == "" })
	return "Variables set flags, too: " + strings.Join(all, ", ") + "."
}

// synopsis returns how a flag is typed.
func (f *flagDef) synopsis() string {
	if f.isSwitch() {
		return "--" + f.name
	}
	return "--" + f.name + " " + f.value
}

// describe returns what help says of a flag in one line.
func (f *flagDef) describe() string {
	var notes []string
	if f.required {
		notes = append(notes, "required")
	}
	if f.list && !strings.Contains(f.value, ",") {
		notes = append(notes, "repeatable")
	}
	if f.defaults != "" {
		notes = append(notes, "default "+f.defaults)
	}
	if notes == nil {
		return f.short
	}
	text := strings.Join(notes, ", ")
	if len("()")+len(text) <= leastWidth-len(helpIndent)-narrowColumn { // else it has no room on a line of its own
		text = strings.ReplaceAll(text, " ", noBreak)
	}
	return f.short + " (" + text + ")"
}

// sentence makes a sentence of a line of usage.
func sentence(usage string) string {
	return strings.ToUpper(usage[:1]) + usage[1:] + "."
}

func (h *helpText) line(s string) { h.WriteString(s + "\n") }

func (h *helpText) heading(title string) { h.line("\n" + title + ":") }

// example writes a call under what it does. It is not wrapped: it is there to be copied.
func (h *helpText) example(e example) {
	for _, line := range wrap("# "+e.does, h.width-len(helpIndent)) {
		if !strings.HasPrefix(line, "#") {
			line = "# " + line
		}
		h.line(helpIndent + line)
	}
	for line := range strings.SplitSeq(e.call, "\n") {
		h.line(helpIndent + line)
	}
}

// row writes a name with what is said of it beside it, or below it if the name has no room
// in its column.
func (h *helpText) row(name, text string, column int) {
	left := helpIndent + name
	lines := wrap(text, h.width-len(helpIndent)-column)
	for i, line := range lines {
		if i == 0 && utf8.RuneCountInString(name) > column-2 {
			h.line(left)
			left = ""
		}
		pad := len(helpIndent) + column - utf8.RuneCountInString(left)
		h.line(left + strings.Repeat(" ", pad) + line)
		left = ""
	}
}

func (h *helpText) exits(exits []exit) {
	h.heading("Exit codes")
	for _, e := range exits {
		h.row(e.codes, e.meaning, 15)
	}
}

// paragraphs writes text, wrapped but for the lines that begin with white space.
func (h *helpText) paragraphs(indent, text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			h.line("")
		}
		h.paragraph(indent, paragraph)
	}
}

func (h *helpText) paragraph(indent, text string) {
	var flowing []string
	flush := func() {
		if flowing == nil {
			return
		}
		for _, line := range wrap(strings.Join(flowing, " "), h.width-len(indent)) {
			h.line(indent + line)
		}
		flowing = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, " ") {
			flush()
			h.row(rowOf(line))
			continue
		}
		flowing = append(flowing, line)
	}
	flush()
}

// rowOf takes a line of a small table apart: a term, what it means, and the width of the
// column of the terms.
func rowOf(line string) (name, text string, column int) {
	trimmed := strings.TrimSpace(line)
	name, text, ok := strings.Cut(trimmed, "  ")
	if !ok {
		return trimmed, "", 0
	}
	return name, strings.TrimSpace(text), len(trimmed) - len(strings.TrimSpace(text))
}

// noBreak stands for a space at which no line ends.
const noBreak = "\u00a0"

// wrap breaks a text at white space into lines of at most so many characters, if its
// words allow it.
func wrap(text string, width int) []string {
	var lines []string
	line, length := "", 0
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' }) {
		word = strings.ReplaceAll(word, noBreak, " ")
		n := utf8.RuneCountInString(word)
		if line != "" && length+1+n > width {
			lines = append(lines, line)
			line, length = "", 0
		}
		if line != "" {
			line += " "
			length++
		}
		line += word
		length += n
	}
	return append(lines, line)
}

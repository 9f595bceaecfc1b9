package main

import (
	"fmt"
	"slices"
	"strings"
)

// The manual is made from the declarations of the commands, as Markdown: man pages for
// packages, and one page of the documentation.

// manual is a page of the manual in Markdown.
type manual struct{ strings.Builder }

func (m *manual) add(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func newManual(name, usage string) *manual {
	m := &manual{}
	day, _, _ := strings.Cut(build().date, "T")
	m.add("%% \"%s\" \"1\" \"%s\" \"enrow-export %s\" \"enrow-export manual\"", strings.ToUpper(name), day, version)
	m.add("\n# NAME\n\n%s - %s", name, escaped(usage))
	return m
}

func programManual(commands []command) string {
	m := newManual(programName, "write finished Enrow batches as files for a warehouse")
	m.add("\n# SYNOPSIS\n\n**enrow-export** *COMMAND* [*flags*] [*BATCH_ID* ...]")
	m.add("\n# DESCRIPTION\n\nenrow-export takes finished batches of the Enrow API by id and writes them as typed, flat files: Parquet, NDJSON or CSV, in a directory or a bucket.")
	m.add("A manifest records what was written. The same call can be repeated at any time: a batch that is exported costs no request.")
	m.add("\n# COMMANDS")
	for _, d := range commands {
		if !d.hidden {
			m.add("\n**enrow-export-%s**(1)\n: %s", d.name, escaped(sentence(d.usage)))
		}
	}
	m.add("\n# ENVIRONMENT\n\n**ENROW\\_API\\_KEY**\n: The API key. **--api-key-file** names a file with the key instead.")
	m.add("\n**ENROW\\_EXPORT\\_...**\n: The value of a flag that is not given. The page of each command names the variables.")
	m.exitCodes(programExits)
	return m.String()
}

// manual returns the page of a command.
func (d *command) manual() string {
	m := newManual(programName+"-"+d.name, d.usage)
	m.add("\n# SYNOPSIS\n\n%s", escaped(d.synopsis()))
	if d.description != "" {
		m.add("\n# DESCRIPTION\n\n%s", markdownParagraphs(d.description))
	}
	if len(d.groups) > 0 {
		m.add("\n# FLAGS")
	}
	for _, g := range d.groups {
		m.add("\n## %s", g.title)
		for _, f := range g.flags {
			m.add("\n%s\n: %s Environment: **%s**.", f.markdown(), escaped(f.sentences()), escaped(strings.Join(f.env, ", ")))
		}
	}
	m.add("\n# EXAMPLES")
	for _, e := range d.examples {
		m.add("\n%s\n\n```\n%s\n```", escaped(strings.TrimSuffix(sentence(e.does), ".")+":"), e.call)
	}
	m.exitCodes(d.exits)
	m.add("\n# SEE ALSO\n\n**enrow-export**(1)")
	return m.String()
}

func (m *manual) exitCodes(exits []exit) {
	m.add("\n# EXIT STATUS")
	for _, e := range exits {
		m.add("\n**%s**\n: %s", e.codes, escaped(sentence(e.meaning)))
	}
}

// referencePage is docs/reference.md.
func referencePage(commands []command) string {
	m := &manual{}
	m.add("# What does each flag do?\n")
	m.add("Each command, with every flag, its default and its environment variable. `enrow-export COMMAND --help` is the")
	m.add("short form. This page is printed by `enrow-export man --markdown`.")
	for _, d := range commands {
		if d.hidden {
			continue
		}
		m.add("\n## %s\n\n`%s`\n\n%s", d.name, d.synopsis(), sentence(d.usage))
		if d.description != "" {
			m.add("\n%s", markdownParagraphs(d.description))
		}
		m.add("\n```")
		for _, e := range d.examples {
			m.add("# %s\n%s", e.does, e.call)
		}
		m.add("```")
		for _, g := range d.groups {
			m.add("\n| %s | meaning | variable |\n|---|---|---|", g.title)
			for _, f := range g.flags {
				m.add("| `%s` | %s | `%s` |", f.synopsis(), cell(f.sentences()), strings.Join(f.env, "`, `"))
			}
		}
		m.add("\n| exit code | meaning |\n|---|---|")
		for _, e := range d.exits {
			m.add("| %s | %s |", e.codes, cell(e.meaning))
		}
	}
	return m.String()
}

// sentences returns all that is said of a flag.
func (f *flagDef) sentences() string {
	text := strings.ReplaceAll(f.describe(), noBreak, " ") + "."
	if first, _, _ := strings.Cut(text, " "); !slices.Contains(f.known, strings.TrimSuffix(first, ",")) { // a value is not a word
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if f.long != "" {
		text += " " + f.long
	}
	return text
}

func (f *flagDef) markdown() string {
	if f.isSwitch() {
		return "**--" + f.name + "**"
	}
	return "**--" + f.name + "** *" + f.value + "*"
}

// markdownParagraphs keeps the small tables of a description as they are.
func markdownParagraphs(text string) string {
	const fence = "```"
	var lines []string
	inTable := false
	for line := range strings.SplitSeq(text, "\n") {
		isRow := strings.HasPrefix(line, " ")
		switch {
		case isRow && !inTable:
			lines = append(lines, "", fence)
		case inTable && !isRow:
			lines = append(lines, fence, "")
		}
		if inTable = isRow; !isRow {
			line = escaped(line)
		}
		lines = append(lines, line)
	}
	if inTable {
		lines = append(lines, fence)
	}
	return strings.Join(lines, "\n")
}

// escaped is text in Markdown, where its characters are only text.
func escaped(text string) string {
	return strings.NewReplacer("_", `\_`, "*", `\*`, "<", `\<`, "[", `\[`, "{", `\{`, "}", `\}`).Replace(text)
}

// cell is text in a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`).Replace(text)
}

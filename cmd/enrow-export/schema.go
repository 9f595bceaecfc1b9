package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"enrow-export/schema"
)

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:               "schema",
		Usage:              "the tables: columns, types, meaning and where they come from",
		CustomHelpTemplate: cli.CommandHelpTemplate + exitCodes(exitOK, exitStopped, exitUsage),
		Flags:              []cli.Flag{outputFlag()},
		Action:             p.schema,
	}
}

// tableLine describes one table in the JSON form of schema.
type tableLine struct {
	Type        string       `json:"type"` // "table"
	Table       string       `json:"table"`
	Kind        string       `json:"kind"`
	Version     int          `json:"version"`
	Fingerprint string       `json:"fingerprint"`
	Endpoint    string       `json:"endpoint"`
	Doc         string       `json:"doc"`
	Columns     []columnLine `json:"columns"`
}

type columnLine struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Nullable bool     `json:"nullable"`
	Source   []string `json:"source"` // paths in the answer
	Doc      string   `json:"doc"`
}

func (p *program) schema(c *cli.Context) error {
	if c.NArg() > 0 {
		return usagef("see enrow-export schema --help", "schema takes no arguments")
	}
	ui, err := p.newUI(c)
	if err != nil {
		return err
	}
	for _, t := range schema.Tables() {
		l := tableLine{"table", t.Name, t.Kind, t.Version, t.Fingerprint(), t.Endpoint, t.Doc, nil}
		for _, col := range t.Columns {
			l.Columns = append(l.Columns, columnLine{col.Name, col.Type.String(), !col.Required, col.AnswerPaths(), col.Doc})
		}
		if ui.json {
			ui.line(l, "")
			continue
		}
		p.schemaText(l)
	}
	return nil
}

func (p *program) schemaText(l tableLine) {
	fmt.Fprintf(p.stdout, "%s (version %d): %s\nkind %s, from GET %s\n\n", l.Table, l.Version, l.Doc, l.Kind, l.Endpoint)
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COLUMN\tTYPE\tFROM\tMEANING")
	for _, col := range l.Columns {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", col.Name, col.Type, strings.Join(col.Source, " or "), col.Doc)
	}
	_ = w.Flush() // an error of the writer is kept by stickyWriter
}

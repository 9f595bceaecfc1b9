package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"enrow-export/schema"
	"enrow-export/schema/dialect"
)

func (p *program) schemaCommand() command {
	return command{
		name:  "schema",
		topic: topicLook,
		usage: "print the tables: columns, types, meaning",
		description: "With --dialect it prints the SQL that creates the tables in a warehouse: " + strings.Join(dialect.Names(), ", ") + ". " +
			"bigquery-json is the schema file of bq load, arrow the schema of Arrow, and json the columns as JSON.",
		examples: []example{
			{"the columns of email searches", "enrow-export schema --kind email-find"},
			{"the SQL that creates the tables in BigQuery", "enrow-export schema --dialect bigquery --namespace project.dataset"},
		},
		page: "data.md",
		exits: []exit{
			{"0", "the tables are printed"},
			{"1", "stdout cannot be written to"},
			usageExit,
			unreadExit,
		},
		groups: []flagGroup{
			{"Tables", []*flagDef{kindsFlag()}},
			{"Output", []*flagDef{
				textFlag("output", "FORM", "text", "text, json (an object a line) or markdown").oneOf("text", "json", "markdown"),
				textFlag("dialect", "NAME", "", "print the tables for a warehouse or a program").oneOf(schemaDialects()...).orNone(),
				namespaceFlag(),
			}},
		},
		action: p.schema,
	}
}

// tableLine describes one table in the JSON form of schema.
type tableLine struct {
	Type        string       `json:"type"` // "table"
	Table       string       `json:"table"`
	Kind        string       `json:"kind,omitempty"` // of the batches; the table batches has none
	Version     int          `json:"version"`
	Fingerprint string       `json:"fingerprint"`
	Endpoint    string       `json:"endpoint,omitempty"`
	Doc         string       `json:"doc"`
	Columns     []columnLine `json:"columns"`
}

type columnLine struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Nullable bool     `json:"nullable"`
	NullWhen string   `json:"null_when,omitempty"`
	Source   []string `json:"source"` // paths in the answer
	Example  string   `json:"example"`
	Doc      string   `json:"doc"`
}

// namespaceFlag is --namespace of a command that prints SQL.
func namespaceFlag() *flagDef {
	return textFlag("namespace", "NAME", "", "dataset or schema that the tables are in").
		more("Its parts are separated by dots. Without it, the session decides.")
}

func (p *program) schema(c *cli.Context) error {
	p.isResult()
	tables := tables(c)
	if c.String("kind") == "" {
		tables = schema.AllTables()
	}
	output := c.String("output")
	if c.String("dialect") != "" {
		if c.IsSet("output") {
			return usagef("", "--output and --dialect do not go together")
		}
		return p.schemaIn(c.String("dialect"), c.String("namespace"), tables)
	}
	if output == "markdown" {
		fmt.Fprint(p.stdout, markdownHead)
	}
	for i, t := range tables {
		switch l := describeTable(t); output {
		case "markdown":
			p.schemaMarkdown(l)
		case "json":
			(&ui{out: p.stdout, json: true}).line(l, "")
		default:
			if i > 0 {
				fmt.Fprintln(p.stdout)
			}
			p.schemaText(l)
		}
	}
	return nil
}

func describeTable(t *schema.Table) tableLine {
	l := tableLine{"table", t.Name, t.Kind, t.Version, t.Fingerprint(), t.Endpoint, t.Doc, nil}
	for _, col := range t.Columns {
		described := columnLine{
			Name: col.Name, Type: col.Type.String(), Nullable: !col.Required,
			Source: col.AnswerPaths(), Example: col.Example, Doc: col.Doc,
		}
		if described.Nullable {
			described.NullWhen = col.Null
		}
		l.Columns = append(l.Columns, described)
	}
	return l
}

const markdownHead = `# The tables

What does each column mean, and when is it null?

Each kind of batch has a table, and each row of its files has every column of the table, in this order.
A run with --columns or --exclude-columns writes fewer columns. A column is also null when Enrow's
response has no value for it, or a value of another type; such a value is stored in the column extra.
The examples are written as in NDJSON. How each format writes a value is in [files.md](files.md).

The command enrow-export schema --output markdown prints this page.
`

// schemaMarkdown prints a table as a section of a page.
func (p *program) schemaMarkdown(l tableLine) {
	from := fmt.Sprintf("Kind `%s`, version %d, from `GET %s`.", l.Kind, l.Version, l.Endpoint)
	if l.Kind == "" {
		from = fmt.Sprintf("Version %d, read from the manifest. The command `enrow-export batches` writes this table.", l.Version)
	}
	fmt.Fprintf(p.stdout, "\n## %s\n\n%s %s\n\n", l.Table, l.Doc, from)
	fmt.Fprintf(p.stdout, "| column | type | from | null when | example | meaning |\n|---|---|---|---|---|---|\n")
	for _, col := range l.Columns {
		null := col.NullWhen
		if !col.Nullable {
			null = "never"
		}
		from := "`" + strings.Join(col.Source, "` or `") + "`"
		fmt.Fprintf(p.stdout, "| `%s` | %s | %s | %s | `%s` | %s |\n", col.Name, col.Type, from, null, col.Example, col.Doc)
	}
}

func (p *program) schemaText(l tableLine) {
	from := fmt.Sprintf("kind %s, from GET %s", l.Kind, l.Endpoint)
	if l.Kind == "" {
		from = "read from the manifest; the command enrow-export batches writes this table"
	}
	fmt.Fprintf(p.stdout, "%s (version %d): %s\n%s\n\n", l.Table, l.Version, l.Doc, from)
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COLUMN\tTYPE\tFROM\tMEANING")
	for _, col := range l.Columns {
		null := "never null"
		if col.Nullable {
			null = "null when " + col.NullWhen
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s; %s\n", col.Name, col.Type, strings.Join(col.Source, " or "), col.Doc, null)
	}
	_ = w.Flush() // an error of the writer is kept by output
}

// Forms of a table that are no warehouse's SQL.
const (
	bigQueryJSON = "bigquery-json"
	arrowForm    = "arrow"
	jsonForm     = "json"
)

func schemaDialects() []string {
	return append(dialect.Names(), bigQueryJSON, arrowForm, jsonForm)
}

// schemaIn prints the tables in one of those forms.
func (p *program) schemaIn(name, namespace string, tables []*schema.Table) error {
	if name == bigQueryJSON && len(tables) > 1 {
		return usagef("add --kind: a schema file is for one table", "--dialect: %s describes one table", name)
	}
	if err := checkUTF8("SQL", "--namespace", namespace); err != nil {
		return err
	}
	d, isSQL := dialect.ByName(name)
	if namespace != "" && !isSQL {
		return usagef("", "--namespace goes with the dialects that are SQL")
	}
	for i, t := range tables {
		switch {
		case isSQL:
			if i > 0 {
				fmt.Fprintln(p.stdout)
			}
			fmt.Fprint(p.stdout, d.CreateTable(t, namespace))
		case name == bigQueryJSON:
			fmt.Fprintf(p.stdout, "%s", dialect.BigQuerySchema(t))
		case name == arrowForm:
			if i > 0 {
				fmt.Fprintln(p.stdout)
			}
			fmt.Fprintf(p.stdout, "%s: %s\n", t.Name, t.ArrowOfMany())
		default:
			(&ui{out: p.stdout, json: true}).line(describeTable(t), "")
		}
	}
	if isSQL {
		if lock := d.CreateLock(namespace); lock != "" {
			fmt.Fprint(p.stdout, "\n"+lock)
		}
	}
	return nil
}

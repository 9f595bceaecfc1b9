package main

import (
	"fmt"

	"enrow-export/schema"
	"enrow-export/schema/dialect"
)

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
	if err := oneOf("dialect", name, schemaDialects()...); err != nil {
		return err
	}
	if name == bigQueryJSON && len(tables) > 1 {
		return usagef("add --kind: a schema file is for one table", "--dialect: %s is of one table", name)
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
	return nil
}

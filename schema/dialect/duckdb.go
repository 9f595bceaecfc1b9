package dialect

import (
	"fmt"
	"strings"

	"enrow-export/schema"
)

var duckDB = &Dialect{
	Name:    "duckdb",
	Title:   "DuckDB",
	RunBy:   "duckdb -bail warehouse.duckdb < load.sql",
	Formats: []string{"parquet", "ndjson", "csv"},
	Reads:   "this machine, or a URL that begins with gs://, s3:// or https://",
	reach:   hasScheme("", "gs", "s3", "https"),
	quote:   doubling(`"`),
	literal: doubling(`'`),
	types:   types("VARCHAR", "BIGINT"),

	createTable: func(d *Dialect, t *schema.Table, name string) string {
		return "CREATE TABLE IF NOT EXISTS " + name + " (\n" + d.columnLines(t, d.typed) + ");\n" + d.commentOn(t, name)
	},
	load: loadDuckDB,
}

func loadDuckDB(d *Dialect, l *load) ([]Sidecar, error) {
	l.sayf("BEGIN TRANSACTION;")
	l.create()
	l.sayf("CREATE TEMP TABLE %s (%s);", l.staged, l.definitions(l.Table.ColumnNames()))
	for _, g := range l.groups(mostListed) {
		l.sayf("INSERT INTO %s (%s)\nSELECT %s FROM %s;", l.staged, l.columns(g.columns), l.columns(g.columns), l.duckDBReader(g))
	}
	l.dropOthers()
	l.sayf("SELECT CASE WHEN count(*) = %d THEN count(*) ELSE error(%s) END AS staged_rows FROM %s;", l.rows, d.literal(l.miscounted()), l.staged)
	l.replace()
	l.sayf("DROP TABLE %s;", l.staged)
	l.sayf("COMMIT;")
	return nil, nil
}

// duckDBReader returns the table function that reads a group.
func (l *load) duckDBReader(g group) string {
	files := "[\n" + l.urls(g.files) + "\n]"
	if g.format == "parquet" {
		return "read_parquet(" + files + ")"
	}
	columns := make([]string, len(g.columns))
	for i, name := range g.columns {
		columns[i] = l.d.literal(name) + ": " + l.d.literal(l.d.types[l.column(name).Type])
	}
	options := fmt.Sprintf(", columns = {%s}, compression = %s", strings.Join(columns, ", "), l.d.literal(g.compression))
	if g.format == "ndjson" {
		options += ", format = 'newline_delimited'" + longest("maximum_object_size", 16<<20, g)
		return "read_json(" + files + options + ")"
	}
	options += `, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false` +
		longest("max_line_size", 2_000_000, g)
	return "read_csv(" + files + options + ")"
}

// longest returns the option that lets a reader take lines as long as a file may
// have them, where that is more than the usual.
func longest(option string, usual int64, g group) string {
	var length int64
	for _, f := range g.files {
		bytes := f.Bytes
		if g.compression != "none" {
			const ratio = 32
			bytes *= ratio
		}
		length = max(length, bytes)
	}
	const most = 256 << 20
	if length <= usual {
		return ""
	}
	return fmt.Sprintf(", %s = %d", option, min(length, most))
}

package dialect

import (
	"slices"
	"strings"

	"enrow-export/schema"
)

var postgreSQL = &Dialect{
	Name:  "postgres",
	Title: "PostgreSQL",
	RunBy: "psql -X -f load.sql DATABASE",
	// Whatever is in a value, a line of NDJSON is one line. psql takes a line \. for
	// the end of a CSV file, even within quotes, before version 18.
	Formats:    []string{"ndjson", "csv"},
	Reads:      "this machine (psql) or gs:// URLs (gcloud)",
	unreadable: map[string]string{"parquet": "PostgreSQL has no Parquet reader; run export --format ndjson to add NDJSON files"},
	reach:      hasScheme("", "gs"),
	special:    takesAsSpecial(nil, []string{"*", "?", "[", "]", "{", "}", "#"}), // gcloud's
	quote:      doubling(`"`),
	literal:    doubling(`'`),
	types:      types("text", "bigint"),

	createTable: func(d *Dialect, t *schema.Table, name string) string {
		sql := "CREATE TABLE IF NOT EXISTS " + name + " (\n" + d.columnLines(t, d.typed) + ");\n"
		sql += "CREATE INDEX IF NOT EXISTS " + d.quote(t.Name+"_key") + " ON " + name + " (" + d.key(t) + ");\n"
		return sql + d.commentOn(t, name)
	},
	load: loadPostgreSQL,
}

// key returns the quoted names of the columns that rows are keyed on.
func (d *Dialect) key(t *schema.Table) string {
	var names []string
	for _, name := range []string{"batch_id", "index"} {
		if slices.Contains(t.ColumnNames(), name) {
			names = append(names, d.quote(name))
		}
	}
	return strings.Join(names, ", ")
}

func loadPostgreSQL(d *Dialect, l *load) ([]Sidecar, error) {
	l.sayf(`\set ON_ERROR_STOP on`)
	l.sayf("-- A higher isolation level would hide the rows that another load committed while this one waited.")
	l.sayf("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;")
	l.sayf("SET LOCAL standard_conforming_strings = on;")
	l.sayf("SET LOCAL client_min_messages = warning;")
	l.sayf("-- One load of this table at a time, in any schema, even before the table exists.")
	l.sayf("DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext(%s)); END $$;", d.literal("enrow-export "+l.Table.Name))
	l.create()
	l.sayf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE;", l.target)
	l.sayf("CREATE TEMP TABLE %s (%s) ON COMMIT DROP;", l.staged, l.definitions(l.Table.ColumnNames()))
	l.sayf("-- PostgreSQL cannot store the character U+0000 in text: it is replaced by U+001A (substitute).")
	lines := d.quote("enrow_export_lines_" + l.Table.Name)
	if slices.ContainsFunc(l.Files, func(f File) bool { return f.Format == "ndjson" }) {
		l.sayf("CREATE TEMP TABLE %s (line text) ON COMMIT DROP;", lines)
	}
	for _, f := range l.Files {
		if f.Format == "ndjson" {
			l.sayf(`\copy %s FROM PROGRAM %s WITH (FORMAT csv, HEADER false, DELIMITER E'\x02', QUOTE E'\x01', ESCAPE E'\x01', NULL '', ENCODING 'UTF8')`, lines, d.literal(l.shellReader(f)))
			continue
		}
		program := l.shellReader(f) + ` | LC_ALL=C tr '\000' '\032'`
		l.sayf(`\copy %s (%s) FROM PROGRAM %s WITH (FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULL '', ENCODING 'UTF8')`, l.staged, l.columns(f.Columns), d.literal(program))
	}
	if slices.ContainsFunc(l.Files, func(f File) bool { return f.Format == "ndjson" }) {
		l.sayf("INSERT INTO %s\nSELECT r.* FROM %s, json_populate_record(NULL::%s, CASE", l.staged, lines, l.staged)
		l.sayf(`  WHEN strpos(line, '\u0000') > 0 THEN regexp_replace(line, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\u001a', 'g')`)
		l.sayf("  ELSE line END::json) AS r;")
	}
	l.dropOthers()
	l.sayf("DO $$ BEGIN IF (SELECT count(*) FROM %s) <> %d THEN RAISE EXCEPTION %s; END IF; END $$;", l.staged, l.rows, d.literal(l.miscounted()))
	l.replace()
	l.sayf("COMMIT;")
	return nil, nil
}

// shellReader returns the command of a shell that writes a file, not compressed
// any more, to its standard output.
func (l *load) shellReader(f File) string {
	at := shellQuote(l.location(f))
	read, from := "cat", "< "+at
	if strings.HasPrefix(l.Root, "gs://") {
		read, from = "gcloud storage cat "+at, ""
	}
	switch f.Compression {
	case "gzip":
		return piped(read, from, "gzip -dc")
	case "zstd":
		return piped(read, from, "zstd -dcq")
	}
	return strings.TrimSpace(read + " " + from)
}

// piped returns the command that unpacks what is read from a file, or by another
// command.
func piped(read, from, unpack string) string {
	if from != "" {
		return unpack + " " + from
	}
	return read + " | " + unpack
}

// shellQuote returns text as one word of a shell.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

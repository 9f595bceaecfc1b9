package dialect

import (
	"encoding/json"

	"enrow-export/schema"
)

var bigQuery = &Dialect{
	Name:    "bigquery",
	Title:   "BigQuery",
	RunBy:   "bq query --use_legacy_sql=false < load.sql",
	Formats: []string{"parquet", "ndjson"},
	Reads:   "Cloud Storage (gs:// URLs)",
	unreadable: map[string]string{
		"csv":         "BigQuery reads null as the empty string; run export --format parquet to add Parquet files",
		"ndjson/zstd": "BigQuery reads NDJSON only without compression or with gzip",
	},
	reach: hasScheme("gs"),
	unreached: map[string]string{
		"s3": "it reads S3 only through a connection of BigQuery Omni or the Data Transfer Service, and this script uses neither",
	},
	special: takesAsSpecial(nil, []string{"*"}),
	quote:   backslashing("`"),
	literal: backslashing("'"),
	types:   types("STRING", "INT64"),

	createTable: func(d *Dialect, t *schema.Table, name string) string {
		// No column is REQUIRED: files in which all are optional, as they are in
		// Parquet, could not be appended by other means then.
		return "CREATE TABLE IF NOT EXISTS " + name + " (\n" + d.columnLines(t, func(c schema.Column) string {
			return d.types[c.Type] + " OPTIONS (description = " + d.literal(meaning(c)) + ")"
		}) + ")\nCLUSTER BY " + d.key(t) + "\nOPTIONS (description = " + d.literal(t.Doc) + ");\n"
	},
	createLock: func(d *Dialect, name string) string {
		return "CREATE TABLE IF NOT EXISTS " + name + " (" + d.quote("loads") + " INT64)\nOPTIONS (description = " + d.literal(lockDoc) + ");\n"
	},
	load: loadBigQuery,
}

// The options under which a format is read as it was written, whatever the
// project's defaults are.
var bigQueryFormats = map[string]string{
	"parquet": "format = 'PARQUET', file_set_spec_type = 'FILE_SYSTEM_MATCH', column_name_character_map = 'STRICT', " +
		"enum_as_string = FALSE, enable_list_inference = FALSE",
	"ndjson": "format = 'NEWLINE_DELIMITED_JSON', file_set_spec_type = 'FILE_SYSTEM_MATCH', max_bad_records = 0, " +
		"ignore_unknown_values = FALSE, encoding = 'UTF8'",
}

func loadBigQuery(d *Dialect, l *load) ([]Sidecar, error) {
	l.create()
	l.sayf("INSERT INTO %s (%s) SELECT 0 FROM (SELECT 1) WHERE NOT EXISTS (SELECT 1 FROM %s);", l.lock, d.quote("loads"), l.lock)
	verb := "OVERWRITE" // what an earlier script of the same session may have left
	for _, g := range l.groups(mostListed) {
		l.sayf("LOAD DATA %s TEMP TABLE %s (%s)\nFROM FILES (%s, uris = [\n%s\n]);", verb, l.staged, l.definitions(l.Table.ColumnNames()), bigQueryFormats[g.format], l.urls(g.files))
		verb = "INTO"
	}
	l.dropOthers()
	l.sayf("ASSERT (SELECT COUNT(*) FROM %s) = %d AS %s;", l.staged, l.rows, d.literal(l.miscounted()))
	l.sayf("BEGIN TRANSACTION;")
	l.sayf("-- When two loads run at once, BigQuery cancels one here. It has changed nothing: run it again.")
	l.sayf("UPDATE %s SET %s = %s + 1 WHERE TRUE;", l.lock, d.quote("loads"), d.quote("loads"))
	l.replace()
	l.sayf("COMMIT TRANSACTION;")
	l.sayf("DROP TABLE %s;", l.staged)
	return nil, nil
}

// BigQuerySchema returns the table as the schema file that bq load and bq mk take.
func BigQuerySchema(t *schema.Table) []byte {
	type field struct {
		Name        string `json:"name"`
		Type        string `json:"type"`
		Mode        string `json:"mode"`
		Description string `json:"description"`
	}
	var fields []field
	for _, c := range t.Columns {
		kind := "STRING"
		if c.Type == schema.Int64 {
			kind = "INTEGER"
		}
		fields = append(fields, field{c.Name, kind, "NULLABLE", meaning(c)})
	}
	data, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		panic(err) // strings have a JSON form
	}
	return append(data, '\n')
}

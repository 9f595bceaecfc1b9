package dialect

import (
	"slices"
	"strings"

	"enrow-export/schema"
)

var clickHouse = &Dialect{
	Name:    "clickhouse",
	Title:   "ClickHouse",
	RunBy:   "clickhouse-client --queries-file load.sql",
	Formats: []string{"parquet", "ndjson"},
	Reads:   "this machine, by clickhouse-client, or a URL that begins with gs:// or s3://",
	unreadable: map[string]string{
		"csv": `it takes the text \N for null; export --format parquet adds what it reads`,
	},
	reach:     hasScheme("", "gs", "s3"),
	wildcards: "*?{}[]",
	quote:     backslashing("`"),
	literal:   backslashing("'"),
	types:     types("String", "Int64"),

	createTable: func(d *Dialect, t *schema.Table, name string) string {
		return "CREATE TABLE IF NOT EXISTS " + name + " (\n" + d.columnLines(t, func(c schema.Column) string {
			return clickHouseType(d, c) + " COMMENT " + d.literal(meaning(c))
		}) + ")\nENGINE = MergeTree\nORDER BY " + d.quote("batch_id") + "\nCOMMENT " + d.literal(t.Doc) + ";\n"
	},
	load: loadClickHouse,
}

// clickHouseType returns the type of a column, which has no null unless it says so.
func clickHouseType(d *Dialect, c schema.Column) string {
	if c.Required {
		return d.types[c.Type]
	}
	return "Nullable(" + d.types[c.Type] + ")"
}

func loadClickHouse(d *Dialect, l *load) ([]Sidecar, error) {
	l.staged = d.qualified(l.Namespace, l.stage)
	l.sayf("-- ClickHouse has no transaction: for a moment the rows of the batches are missing.")
	l.create()
	l.sayf("DROP TABLE IF EXISTS %s;", l.staged)
	l.sayf("CREATE TABLE %s AS %s ENGINE = MergeTree ORDER BY %s;", l.staged, l.target, d.quote("batch_id"))
	for _, f := range l.Files {
		format := map[string]string{"parquet": "Parquet", "ndjson": "JSONEachRow"}[f.Format]
		columns := l.columns(f.Columns)
		if !strings.Contains(l.Root, "://") {
			compression := ""
			if f.Format != "parquet" {
				compression = " COMPRESSION " + d.literal(f.Compression)
			}
			l.sayf("INSERT INTO %s (%s) FROM INFILE %s%s FORMAT %s;", l.staged, columns, d.literal(l.location(f)), compression, format)
			continue
		}
		function, url := "s3", l.location(f)
		if path, ok := strings.CutPrefix(url, "gs://"); ok {
			function, url = "gcs", "https://storage.googleapis.com/"+path
		}
		compression := ""
		if f.Format != "parquet" {
			compression = ", " + d.literal(f.Compression)
		}
		structure := make([]string, len(f.Columns))
		for i, name := range f.Columns {
			structure[i] = d.quote(name) + " " + clickHouseType(d, l.column(name))
		}
		l.sayf("INSERT INTO %s (%s)\nSELECT %s FROM %s(%s, '%s', %s%s);", l.staged, columns, columns, function, d.literal(url), format, d.literal(strings.Join(structure, ", ")), compression)
	}
	id := d.quote("batch_id")
	l.dropOthers()
	l.sayf("SELECT throwIf(count() != %d, %s) FROM %s;", l.rows, d.literal(l.miscounted()), l.staged)
	for ids := range slices.Chunk(l.ids(func(Batch) bool { return true }), mostListed) {
		l.sayf("DELETE FROM %s WHERE %s IN (\n%s\n);", l.target, id, l.list(ids))
	}
	l.sayf("-- A replicated table would take the same rows for a repeated insert.")
	l.sayf("INSERT INTO %s (%s) SETTINGS insert_deduplicate = 0\nSELECT %s FROM %s;", l.target, l.allColumns(), l.allColumns(), l.staged)
	l.sayf("DROP TABLE %s;", l.staged)
	return nil, nil
}

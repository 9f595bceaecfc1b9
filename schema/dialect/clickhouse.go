package dialect

import (
	"iter"
	"slices"
	"strings"

	"enrow-export/schema"
)

var clickHouse = &Dialect{
	Name:    "clickhouse",
	Title:   "ClickHouse",
	RunBy:   "clickhouse-client --queries-file load.sql",
	Formats: []string{"parquet", "ndjson"},
	Reads:   "this machine (clickhouse-client), gs:// or s3:// URLs",
	unreadable: map[string]string{
		"csv": `ClickHouse reads the text \N as null; run export --format parquet to add Parquet files`,
	},
	reach: hasScheme("", "gs", "s3"),
	anyS3: true,
	special: takesAsSpecial(
		[]string{"*", "?", "{", "}", "[", "]", "::"},
		[]string{"*", "?", "{", "}", "[", "]", "::", "%", "#"}),
	quote:   backslashing("`"),
	literal: backslashing("'"),
	types:   types("String", "Int64"),

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

// The settings under which a format is read as it was written, whatever the user's
// profile says.
var clickHouseSettings = map[string]string{
	"parquet": "use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, " +
		"input_format_parquet_allow_missing_columns = 0, input_format_parquet_case_insensitive_column_matching = 0",
	"ndjson": "use_hive_partitioning = 0, input_format_null_as_default = 1, input_format_allow_errors_num = 0, input_format_allow_errors_ratio = 0, " +
		"input_format_skip_unknown_fields = 0",
}

func loadClickHouse(d *Dialect, l *load) ([]Sidecar, error) {
	l.create()
	l.sayf("-- Only this session sees its temporary tables, so a second load has its own.")
	definitions := l.clickHouseDefinitions(l.Table.ColumnNames())
	l.sayf("DROP TEMPORARY TABLE IF EXISTS %s;", l.staged)
	l.sayf("CREATE TEMPORARY TABLE %s (%s) ENGINE = Memory;", l.staged, definitions)
	for _, f := range l.Files {
		l.readClickHouse(f)
	}
	if l.partial() {
		kept := d.quote(l.stage + "_kept")
		l.sayf("DROP TEMPORARY TABLE IF EXISTS %s;", kept)
		l.sayf("CREATE TEMPORARY TABLE %s (%s) ENGINE = Memory;", kept, definitions)
		for ids := range l.idChunks() {
			l.sayf("INSERT INTO %s (%s)\nSELECT %s FROM %s WHERE %s IN (\n%s\n);", kept, l.allColumns(), l.allColumns(), l.staged, d.quote("batch_id"), l.list(ids))
		}
		l.sayf("DROP TEMPORARY TABLE %s;", l.staged)
		l.staged = kept
	}
	l.sayf("SELECT throwIf(count() != %d, %s) FROM %s;", l.rows, d.literal(l.miscounted()), l.staged)
	l.sayf("-- ClickHouse has no transactions: the rows of the batches are missing until the INSERT below is done.")
	l.sayf("-- When two loads run at once, the second fails here. It has changed nothing: run it again.")
	l.sayf("-- A load that is killed after this line leaves this table. When no load is running, drop it and load again.")
	lock := d.qualified(l.Namespace, lockTable+"_"+l.Table.Name)
	l.sayf("CREATE TABLE %s (%s DateTime) ENGINE = Memory\nCOMMENT %s;", lock, d.quote("since"), d.literal("A load is running. If no load is running, one was killed: drop this table and load again."))
	for ids := range l.idChunks() {
		l.sayf("DELETE FROM %s WHERE %s IN (\n%s\n);", l.target, d.quote("batch_id"), l.list(ids))
	}
	l.sayf("-- By default a replicated table skips rows that it has inserted before.")
	l.sayf("INSERT INTO %s (%s) SETTINGS insert_deduplicate = 0\nSELECT %s FROM %s;", l.target, l.allColumns(), l.allColumns(), l.staged)
	l.sayf("DROP TABLE %s;", lock)
	l.sayf("DROP TEMPORARY TABLE %s;", l.staged)
	return nil, nil
}

// idChunks yields the ids of all batches, some at a time.
func (l *load) idChunks() iter.Seq[[]string] {
	return slices.Chunk(l.ids(func(Batch) bool { return true }), mostListed)
}

// clickHouseDefinitions returns columns with their types, separated by commas.
func (l *load) clickHouseDefinitions(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = l.d.quote(name) + " " + clickHouseType(l.d, l.column(name))
	}
	return strings.Join(all, ", ")
}

// readClickHouse writes the statement that reads a file into the staging table.
func (l *load) readClickHouse(f File) {
	d, columns := l.d, l.columns(f.Columns)
	format := map[string]string{"parquet": "Parquet", "ndjson": "JSONEachRow"}[f.Format]
	compression := f.Compression
	if f.Format == "parquet" {
		compression = "none" // it is within the file
	}
	if !strings.Contains(l.Root, "://") {
		l.sayf("INSERT INTO %s (%s) FROM INFILE %s COMPRESSION %s\nSETTINGS %s FORMAT %s;", l.staged, columns, d.literal(l.location(f)), d.literal(compression), clickHouseSettings[f.Format], format)
		return
	}
	function, url := "s3", l.location(f)
	if path, ok := strings.CutPrefix(url, "gs://"); ok {
		function, url = "gcs", "https://storage.googleapis.com/"+path
	} else if path, ok := strings.CutPrefix(url, "s3://"); ok && l.S3.Endpoint != "" {
		url = strings.TrimSuffix(l.S3.Endpoint, "/") + "/" + path
	}
	l.sayf("INSERT INTO %s (%s)\nSELECT %s FROM %s(%s, '%s', %s, %s)\nSETTINGS %s;", l.staged, columns, columns,
		function, d.literal(url), format, d.literal(l.clickHouseDefinitions(f.Columns)), d.literal(compression), clickHouseSettings[f.Format])
}

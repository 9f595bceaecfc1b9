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
	Reads:   "this machine, gs://, s3:// or https:// URLs",
	reach:   hasScheme("", "gs", "s3", "https"),
	anyS3:   true,
	special: specialInDuckDB,
	quote:   doubling(`"`),
	literal: doubling(`'`),
	types:   types("VARCHAR", "BIGINT"),

	createTable: func(d *Dialect, t *schema.Table, name string) string {
		return "CREATE TABLE IF NOT EXISTS " + name + " (\n" + d.columnLines(t, d.typed) + ");\n" + d.commentOn(t, name)
	},
	load: loadDuckDB,
}

func loadDuckDB(d *Dialect, l *load) ([]Sidecar, error) {
	l.setDuckDBStore()
	l.sayf("BEGIN TRANSACTION;")
	l.create()
	l.sayf("-- DuckDB has no locks, but it fails one of two transactions that alter the same table.")
	l.sayf("-- That one has changed nothing: run it again. batch_id has no default, so nothing is altered.")
	l.sayf("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT;", l.target, d.quote("batch_id"))
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

// setDuckDBStore says where s3:// URLs lead. A secret of the user's that covers the files
// counts for more than the settings, and the script makes none: it would hide that secret.
func (l *load) setDuckDBStore() {
	if !isS3(l.Root) {
		return
	}
	var settings [][3]string // of a secret, of a session, and the value
	if l.S3.Region != "" {
		settings = append(settings, [3]string{"REGION", "s3_region", l.d.literal(l.S3.Region)})
	}
	if l.S3.Endpoint != "" {
		settings = append(settings, [3]string{"ENDPOINT", "s3_endpoint", l.d.literal(l.S3.host())})
		if strings.HasPrefix(l.S3.Endpoint, "http://") {
			settings = append(settings, [3]string{"USE_SSL", "s3_use_ssl", "false"})
		}
	}
	if l.S3.pathStyle() {
		settings = append(settings, [3]string{"URL_STYLE", "s3_url_style", l.d.literal("path")})
	}
	secret := ""
	for _, s := range settings {
		secret += ", " + s[0] + " " + s[2]
	}
	l.sayf("-- DuckDB takes the keys of S3 from the environment, or from a secret, such as this one in ~/.duckdbrc:")
	l.sayf("-- CREATE SECRET enrow_export (TYPE s3, PROVIDER credential_chain%s, SCOPE %s);", secret, l.d.literal(strings.TrimSuffix(l.Root, "/")+"/"))
	for _, s := range settings {
		l.sayf("SET %s = %s;", s[1], s[2])
	}
}

// specialInDuckDB finds a character that cannot be written so that it stands for
// itself: in a path there is a way but for a backslash beside others; in a URL a
// question mark, for one, begins parameters.
func specialInDuckDB(location string) string {
	if strings.Contains(location, "://") {
		return takesAsSpecial(nil, []string{"*", "?", "[", "#"})(location)
	}
	if strings.ContainsAny(location, "*?[") && strings.Contains(location, `\`) {
		return `\`
	}
	return ""
}

// notAPattern writes a name so that it is no pattern of other names.
var notAPattern = strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]")

// The options under which every reader takes files as they are: no columns from
// folders or names, no columns of other files, no rows left out.
const (
	duckDBFiles = ", hive_partitioning = false, union_by_name = false, filename = false"

	duckDBParquet = duckDBFiles + ", binary_as_string = false, file_row_number = false"
	duckDBJSON    = duckDBFiles + ", auto_detect = false, format = 'newline_delimited', records = 'true', ignore_errors = false"
	duckDBCSV     = duckDBFiles + `, auto_detect = false, header = true, skip = 0, delim = ',', quote = '"', escape = '"', new_line = '\n', comment = '', ` +
		"nullstr = '', allow_quoted_nulls = false, all_varchar = false, normalize_names = false, encoding = 'utf-8', " +
		"strict_mode = true, null_padding = false, ignore_errors = false, store_rejects = false"
)

// duckDBReader returns the table function that reads a group.
func (l *load) duckDBReader(g group) string {
	urls := make([]string, len(g.files))
	for i, f := range g.files {
		urls[i] = notAPattern.Replace(l.location(f))
	}
	files := "[\n" + l.list(urls) + "\n]"
	if g.format == "parquet" {
		return "read_parquet(" + files + duckDBParquet + ")"
	}
	columns := make([]string, len(g.columns))
	for i, name := range g.columns {
		columns[i] = l.d.literal(name) + ": " + l.d.literal(l.d.types[l.column(name).Type])
	}
	options := fmt.Sprintf(", columns = {%s}", strings.Join(columns, ", "))
	compression := g.compression
	if g.format == "ndjson" && compression == "none" {
		compression = "uncompressed" // the word that this reader knows
	}
	options += ", compression = " + l.d.literal(compression)
	length := longestLine(g)
	if g.format == "ndjson" {
		options += duckDBJSON
		if length > 16<<20 {
			options += fmt.Sprintf(", maximum_object_size = %d", length)
		}
		return "read_json(" + files + options + ")"
	}
	options += duckDBCSV
	if length > 2_000_000 {
		options += fmt.Sprintf(", max_line_size = %d, buffer_size = %d", length, max(length, 32_000_000))
	}
	return "read_csv(" + files + options + ")"
}

// longestLine returns how long a line of the files may be, so that the reader takes
// it: as long as the file. What a compressed file has within is only guessed, since
// the reader makes as much room: a short one may have a line of 16 MiB, and a long
// one of 32 times its length.
func longestLine(g group) int64 {
	var length int64
	for _, f := range g.files {
		bytes := f.Bytes
		if g.compression != "none" {
			bytes = max(min(1100*bytes, 16<<20), min(32*bytes, 256<<20))
		}
		length = max(length, bytes)
	}
	return length
}

package dialect

import (
	"fmt"
	"path"
	"strings"

	"enrow-export/schema"
)

var snowflake = &Dialect{
	Name:    "snowflake",
	Title:   "Snowflake",
	RunBy:   "snow sql -f load.sql",
	Formats: []string{"parquet", "ndjson", "csv"},
	Reads:   "this machine (PUT), gs:// or s3:// URLs",
	reach:   hasScheme("", "gs", "s3"),
	// PUT takes patterns, and snow has templates.
	special: takesAsSpecial([]string{"*", "?", "[", "&", "<%"}, []string{"*", "?", "&", "<%"}),
	// Names that are not quoted are in upper case there.
	quote:   func(name string) string { return doubling(`"`)(strings.ToUpper(name)) },
	literal: backslashing("'"),
	types:   types("VARCHAR", "NUMBER(19, 0)"),

	createTable: func(d *Dialect, t *schema.Table, name string) string {
		return "CREATE TABLE IF NOT EXISTS " + name + " (\n" + d.columnLines(t, func(c schema.Column) string {
			return d.typed(c) + " COMMENT " + d.literal(meaning(c))
		}) + ")\nCLUSTER BY (" + d.key(t) + ")\nCOMMENT = " + d.literal(t.Doc) + ";\n"
	},
	createLock: func(d *Dialect, name string) string {
		return "CREATE TABLE IF NOT EXISTS " + name + " (" + d.quote("loads") + " NUMBER(19, 0))\nCOMMENT = " + d.literal(lockDoc) + ";\n"
	},
	load: loadSnowflake,
}

// The options under which a format is read as it was written, whatever the
// account's defaults are.
var snowflakeFormats = map[string]string{
	"parquet": "TYPE = PARQUET NULL_IF = () TRIM_SPACE = FALSE BINARY_AS_TEXT = FALSE USE_LOGICAL_TYPE = TRUE USE_VECTORIZED_SCANNER = FALSE " +
		"REPLACE_INVALID_CHARACTERS = FALSE",
	"ndjson": "TYPE = JSON NULL_IF = () TRIM_SPACE = FALSE STRIP_NULL_VALUES = FALSE STRIP_OUTER_ARRAY = FALSE ENABLE_OCTAL = FALSE " +
		"ALLOW_DUPLICATE = FALSE IGNORE_UTF8_ERRORS = FALSE REPLACE_INVALID_CHARACTERS = FALSE SKIP_BYTE_ORDER_MARK = FALSE",
	"csv": `TYPE = CSV PARSE_HEADER = TRUE FIELD_DELIMITER = ',' RECORD_DELIMITER = '\n' FIELD_OPTIONALLY_ENCLOSED_BY = '"' ` +
		`ESCAPE = NONE ESCAPE_UNENCLOSED_FIELD = NONE NULL_IF = () EMPTY_FIELD_AS_NULL = TRUE TRIM_SPACE = FALSE SKIP_BLANK_LINES = FALSE MULTI_LINE = TRUE ENCODING = 'UTF8' ` +
		`ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE REPLACE_INVALID_CHARACTERS = FALSE SKIP_BYTE_ORDER_MARK = FALSE`,
}

func loadSnowflake(d *Dialect, l *load) ([]Sidecar, error) {
	l.sayf("ALTER SESSION SET AUTOCOMMIT = TRUE;")
	l.create()
	l.sayf("INSERT INTO %s (%s) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM %s);", l.lock, d.quote("loads"), l.lock)
	l.staged = d.qualified(l.Namespace, l.stage)
	stage := d.qualified(l.Namespace, "enrow_export_files")
	isLocal := !strings.Contains(l.Root, "://")
	l.sayf("CREATE OR REPLACE TEMPORARY TABLE %s (%s);", l.staged, l.definitions(l.Table.ColumnNames()))
	names := make(map[string]string) // where a file is in the stage, by its path
	if isLocal {
		l.sayf("CREATE OR REPLACE TEMPORARY STAGE %s;", stage)
		for i, f := range l.Files {
			folder := fmt.Sprintf("%06d", i+1)
			names[f.Path] = folder + "/" + path.Base(f.Path)
			l.sayf("PUT %s @%s/%s AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE OVERWRITE = TRUE;", d.literal("file://"+l.location(f)), stage, folder)
		}
	}
	for _, g := range l.groups(mostListed) {
		options := snowflakeFormats[g.format]
		if g.format != "parquet" {
			options += " COMPRESSION = " + strings.ToUpper(g.compression)
		}
		from := "@" + stage
		if !isLocal {
			from = d.literal(strings.Replace(strings.TrimSuffix(l.Root, "/")+"/", "gs://", "gcs://", 1))
			if l.Integration != "" {
				from += " STORAGE_INTEGRATION = " + d.quote(l.Integration)
			}
		}
		paths := make([]string, len(g.files))
		for i, f := range g.files {
			paths[i] = f.Path
			if isLocal {
				paths[i] = names[f.Path]
			}
		}
		l.sayf("COPY INTO %s\nFROM %s\nFILES = (\n%s\n)\nFILE_FORMAT = (%s)\nMATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT FORCE = TRUE PURGE = FALSE ENFORCE_LENGTH = TRUE;", l.staged, from, l.list(paths), options)
	}
	l.dropOthers()
	l.sayf("EXECUTE IMMEDIATE $$\nDECLARE\n  miscounted EXCEPTION (-20001, %s);\nBEGIN\n  IF ((SELECT COUNT(*) FROM %s) <> %d) THEN\n    RAISE miscounted;\n  END IF;\nEND;\n$$;", d.literal(l.miscounted()), l.staged, l.rows)
	l.sayf("BEGIN TRANSACTION;")
	l.sayf("-- One load at a time: the second waits here and then sees the rows of the first. DELETE locks")
	l.sayf("-- only the rows that it deletes, and a new batch has none yet.")
	l.sayf("UPDATE %s SET %s = %s + 1;", l.lock, d.quote("loads"), d.quote("loads"))
	l.replace()
	l.sayf("COMMIT;")
	l.sayf("DROP TABLE %s;", l.staged)
	if isLocal {
		l.sayf("DROP STAGE %s;", stage)
	}
	return nil, nil
}

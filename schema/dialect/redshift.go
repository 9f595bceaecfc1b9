package dialect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"enrow-export/schema"
)

var redshift = &Dialect{
	Name:    "redshift",
	Title:   "Redshift",
	RunBy:   "psql -X -v ON_ERROR_STOP=1 -f load.sql DATABASE",
	Formats: []string{"parquet", "ndjson"},
	Reads:   "Amazon S3 (s3:// URLs)",
	unreadable: map[string]string{
		"csv": "Redshift does not distinguish null from the empty string in CSV; run export --format parquet to add Parquet files",
	},
	reach:   hasScheme("s3"),
	special: takesAsSpecial(nil, nil), // its files are listed
	quote:   doubling(`"`),
	literal: doubling(`'`),
	types:   types("VARCHAR(65535)", "BIGINT"),

	createTable: func(d *Dialect, t *schema.Table, name string) string {
		return "CREATE TABLE IF NOT EXISTS " + name + " (\n" + d.columnLines(t, d.typed) +
			")\nCOMPOUND SORTKEY (" + d.key(t) + ");\n" + d.commentOn(t, name)
	},
	load: loadRedshift,
}

// redshiftManifest lists the files of a load, with the lengths without which
// columnar ones are not read.
type redshiftManifest struct {
	Entries []redshiftEntry `json:"entries"`
}

type redshiftEntry struct {
	URL       string       `json:"url"`
	Mandatory bool         `json:"mandatory"`
	Meta      redshiftMeta `json:"meta"`
}

type redshiftMeta struct {
	ContentLength int64 `json:"content_length"`
}

func loadRedshift(d *Dialect, l *load) ([]Sidecar, error) {
	l.create()
	l.sayf("BEGIN;")
	l.sayf("-- One load at a time: the second waits here and then sees the rows of the first.")
	l.sayf("LOCK %s;", l.target)
	l.sayf("CREATE TEMP TABLE %s (%s);", l.staged, l.definitions(l.Table.ColumnNames()))
	role := "default"
	if l.Integration != "" {
		role = d.literal(l.Integration)
	}
	var sidecars []Sidecar
	part := d.quote(l.stage + "_part")
	for _, g := range l.groups(len(l.Files)) {
		var manifest redshiftManifest
		for _, f := range g.files {
			manifest.Entries = append(manifest.Entries, redshiftEntry{l.location(f), true, redshiftMeta{f.Bytes}})
		}
		data, err := json.MarshalIndent(manifest, "", " ")
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		sidecar := Sidecar{Name: "_loads/" + l.Table.Name + "-" + hex.EncodeToString(sum[:8]) + ".manifest", Data: append(data, '\n')}
		sidecars = append(sidecars, sidecar)
		format := "PARQUET"
		if g.format == "ndjson" {
			format = "JSON 'auto' MAXERROR 0 COMPUPDATE OFF"
			switch g.compression {
			case "gzip":
				format += " GZIP"
			case "zstd":
				format += " ZSTD"
			}
			if l.S3.Region != "" { // COPY of columnar files knows no region: the bucket is in the cluster's
				format += " REGION " + d.literal(l.S3.Region)
			}
		}
		// Columns of columnar files are taken in their order, and have to be as many.
		l.sayf("CREATE TEMP TABLE %s (%s);", part, l.definitions(g.columns))
		l.sayf("COPY %s FROM %s\nIAM_ROLE %s MANIFEST FORMAT AS %s;", part, d.literal(l.location(File{Path: sidecar.Name})), role, format)
		l.sayf("INSERT INTO %s (%s) SELECT %s FROM %s;", l.staged, l.columns(g.columns), l.columns(g.columns), part)
		l.sayf("DROP TABLE %s;", part)
	}
	l.dropOthers()
	l.sayf("-- A division by zero here means: %s.", l.miscounted())
	l.sayf("SELECT 1 / CASE WHEN COUNT(*) = %d THEN 1 ELSE 0 END FROM %s;", l.rows, l.staged)
	l.replace()
	l.sayf("DROP TABLE %s;", l.staged)
	l.sayf("COMMIT;")
	return sidecars, nil
}

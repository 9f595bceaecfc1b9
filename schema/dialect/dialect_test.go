package dialect_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/schema/dialect"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a golden file, which a person has read.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// roots are where a dialect's files are in these tests.
var roots = map[string]string{
	"bigquery": "gs://bucket/en`row's \\", "clickhouse": "/data/en`row's \\", "duckdb": "/data/en\"row's",
	"postgres": "/data/en\"row's $HOME", "redshift": "s3://bucket/en\"row's", "snowflake": "/data/en\"row's \\",
}

// urls are where files are that the dialect reads otherwise than those of roots.
var urls = map[string]string{
	"clickhouse": "s3://bucket/custom=acme/it's", "duckdb": "gs://bucket/custom=acme/it's",
	"postgres": "gs://bucket/custom=acme/it's", "snowflake": "gs://bucket/custom=acme/it's",
}

// inS3 is where the files of the dialects that read S3 are when flags say it.
var inS3 = map[string]dialect.S3{
	"clickhouse": {Endpoint: "http://minio:9000/", Region: "eu-west-1"},
	"duckdb":     {Endpoint: "http://minio:9000/", Region: "it's"},
	"redshift":   {Endpoint: "https://s3.eu-west-1.amazonaws.com", Region: "it's"},
	"snowflake":  {Region: "eu-west-1"},
}

// A load that has all there can be: several columns choices, a file of which only
// some batches are wanted, and an empty batch.
func wholeLoad(d *dialect.Dialect) dialect.Load {
	table := &schema.PhoneFind
	l := dialect.Load{
		Table: table, Namespace: "lake.raw", Create: true, Root: roots[d.Name],
		Batches: []dialect.Batch{{ID: "a1", Rows: 3}, {ID: "a2", Rows: 0}, {ID: "b1", Rows: 5}, {ID: "b2", Rows: 7}},
	}
	for i, format := range d.Formats {
		compression := "none"
		if format == "parquet" {
			compression = "zstd"
		} else if i == len(d.Formats)-1 {
			compression = "gzip"
		}
		ext := format
		if compression == "gzip" {
			ext += ".gz"
		}
		l.Files = append(l.Files,
			dialect.File{Path: "phone_find/a1." + ext, Format: format, Compression: compression, Columns: table.ColumnNames(), Bytes: 321},
			dialect.File{Path: "phone_find/b1." + ext, Format: format, Compression: compression, Columns: []string{"batch_id", "index", "number"}, Bytes: 4_000_000, Partial: i == 0},
		)
	}
	return l
}

// dialects returns all there are.
func dialects(t *testing.T) (all []*dialect.Dialect) {
	t.Helper()
	for _, name := range dialect.Names() {
		d, ok := dialect.ByName(name)
		if !ok {
			t.Fatalf("no dialect has the name %s", name)
		}
		all = append(all, d)
	}
	return all
}

func TestGolden(t *testing.T) {
	for _, d := range dialects(t) {
		t.Run(d.Name, func(t *testing.T) {
			ddl := ""
			for _, table := range schema.Tables() {
				ddl += d.CreateTable(table, "") + "\n"
			}
			golden(t, d.Name+"/schema.sql", ddl+d.CreateLock(""))
			script, err := d.Load(wholeLoad(d))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, d.Name+"/load.sql", script.SQL)
			if root, ok := urls[d.Name]; ok {
				l := wholeLoad(d)
				l.Root, l.Create, l.Namespace = root, false, ""
				script, err := d.Load(l)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, d.Name+"/load-url.sql", script.SQL)
			}
			if place, ok := inS3[d.Name]; ok {
				l := wholeLoad(d)
				l.Root, l.S3, l.Create, l.Namespace = "s3://bucket/custom=acme/it's", place, false, ""
				script, err := d.Load(l)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, d.Name+"/load-s3.sql", script.SQL)
			}
			for _, s := range script.Sidecars {
				golden(t, d.Name+"/"+filepath.Base(s.Name), string(s.Data))
			}
		})
	}
	for _, table := range schema.Tables() {
		golden(t, "bigquery/"+table.Name+".json", string(dialect.BigQuerySchema(table)))
	}
}

// Every column of every table is declared, in order, and its meaning told.
func TestEveryColumnIsDeclared(t *testing.T) {
	for _, d := range dialects(t) {
		for _, table := range schema.Tables() {
			ddl := d.CreateTable(table, "")
			at := 0
			for _, c := range table.Columns {
				pattern := regexp.MustCompile("(?i)\n  [\"`]" + c.Name + "[\"`] [A-Z]")
				found := pattern.FindStringIndex(ddl[at:])
				if found == nil {
					t.Errorf("%s: %s.%s is not declared in its place", d.Name, table.Name, c.Name)
					continue
				}
				at += found[1] - 2
				if doc := strings.ReplaceAll(c.Doc, "'", "?'"); !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(doc), `\?'`, `(\\'|'')`)).MatchString(ddl) {
					t.Errorf("%s: nothing is said of %s.%s", d.Name, table.Name, c.Name)
				}
			}
			if !strings.HasPrefix(ddl, "CREATE TABLE IF NOT EXISTS ") || !strings.HasSuffix(ddl, ";\n") {
				t.Errorf("%s: %s", d.Name, ddl)
			}
		}
	}
}

// What a warehouse cannot read right is refused, with what to do instead.
func TestLoadRefuses(t *testing.T) {
	for _, d := range dialects(t) {
		ok := dialect.Load{
			Table: &schema.EmailVerify, Root: roots[d.Name], Batches: []dialect.Batch{{ID: "a", Rows: 1}},
			Files: []dialect.File{{Path: "a.x", Format: d.Formats[0], Compression: "none", Columns: []string{"batch_id"}}},
		}
		if _, err := d.Load(ok); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		for name, spoil := range map[string]func(*dialect.Load){
			"nothing":              func(l *dialect.Load) { l.Files, l.Batches = nil, nil },
			"unknown format":       func(l *dialect.Load) { l.Files[0].Format = "avro" },
			"unknown column":       func(l *dialect.Load) { l.Files[0].Columns = []string{"batch_id", "other"} },
			"unknown place":        func(l *dialect.Load) { l.Root = "ftp://there" },
			"relative folder":      func(l *dialect.Load) { l.Root = "there" },
			"line break":           func(l *dialect.Load) { l.Root += "\n\\! rm -r x" },
			"line break in a path": func(l *dialect.Load) { l.Files[0].Path = "a\nb" },
			"line break in a name": func(l *dialect.Load) { l.Namespace = "a\nb" },
		} {
			bad := ok
			bad.Files = slices.Clone(ok.Files)
			spoil(&bad)
			if script, err := d.Load(bad); err == nil || script.SQL != "" {
				t.Errorf("%s: %s is loaded: %s", d.Name, name, script.SQL)
			}
		}
		for _, format := range []string{"parquet", "ndjson", "csv"} {
			for _, compression := range []string{"none", "gzip", "zstd"} {
				if err := d.CheckFormat(format, compression); (err == nil) != slices.Contains(d.Formats, format) && !strings.Contains(err.Error(), "compressed with "+compression) {
					t.Errorf("%s: %s with %s: %v", d.Name, format, compression, err)
				} else if err != nil && !strings.HasPrefix(err.Error(), d.Title+" cannot load "+format) {
					t.Errorf("%s: %v", d.Name, err)
				}
			}
		}
	}
	for _, d := range dialects(t) {
		elsewhere := dialect.S3{Endpoint: "https://minio.example.com"}
		err := d.CheckS3("s3://bucket/x", elsewhere)
		if wants := d.Name == "redshift" || d.Name == "snowflake"; (err != nil) != wants {
			t.Errorf("%s, another store than Amazon S3: %v", d.Name, err)
		}
		if err := d.CheckS3("/data", elsewhere); err != nil {
			t.Errorf("%s, not in S3: %v", d.Name, err)
		}
		for _, endpoint := range []string{"", "https://s3.eu-west-1.amazonaws.com", "https://s3.cn-north-1.amazonaws.com.cn/", "https://S3.dualstack.eu-west-1.API.aws:443"} {
			if err := d.CheckS3("s3://bucket/x", dialect.S3{Endpoint: endpoint}); err != nil {
				t.Errorf("%s, Amazon S3 at %q: %v", d.Name, endpoint, err)
			}
		}
	}
	bigQuery, _ := dialect.ByName("bigquery")
	if err := bigQuery.CheckLocation("s3://bucket/x"); err == nil || !strings.Contains(err.Error(), "BigQuery Omni") {
		t.Errorf("BigQuery: %v", err)
	}
	if _, ok := dialect.ByName("oracle"); ok {
		t.Error("oracle is a dialect")
	}
	if d, ok := dialect.ByName("duckdb"); !ok || d.Name != "duckdb" {
		t.Error("duckdb is none")
	}
}

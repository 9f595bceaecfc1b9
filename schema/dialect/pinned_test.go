package dialect_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"enrow-export/schema"
	"enrow-export/schema/dialect"
)

// pin is a row of the table of docs/reader-options.md: what a reader would guess, and what
// it is told instead.
type pin struct{ readers, options []string }

var (
	quotedText = regexp.MustCompile("`([^`]+)`")
	codeBlock  = regexp.MustCompile("(?ms)^```[a-z]+\n(.*?)^```$")
	optionName = regexp.MustCompile(`\b(\w+) = `)
)

// pins returns that table, by the dialect's title.
func pins(t *testing.T) map[string][]pin {
	t.Helper()
	page, err := os.ReadFile("../../docs/reader-options.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Options by dialect\n")
	section, _, _ = strings.Cut(section, "\n## ")
	all := make(map[string][]pin)
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) < 4 || cells[1] == "reader" {
			continue
		}
		if len(cells) != 4 {
			t.Fatalf("a row of %d cells: %s", len(cells), line)
		}
		var p pin
		for _, m := range quotedText.FindAllStringSubmatch(cells[1], -1) {
			p.readers = append(p.readers, m[1])
		}
		for _, m := range quotedText.FindAllStringSubmatch(cells[2], -1) {
			p.options = append(p.options, m[1])
		}
		title := strings.TrimPrefix(cells[0], "| ")
		all[title] = append(all[title], p)
	}
	return all
}

// reading are texts of which each statement that reads files has one.
var reading = map[string][]string{
	"bigquery": {"LOAD DATA"}, "clickhouse": {"FROM INFILE", " FROM s3("}, "duckdb": {" read_parquet(", " read_json(", " read_csv("},
	"postgres": {`\copy `}, "redshift": {"COPY "}, "snowflake": {"COPY INTO ", "PUT "},
}

// readingStatements returns the statements of a dialect's golden scripts that read files.
func readingStatements(t *testing.T, d *dialect.Dialect) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/" + d.Name + "/load*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range names {
		script, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		end := ";\n"
		if d.Name == "postgres" {
			end = "\n" // of psql's own commands
		}
		for statement := range strings.SplitSeq(string(script), end) {
			if slices.ContainsFunc(reading[d.Name], func(text string) bool { return strings.Contains(statement, text) }) {
				all = append(all, statement)
			}
		}
	}
	if len(all) < 2*len(d.Formats) {
		t.Fatalf("%s: %d statements read files", d.Name, len(all))
	}
	return all
}

// Every statement that reads files has all the options that the page says are pinned
// for its reader, and every reader and option of it stands on the page.
func TestReadersArePinned(t *testing.T) {
	table := pins(t)
	for _, d := range dialects(t) {
		statements := readingStatements(t, d)
		var named []string
		pinned := make(map[string]bool)
		for _, p := range table[d.Title] {
			for _, reader := range p.readers {
				found := 0
				for _, statement := range statements {
					if !strings.Contains(statement, reader) {
						continue
					}
					found++
					pinned[statement] = true
					for _, option := range p.options {
						if !strings.Contains(statement, option) {
							t.Errorf("%s: %s without %s:\n%.900s", d.Name, reader, option, statement)
						}
					}
				}
				if found == 0 {
					t.Errorf("%s: no statement has %s", d.Name, reader)
				}
			}
			for _, option := range p.options {
				name, _, _ := strings.Cut(option, " =")
				named = append(named, name)
			}
		}
		// What says where a file is, of which format, and how long its lines are.
		named = append(named, "format", "uris", "max_line_size", "buffer_size", "maximum_object_size", "TYPE", "FILE_FORMAT")
		for _, statement := range statements {
			if !pinned[statement] {
				t.Errorf("%s: nothing is pinned for:\n%.300s", d.Name, statement)
			}
			for _, m := range optionName.FindAllStringSubmatch(statement, -1) {
				if !slices.Contains(named, m[1]) {
					t.Errorf("%s: the page does not tell of %s", d.Name, m[1])
				}
			}
		}
	}
}

// A table function of ClickHouse is told format, types and compression; otherwise it
// guesses them.
func TestClickHouseFunctionsAreTold(t *testing.T) {
	d, _ := dialect.ByName("clickhouse")
	whole := regexp.MustCompile("FROM (s3|gcs)\\('[^,]+', '(Parquet|JSONEachRow)', '(`\\w+` (Nullable\\()?(String|Int64)\\)?(, )?)+', '(none|gzip|zstd)'\\)\nSETTINGS ")
	for _, root := range []string{"s3://bucket/custom=acme", "gs://bucket/custom=acme"} {
		l := wholeLoad(d)
		l.Root = root
		script, err := d.Load(l)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(whole.FindAllString(script.SQL, -1)); got != len(l.Files) {
			t.Errorf("%d of %d files are read so:\n%s", got, len(l.Files), script.SQL)
		}
	}
}

// bigQueryCommands returns what the commands of BigQuery have to say of files.
func bigQueryCommands() map[string][]string {
	external := []string{"file_set_spec_type = 'FILE_SYSTEM_MATCH'", "enum_as_string = FALSE", "enable_list_inference = FALSE"}
	for _, c := range schema.EmailFind.Columns {
		external = append(external, c.Name+" "+map[bool]string{true: "INT64", false: "STRING"}[c.Type == schema.Int64])
	}
	return map[string][]string{
		"CREATE EXTERNAL TABLE": external,
		" load --source_format": {
			"--noreplace", "--noautodetect", "--max_bad_records=0", "--noignore_unknown_values", "--encoding=UTF-8", "--file_set_spec_type=FILE_SYSTEM_MATCH",
		},
	}
}

// The queries that pages show guess nothing either.
func TestQueriesOfPagesArePinned(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	reader := regexp.MustCompile(`(?i)\b(read_\w+|s3|gcs)\([^)]*\)`)
	bare := regexp.MustCompile(`(?i)\bFROM '[^']*'`)
	found := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range codeBlock.FindAllStringSubmatch(string(text), -1) {
			for _, call := range reader.FindAllString(block[1], -1) {
				found++
				for _, option := range []string{"hive_partitioning = false", "union_by_name = ", "filename = false"} {
					if !strings.Contains(call, option) {
						t.Errorf("%s: %s without %s", page, call, option)
					}
				}
			}
			for _, call := range bare.FindAllString(block[1], -1) {
				t.Errorf("%s: %s says nothing of how it is read", page, call)
			}
			for command, options := range bigQueryCommands() {
				if !strings.Contains(block[1], command) {
					continue
				}
				found++
				for _, option := range options {
					if !strings.Contains(block[1], option) {
						t.Errorf("%s: %s without %s", page, command, option)
					}
				}
			}
		}
	}
	if found < 4 {
		t.Errorf("%d queries read files", found)
	}
}

// Names that would not stand for themselves are refused, and say which text it is.
func TestSpecialNamesAreRefused(t *testing.T) {
	for name, refused := range map[string]map[string]string{
		"bigquery":   {"gs://b/a*": "*", "gs://b/a[1]?{x}&'\"": ""},
		"clickhouse": {"/a/{b,c}": "{", "/a?": "?", "/a [1]": "[", "/a*": "*", "/a.zip::b": "::", "s3://b/a%20b": "%", "gs://b/a#1": "#", "/a%20 #'\"\\": ""},
		"duckdb":     {`/a\[b`: `\`, `/a\b*`: `\`, "s3://b/a?x": "?", "https://h/a[1]": "[", "gs://b/a*": "*", "/a[1]*?{b,c}'\"": "", `/a\b{c,d}`: ""},
		"postgres":   {"gs://b/a[1]": "[", "gs://b/a#1": "#", "gs://b/a*": "*", "/a[1]*?{b,c}#'\"\\$x`": ""},
		"redshift":   {"s3://b/a*?[1]{b}'\"": ""},
		"snowflake":  {"/a*": "*", "/a[1]": "[", "/a&b": "&", "/<% a %>": "<%", "gs://b/a?": "?", "gs://b/a[1]": "", "/a'\"\\ {b}": ""},
	} {
		d, _ := dialect.ByName(name)
		for location, text := range refused {
			err := d.CheckLocation(location)
			if text == "" && err != nil || text != "" && (err == nil || !strings.Contains(err.Error(), " does not read "+text+" in a name ")) {
				t.Errorf("%s: %s: error %v, want one that names %q", name, location, err, text)
			}
		}
	}
}

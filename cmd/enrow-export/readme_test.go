package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"enrow-export/schema"
)

// Every call of the program that a page shows must be one that it understands:
// a known command with known flags.
func TestPagesShowWhatWorks(t *testing.T) {
	call := regexp.MustCompile("enrow-export ((?:[a-z-]+ )?-[^`|#>&]*|[a-z-]+ [^`|#>&]*)")
	calls := 0
	p := &program{}
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
				continue
			}
			found := call.FindStringSubmatch(strings.TrimSpace(line))
			if !fenced || found == nil {
				continue
			}
			calls++
			args := append([]string{programName}, strings.Fields(found[1])...)
			if _, err := arrange(p.commands(), args); err != nil {
				t.Errorf("%s shows %q: %v", page, strings.TrimSpace(line), err)
			}
		}
	}
	if calls < 4 {
		t.Errorf("%d calls found in the pages, want those of the README at least", calls)
	}
}

// othersFlags are those that every command has, and those of other programs.
var othersFlags = []string{
	"--help", "--version", "--use_legacy_sql", "--job_id", "--source_format", "--queries-file",
	"--noreplace", "--noautodetect", "--max_bad_records", "--noignore_unknown_values", "--encoding", "--file_set_spec_type",
	"--project", "--file", "--member", "--role", "--conn-type", "--conn-password", "--data-file", "--from-file", "--now", "--system", "--home-dir", "--collector",
}

// Inline mentions of flags in the pages must be of flags that exist.
func TestPagesNameFlagsThatExist(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range (&program{}).commands() {
		for _, f := range c.flags() {
			known["--"+f.name] = true
		}
	}
	for _, page := range append(pages(t), "../../CHANGELOG.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range regexp.MustCompile(`--[a-z][a-z0-9_-]+`).FindAllString(string(text), -1) {
			if !known[flag] && !slices.Contains(othersFlags, flag) {
				t.Errorf("%s names the flag %s, which no command has", page, flag)
			}
		}
	}
}

// The sources of dbt that a page shows are tables of the program.
func TestSourcesOfDBTExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/warehouses.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	block, _, _ := strings.Cut(rest, "```")
	var shown struct {
		Sources []struct {
			Tables []struct {
				Name    string
				Columns []struct{ Name string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(block), &shown); err != nil || len(shown.Sources) != 1 || len(shown.Sources[0].Tables) < 2 {
		t.Fatalf("%+v, error %v", shown, err)
	}
	for _, table := range shown.Sources[0].Tables {
		i := slices.IndexFunc(schema.AllTables(), func(t *schema.Table) bool { return t.Name == table.Name })
		if i < 0 {
			t.Errorf("there is no table %s", table.Name)
			continue
		}
		for _, c := range table.Columns {
			if !slices.Contains(schema.AllTables()[i].ColumnNames(), c.Name) {
				t.Errorf("table %s has no column %s", table.Name, c.Name)
			}
		}
	}
}

// docs/data.md is what the program says of its tables: make docs writes it anew.
func TestDataPageIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"enrow-export", "schema", "--output", "markdown"}, nil, &out, &errs)
	if diff := cmp.Diff(out.String(), string(page)); code != exitOK || diff != "" {
		t.Errorf("exit code %d, %s\ndocs/data.md (-printed +page):\n%s", code, errs.String(), diff)
	}
}

// docs/reference.md is what the commands declare: make docs writes it anew.
func TestReferencePageIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(referencePage((&program{}).commands()), string(page)); diff != "" {
		t.Errorf("docs/reference.md (-printed +page):\n%s", diff)
	}
}

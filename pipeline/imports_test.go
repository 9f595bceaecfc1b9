package pipeline

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed says which packages of the module each package may import, and why
// not more. Tests may import more than the code they test.
var allowed = map[string]struct {
	imports []string
	reason  string
}{
	"schema":            {nil, "the tables are data that everybody builds on"},
	"schema/dialect":    {[]string{"schema"}, "SQL is derived from the tables, and knows neither stores nor the manifest"},
	"sinks":             {[]string{"schema"}, "formats know a table and a writer, stores know names and bytes"},
	"sinks/local":       {[]string{"sinks"}, "a provider knows the Store interface alone"},
	"sinks/gcs":         {[]string{"sinks"}, "a provider knows the Store interface alone"},
	"sinks/gcs/gcstest": {nil, "it stands in for a service that knows nothing of this program"},
	"sinks/storetest":   {[]string{"sinks"}, "the suite must fit every provider"},
	"pipeline":          {[]string{"schema", "schema/dialect", "sinks"}, "the stages know no provider and no source, so that any can be put in"},
	"sources":           {[]string{"pipeline", "schema", "sinks"}, "a source knows what the pipeline asks of it, and of where rows go only that answers may be kept there"},
	"sources/fakeapi":   {[]string{"pipeline", "schema"}, "the embedded API must not depend on the client it is to test"},
	"cmd/enrow-export":  {[]string{"pipeline", "schema", "schema/dialect", "sinks", "sinks/gcs", "sinks/local", "sources", "sources/fakeapi"}, "only the command wires them together, and tests' helpers stay out of it"},
}

func TestImportsRunOneWay(t *testing.T) {
	seen := make(map[string]bool)
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && entry.Name() != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel("..", filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		seen[pkg] = true
		rule, known := allowed[pkg]
		if !known {
			t.Errorf("package %s has no rule: say here what it may import, and why", pkg)
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if imported == "testing" && pkg != "sinks/storetest" {
				t.Errorf("%s imports testing, which would end up in the binary", file)
			}
			if own, ok := strings.CutPrefix(imported, "enrow-export/"); ok && !slices.Contains(rule.imports, own) {
				t.Errorf("%s imports %s: %s", file, own, rule.reason)
			}
			if pkg != "cmd/enrow-export" && path.Dir(imported) == "github.com/urfave/cli" {
				t.Errorf("%s imports the command line", file)
			}
			if strings.Contains(imported, "/pqarrow") {
				t.Errorf("%s imports pqarrow, which links flight and grpc: 20 MB for nothing", file)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("package %s has a rule but no files", pkg)
		}
	}
}

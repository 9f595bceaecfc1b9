package pipeline_test

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

// allowed says which packages of the module each package may import, and why not
// more. Tests may import more than the code they test.
//
// A parent folder is the contract, its children are built on it. Operations (export,
// adopt, compact, prune, verify, load) are clients of the manifest, never of one another; but
// load asks verify whether the files are there.
var allowed = map[string]struct {
	imports []string
	reason  string
}{
	"schema":            {nil, "the tables are data that everybody builds on"},
	"schema/dialect":    {[]string{"schema"}, "SQL is derived from the tables, and knows neither stores nor the manifest"},
	"sinks":             {[]string{"schema"}, "formats know a table and a writer, stores know names and bytes"},
	"sinks/network":     {nil, "it is what clients of any service share"},
	"sinks/platform":    {nil, "a build for another system ends before anything else is compiled"},
	"sinks/local":       {[]string{"sinks", "sinks/platform"}, "a provider knows the Store interface alone"},
	"sinks/gcs":         {[]string{"sinks/network", "sinks"}, "a provider knows the Store interface, and what all clients share"},
	"sinks/gcs/gcstest": {nil, "it stands in for a service that knows nothing of this program"},
	"sinks/s3":          {[]string{"sinks/network", "sinks"}, "a provider knows the Store interface, and what all clients share"},
	"sinks/s3/s3test":   {nil, "it stands in for a service that knows nothing of this program"},
	"sinks/storetest":   {[]string{"sinks"}, "the suite must fit every provider"},

	"sinks/s3/s3gateway": {[]string{"sinks/s3/s3test"}, "it starts a server that knows nothing of this program"},

	"pipeline":          {[]string{"schema"}, "what stages and sources say to each other knows neither"},
	"pipeline/runs":     {[]string{"schema"}, "its lines are read by other processes: a contract, apart from the run"},
	"pipeline/overview": {[]string{"pipeline", "pipeline/manifest", "schema", "sinks"}, "a root in figures is a view of the manifest, and knows no operation"},
	"pipeline/metrics":  {[]string{"pipeline/manifest", "pipeline/overview", "pipeline/runs", "schema", "sinks"}, "metrics are another form of a run's line and of the overview, and know no operation"},
	"pipeline/ping":     {[]string{"sinks/network"}, "it tells an exit code and a text, and knows nothing of either"},
	"pipeline/page":     {[]string{"pipeline/overview", "pipeline/runs", "schema"}, "a page shows figures, and asks no store for them"},
	"pipeline/answer":   {[]string{"pipeline", "schema"}, "an answer is taken apart without knowing where its rows go"},
	"pipeline/manifest": {[]string{"pipeline", "pipeline/answer", "schema", "sinks"}, "all operations stand on the manifest, so it stands on none"},
	"pipeline/probe":    {[]string{"pipeline", "pipeline/manifest", "sinks"}, "doctor and the commands that write stand on it, and it must fit every store"},
	"pipeline/export":   {[]string{"pipeline", "pipeline/answer", "pipeline/manifest", "schema", "sinks"}, "a run knows no provider and no source, so that any can be put in, and no other operation"},
	"pipeline/service":  {[]string{"pipeline", "pipeline/export", "pipeline/overview", "pipeline/runs", "schema", "sinks", "sinks/platform"}, "it says when runs begin, and how well the process is; what a run does it is told"},
	"pipeline/doctor":   {[]string{"pipeline", "pipeline/manifest", "pipeline/overview", "pipeline/probe", "schema", "sinks", "sinks/network", "sinks/platform"}, "it says what a run will meet, and must not be a run itself"},
	"pipeline/verify":   {[]string{"pipeline/manifest", "schema", "sinks"}, "what checks the files must not share what wrote them"},
	"pipeline/prune":    {[]string{"pipeline", "pipeline/manifest", "schema", "sinks"}, "operations never import each other"},
	"pipeline/adopt":    {[]string{"pipeline", "pipeline/answer", "pipeline/manifest", "schema", "sinks"}, "it flattens a kept answer again, but writes entries only: the writers of files are export's"},
	"pipeline/compact":  {[]string{"pipeline", "pipeline/manifest", "schema", "sinks", "sinks/platform"}, "operations never import each other"},
	"pipeline/load":     {[]string{"pipeline", "pipeline/manifest", "pipeline/verify", "schema", "schema/dialect", "sinks"}, "a load says which files to read, and reads none"},
	"pipeline/pipelinetest": {
		[]string{"pipeline", "pipeline/export", "pipeline/manifest", "pipeline/verify", "schema", "sinks", "sinks/gcs", "sinks/gcs/gcstest", "sinks/local", "sinks/s3", "sinks/s3/s3test", "sinks/storetest"},
		"it sets the scene for tests of the pipeline, by runs and on stores",
	},

	"sources":         {[]string{"sinks/network", "pipeline", "pipeline/manifest", "schema", "sinks"}, "a source knows what the pipeline asks of it, and of where rows go only that answers may be kept there"},
	"sources/webhook": {[]string{"pipeline", "schema"}, "a notice is an id and a kind: what is recorded of it, and where, is the business of who asked for it"},
	"sources/fakeapi": {[]string{"schema"}, "the embedded API must not depend on the client it is to test"},
	"cmd/enrow-export": {
		[]string{
			"sinks/network", "pipeline", "pipeline/adopt", "pipeline/answer", "pipeline/compact", "pipeline/doctor", "pipeline/export", "pipeline/load", "pipeline/manifest", "pipeline/metrics", "pipeline/overview", "pipeline/page", "pipeline/ping", "pipeline/probe", "pipeline/prune", "pipeline/runs", "pipeline/service", "pipeline/verify",
			"schema", "schema/dialect", "sinks", "sinks/gcs", "sinks/local", "sinks/s3", "sources", "sources/fakeapi", "sources/webhook",
		},
		"only the command wires them together, and tests' helpers stay out of it",
	},
}

// forTests are the packages that are linked into tests alone.
var forTests = []string{"sinks/storetest", "sinks/s3/s3gateway", "pipeline/pipelinetest"}

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
			return filepath.SkipDir
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
			if imported == "testing" && !slices.Contains(forTests, pkg) {
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

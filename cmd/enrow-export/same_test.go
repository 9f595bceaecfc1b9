//go:build same

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

var sameAs = flag.String("same.as", "", "the program of another build, to be compared with this one")

// TestSameAsAnotherBuild runs two builds of the program over the same answers: they
// print the same, and leave the same files. Times aside, each difference is one that
// the changelog has to tell. It is for changes that are to change nothing: make same.
func TestSameAsAnotherBuild(t *testing.T) {
	if *sameAs == "" {
		t.Fatal("give -same.as EXE")
	}
	other, err := filepath.Abs(*sameAs)
	if err != nil {
		t.Fatal(err)
	}
	want, got := transcript(t, other), transcript(t, builtProgram(t))
	if len(want) != len(got) {
		t.Fatalf("%d commands and files, the other build has %d", len(got), len(want))
	}
	for i, w := range want {
		if diff := gocmp.Diff(w, got[i]); diff != "" {
			t.Errorf("(-%s +this build):\n%s", *sameAs, diff)
		}
	}
	t.Logf("%d commands and files compared", len(want))
}

// transcript returns what the program prints for a list of calls, and what it leaves.
func transcript(t *testing.T, exe string) (entries []string) {
	t.Helper()
	dir := t.TempDir()
	urls, ids := make(map[string]string), make(map[string][]string)
	for _, table := range schema.Tables() {
		urls[table.Kind], ids[table.Kind] = serveAwkward(t, table)
	}
	call := func(kind string, args ...string) {
		t.Helper()
		cmd := exec.Command(exe, args...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "ENROW_API_URL=" + urls[kind], "ENROW_API_KEY=" + testKey}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf("$ enrow-export %s\nexit %d\n%s\nstderr:\n%s",
			strings.Join(args, " "), cmd.ProcessState.ExitCode(), inOrder(timeless(stdout.String(), dir)), inOrder(timeless(stderr.String(), dir))))
	}
	list := func(parts ...any) (args []string) {
		for _, p := range parts {
			switch p := p.(type) {
			case string:
				args = append(args, strings.Fields(p)...)
			case []string:
				args = append(args, p...)
			}
		}
		return args
	}
	for _, table := range schema.Tables() {
		kind, all := table.Kind, ids[table.Kind]
		export := "export --retries 1 --concurrency 1 --kind " + kind
		call(kind, list(export, "--to all --format parquet,ndjson,csv --keep-raw --dry-run", all)...)
		call(kind, list(export, "--to all --format parquet,ndjson,csv --keep-raw", all)...)
		call(kind, list(export, "--to all --format parquet,ndjson,csv --keep-raw --output json", all)...)
		call(kind, list(export, "--to all --format csv --force --allow-mismatch --log-format json", all)...)
		call(kind, list(export, "--to other --format csv,ndjson --compression csv=gzip,ndjson=zstd --csv-safe --layout {table}/{ext}/{batch_id}.{ext}", all)...)
		call(kind, list(export, "--to other --format csv,parquet --compression csv=none,parquet=snappy --exclude-columns extra", all)...)
		call(kind, list(export, "--to other --format csv --unknown-fields error --force --quiet", all)...)
		call(kind, list("export --from all --to again --format csv --concurrency 1 --output json --kind", kind)...)
		call(kind, list("enqueue --to later --kind", kind, "--output json", all, "later-1 later-2")...)
		call(kind, list(export, "--to later --pending --format csv")...)
		call(kind, list(export, "--to later --pending --retry-failed --format csv --dry-run")...)
	}
	kind := schema.Tables()[0].Kind
	for _, root := range []string{"all", "other", "again", "later"} {
		for _, args := range []string{
			"status", "status --output json", "verify --depth size", "verify --depth checksum --output json", "verify --depth full",
			"files --relative", "files --output json", "prune", "prune --delete --output json", "batches --out - --format ndjson",
			"load-sql --dialect duckdb", "load-sql --dialect postgres --kind phone-find", "load-sql --dialect snowflake --root-url s3://b/x",
			"load-sql --dialect redshift --root-url s3://b/x", "load-sql --dialect bigquery --root-url gs://b/x", "load-sql --dialect clickhouse --root-url s3://b/x",
		} {
			call(kind, list(args, "--to", root)...)
		}
		call(kind, list("compact --target-size 200KB --to", root, "--into packed-"+root)...)
		for _, args := range []string{"compact --to " + root + " --into", "status --to", "verify --depth full --to", "files --relative --to", "load-sql --dialect duckdb --to", "prune --to", "export batch-1 --to"} {
			call(kind, list(args, "packed-"+root)...)
		}
	}
	for _, args := range []string{
		"", "--help", "--version", "nonsense", "export", "export --to", "export --bogus x", "export x", "export --to out ../x", "export --to s3://x y",
		"export --to gs:// y", "export --to out --kind nope y", "export --to out --format orc y", "export --to out --format csv --compression snappy y",
		"export --to out --concurrency 0 y", "export --to out --rate -1 y", "export --to out --retries -1 y", "export --to out --poll-interval 0 y",
		"export --to out --request-timeout -1s y", "export --to out --max-body 0 y", "export --to out --grace -1s y", "export --to out --wait-timeout -1s y",
		"export --to out --unknown-fields x y", "export --to out --layout x y", "export --to out --store-timeout 0 y", "export --to out --output xml y",
		"export --to out --log-level loud y", "export --to out --log-format xml y", "export --to out --columns nope y", "export --to out --columns email --exclude-columns email y",
		"export --to out --csv-safe y", "export --to out --retry-failed y", "export --to out --wait --from all y", "export --from missing --to out", "export --to out --shard 5/4 y",
		"export --to out --api-url http://example.com y", "status", "status --to missing", "verify --to all --depth deep", "files --to all --format orc", "files --to all --since never",
		"files --to all --relative --root-url x", "batches --to all", "batches --to all --out x.csv --format orc", "load-sql --to all", "load-sql --to all --dialect oracle",
		"load-sql --to all --dialect duckdb --watermark a/b", "load-sql --to all --dialect duckdb --loaded missing", "load-sql --to all --dialect duckdb --only-new x",
		"load-sql --to all --dialect postgres --format parquet", "compact --to all", "compact --to all --into all/x", "compact --to all --into p x", "compact --to all --into p --target-size 0",
		"prune --to all x", "prune --to all --layout x", "schema x", "schema --output xml", "schema --dialect oracle", "schema --kind x", "demo x", "demo --to gs://x", "mock-api x",
		"mock-api --generate -1", "mock-api --ongoing-status 300", "mock-api --kind phone-find", "enqueue --to out", "enqueue", "schema", "schema --output json", "schema --output markdown",
		"schema --dialect duckdb", "schema --dialect postgres", "schema --dialect snowflake", "schema --dialect redshift", "schema --dialect bigquery", "schema --dialect clickhouse",
		"schema --dialect arrow", "schema --dialect bigquery-json --kind phone-find",
		"export --help", "enqueue --help", "status --help", "verify --help", "prune --help", "files --help", "load-sql --help", "batches --help", "compact --help", "schema --help", "demo --help", "mock-api --help",
	} {
		call(kind, strings.Fields(args)...)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name := strings.TrimPrefix(path, dir)
		if strings.HasSuffix(name, ".json") {
			data = []byte(timeless(string(data), dir))
		}
		entries = append(entries, fmt.Sprintf("file %s\n%q", name, data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// serveAwkward serves generated answers of a kind, the golden ones, and such as are to
// be refused, and returns the ids.
func serveAwkward(t *testing.T, table *schema.Table) (url string, ids []string) {
	t.Helper()
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	add := func(b fakeapi.Batch) {
		b.Table = table
		api.Add(b)
		ids = append(ids, b.ID)
	}
	for i, rows := range []int{0, 1, 250, 5000, 40, 41, 42} {
		add(fakeapi.GenerateKind(table.Kind, fmt.Sprintf("batch-%d", i), rows, uint64(i)))
	}
	paths, err := filepath.Glob("../../testdata/batches/*/answer.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no answers: %v", err)
	}
	for i, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ General struct{ ID string } }
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("golden-%d", i) // the same id may occur in several
		add(fakeapi.Batch{ID: id, Body: bytes.ReplaceAll(body, []byte(answer.General.ID), []byte(id))})
	}
	for id, body := range map[string]string{
		"cut": `{"general":{"id":"cut","status":"completed"},"results":[{"index":`, "html": `<html>`, "array": `[1]`, "empty": ``,
		"duplicate": `{"general":{"id":"duplicate","status":"completed"},"results":[{"index":1,"index":2}]}`,
		"utf8":      "{\"general\":{\"id\":\"utf8\",\"status\":\"completed\"},\"results\":[{\"email\":\"\xff\"}]}",
		"deep":      `{"general":{"id":"deep","status":"completed"},"results":[{"x":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + `}]}`,
		"another":   `{"general":{"id":"x","status":"completed"},"results":[]}`, "no-results": `{"general":{"id":"no-results","status":"completed"}}`,
		"scalar": `{"general":{"id":"scalar","status":"completed"},"results":[7]}`, "status": `{"general":{"id":"status","status":"new"}}`,
		"failed": `{"general":{"id":"failed","status":"failed"},"stats":{"requested":3}}`, "ongoing": `{"general":{"id":"ongoing","status":"ongoing"},"stats":{"requested":3,"finished":1}}`,
		"totals": `{"general":{"id":"totals","status":"completed","custom":{"a":[1, 2]}},"stats":{"requested":9,"finished":"2","valid":0,"found":5,"credits_cost":1.25},"results":[{"index":3,"new":{}},{"index":3}]}`,
	} {
		add(fakeapi.Batch{ID: id, Body: []byte(body)})
	}
	slices.Sort(ids)
	for id, script := range map[string]string{"batch-4": "503", "batch-5": "500x9", "batch-6": "truncate:40,ok"} {
		steps, err := fakeapi.ParseScript(script)
		if err != nil {
			t.Fatal(err)
		}
		api.Script(id, steps...)
	}
	ids = append(ids, "unknown-1")
	server := httptest.NewServer(api)
	t.Cleanup(func() { server.Close(); api.Close() })
	return server.URL, ids
}

// timeless returns a text without what differs from run to run.
func timeless(text, dir string) string {
	text = strings.ReplaceAll(text, dir, "DIR")
	for _, r := range []struct{ pattern, by string }{
		{`127\.0\.0\.1:\d+`, "HOST"},
		{`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|[+-]\d\d:\d\d)`, "TIME"},
		{`\b\d+(\.\d+)?(ms|µs|s)\b`, "DURATION"},
		{`"(elapsed_ms|rows_per_second|delay)":[\d.e+]+`, `"$1":N`},
		{`(?m)^slowest: \S+`, "slowest: BATCH"},
		{`[\d,]+ rows/s`, "SPEED"},
		{`"slowest":\{[^}]*\}`, `"slowest":{}`},
		{`\(commit [^)]*\)`, "(COMMIT)"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return text
}

// inOrder sorts the lines of an output about batches, which are reported as they end.
func inOrder(text string) string {
	lines := strings.Split(text, "\n")
	if slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "batch") }) {
		slices.Sort(lines)
	}
	return strings.Join(lines, "\n")
}

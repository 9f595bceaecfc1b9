package main

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/probe"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// What differs from machine to machine in the lines of doctor.
var ofThisMachine = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(api-network +)http.*`), "${1}URL"},
	{regexp.MustCompile(`(temporary-files +).* can be written.*`), "${1}TMPDIR"},
	{regexp.MustCompile(`(file-system +).*`), "${1}NAME"},
	{regexp.MustCompile(`[0-9.]+ [KMGTP]iB`), "SIZE"},
	{regexp.MustCompile(`[0-9,]+ open files: enough for --concurrency [0-9]+`), "LIMIT"},
	{regexp.MustCompile(`last changed .*`), "last changed TIME"},
}

func masked(text string) string {
	for _, d := range ofThisMachine {
		text = d.what.ReplaceAllString(text, d.with)
	}
	return text
}

// The example of docs/doctor.md is what the program prints, and its tables have a row for
// every check and for no other.
func TestDoctorPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "$ enrow-export doctor --to out\n")
	example, _, _ = strings.Cut(example, "```")

	all := checkNames(t)

	_, url := answersAPI(t, []string{"a"}, 1)
	t.Setenv("ENROW_API_URL", url)
	t.Setenv("ENROW_API_KEY", testKey)
	t.Chdir(t.TempDir())
	var got string
	for _, args := range []string{"export --to out a", "enqueue --to out b", "doctor --to out"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{programName}, strings.Fields(args)...), nil, &out, &errs); code != exitOK {
			t.Fatalf("%s: exit code %d\n%s%s", args, code, &out, &errs)
		}
		got = out.String()
	}
	if diff := cmp.Diff(masked(example), masked(got)); diff != "" {
		t.Errorf("docs/doctor.md (-page +printed):\n%s", diff)
	}

	var listed, described []string
	for _, name := range regexp.MustCompile(`(?m)^\w+ +(?:--to )?([a-z-]+)  `).FindAllStringSubmatch(got, -1) {
		listed = append(listed, name[1])
	}
	listed = append(listed, "network") // of a bucket
	for _, row := range regexp.MustCompile("(?m)^\\| (`[a-z-]+`(?:, `[a-z-]+`)*) \\|").FindAllStringSubmatch(string(page), -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			if name = strings.Trim(name, "`"); slices.Contains(all, name) {
				described = append(described, name)
			}
		}
	}
	slices.Sort(listed)
	slices.Sort(described)
	if diff := cmp.Diff(listed, described); diff != "" {
		t.Errorf("checks (-printed +described):\n%s", diff)
	}
	slices.Sort(all)
	if diff := cmp.Diff(listed, all); diff != "" {
		t.Errorf("checks (-printed +in the schema):\n%s", diff)
	}
}

// checkNames returns the names of checks that the schema of the output has.
func checkNames(t *testing.T) []string {
	t.Helper()
	var output struct {
		Defs struct {
			Doctor struct {
				Properties struct {
					Check struct {
						Enum []string `json:"enum"`
					} `json:"check"`
				} `json:"properties"`
			} `json:"doctor"`
		} `json:"$defs"`
	}
	readJSON(t, "../../docs/output.schema.json", &output)
	return output.Defs.Doctor.Properties.Check.Enum
}

// writableTo calls writable for a store as if --to named it, and returns what was
// written to stderr.
func writableTo(t *testing.T, store sinks.Store, args ...string) (stderr string, err error) {
	t.Helper()
	var errs bytes.Buffer
	p := &program{stderr: &errs, stdout: &bytes.Buffer{}}
	app := cli.App{
		Flags: []cli.Flag{&cli.BoolFlag{Name: "single-writer"}, &cli.StringFlag{Name: "to", Value: "gs://bucket/enrow/"}},
		Action: func(c *cli.Context) error {
			return p.writable(c, "to", store)
		},
	}
	err = app.RunContext(t.Context(), append([]string{programName}, args...))
	return errs.String(), err
}

// Commands that write refuse a store that ignores conditions, unless they are told that
// there is a single writer: then nothing is checked and nothing is remembered.
func TestWritable(t *testing.T) {
	store := sinks.NewContentMemory()
	if text, err := writableTo(t, store); err != nil || text != "" {
		t.Errorf("error %v, %q", err, text)
	}
	if _, _, err := store.Get(t.Context(), probe.RecordName); err != nil {
		t.Error(err)
	}

	good := sinks.NewContentMemory()
	careless := &storetest.Careless{Store: good}
	_, err := writableTo(t, careless)
	var fatal *pipeline.Error
	if !errors.As(err, &fatal) || fatal.Class != pipeline.Fatal || exitCode(err) != exitStopped ||
		hint(err) != "run enrow-export doctor --to gs://bucket/enrow; add --single-writer only if no two processes ever write to gs://bucket/enrow at once" {
		t.Errorf("error %v, hint %s", err, hint(err))
	}
	text, err := writableTo(t, careless, "--single-writer")
	if err != nil || !strings.HasPrefix(text, "enrow-export: warning: --single-writer: ") {
		t.Errorf("error %v, %q", err, text)
	}
	for info, err := range good.List(t.Context(), "") {
		t.Errorf("%s is there, error %v", info.Name, err)
	}

	// A store whose versions prove enough is not asked, and not warned of.
	faulty := &storetest.Faulty{Store: sinks.NewMemory()}
	if text, err := writableTo(t, faulty, "--single-writer"); err != nil || text != "" || faulty.Ops() != nil {
		t.Errorf("error %v, %q, operations %v", err, text, faulty.Ops())
	}
}

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/runs"
)

// A summary names the first failed batches again, in lines that fit the terminal, and
// says where the rest are.
func TestFailuresAreNamedAgain(t *testing.T) {
	var out bytes.Buffer
	u := &ui{out: &out, kinds: true}
	u.expect(few + 3)
	for n := range few + 2 {
		u.result(export.Result{
			BatchID: fmt.Sprintf("b%d", n), Kind: "phone-find", Outcome: export.Failed,
			Err: &pipeline.Error{Op: "fetch", Batch: fmt.Sprintf("b%d", n), Err: errors.New("API returned 500: no\nmore " + strings.Repeat("words ", 5)), Hint: "run again"},
		})
	}
	out.Reset()
	u.columns = func() int { return 50 }
	u.summary(runs.Summary{Failed: few + 2, NotTried: 1}, "see report.jsonl")
	want := "failed batches:\n"
	for n := range few {
		want += string([]rune(fmt.Sprintf(`  b%d  phone-find  API returned 500: no\u000amore words words`, n))[:49]) + "…\n"
	}
	want += `  and 2 more: see report.jsonl
23 batches: 22 failed, 1 not tried, in 0s
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// Lines of a summary are broken between words, and only on a terminal.
func TestSummaryIsWrapped(t *testing.T) {
	for _, test := range []struct {
		columns    int
		text, want string
	}{
		{0, "a long line that goes on", "a long line that goes on"},
		{24, "a long line that goes on", "a long line that goes on"},
		{23, "a long line that goes on", "a long line that goes\n  on"},
		{10, "a long line that goes on\nnext", "a long\n  line\n  that\n  goes on\nnext"},
		{10, "  indented-and-very-long word", "  indented-and-very-long word"},
		{1, "a b", "a\n  b"},
		{0, "", ""},
		{5, "", ""},
	} {
		u := new(ui)
		if test.columns > 0 {
			u.columns = func() int { return test.columns }
		}
		if got := u.wrap(test.text); got != test.want {
			t.Errorf("%q in %d columns: %q, want %q", test.text, test.columns, got, test.want)
		}
	}
}

// The command that shows all failures is one that a shell takes as it is.
func TestWhereFailuresAre(t *testing.T) {
	for _, test := range []struct {
		report, to string
		failed     int
		want       string
	}{
		{"", "out", 30, "enrow-export status --to out | grep -B1 error:"},
		{"", "gs://bucket/pre fix", 30, "enrow-export status --to 'gs://bucket/pre fix' | grep -B1 error:"},
		{"", "s3://bucket/x", 30, "enrow-export status --to s3://bucket/x --s3-endpoint 'http://minio:9000/?' --s3-path-style | grep -B1 error:"},
		{"r.jsonl", "out", runs.MostFailures, "see r.jsonl"},
		{"r.jsonl", "out", runs.MostFailures + 1, "enrow-export status --to out | grep -B1 error:"},
		{"-", "out", 30, "enrow-export status --to out | grep -B1 error:"},
	} {
		set := flag.NewFlagSet("", flag.ContinueOnError)
		for _, name := range []string{"report", "to", "gcs-credentials-file", "s3-endpoint"} {
			set.String(name, "", "")
		}
		set.Bool("s3-path-style", false, "")
		if err := set.Parse([]string{"--report", test.report, "--to", test.to, "--s3-endpoint", "http://minio:9000/?", "--s3-path-style"}); err != nil {
			t.Fatal(err)
		}
		if got := whereFailuresAre(cli.NewContext(nil, set, nil), test.failed); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
	for _, word := range []string{"", "a b", "it's", "$HOME", "~", "a;b", "plain-1.2/3", "*", "日本"} {
		echoed, err := exec.Command("sh", "-c", "printf %s "+shellWord(word)).Output()
		if err != nil || string(echoed) != word {
			t.Errorf("a shell makes %q of %s, error %v", echoed, shellWord(word), err)
		}
	}
}

// On a terminal a dry run of many batches shows the first that would be exported, and all
// that would fail.
func TestDryRunOfManyBatches(t *testing.T) {
	var out bytes.Buffer
	u := &ui{out: &out, columns: func() int { return 80 }}
	u.expect(100)
	for n := range few + 5 {
		u.planned("email-find", export.Planned{BatchID: fmt.Sprintf("a%d", n), Export: true, Reason: "new"})
		u.planned("email-find", export.Planned{BatchID: fmt.Sprintf("b%d", n), Reason: "already exported"})
	}
	u.planned("email-find", export.Planned{BatchID: "c", Err: errors.New("cannot be read")})
	u.plan(planSummaryLine{Export: few + 5, Done: few + 5, Failed: 1})
	want := ""
	for n := range few {
		want += fmt.Sprintf("would export  a%d  new\n", n)
	}
	want += `would fail    c  cannot be read
dry run, 51 batches: 1 would fail, 25 to export, 25 already exported
30 lines not shown: --verbose prints one line for each batch
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("dry run (-want +got):\n%s", diff)
	}
}

// Of many batches a terminal shows those that a person has to look at.
func TestNotableBatches(t *testing.T) {
	rows := int64(2)
	clean, odd := manifest.Entry{Rows: &rows}, manifest.Entry{Rows: &rows, Warnings: []string{"an index is missing"}}
	for _, test := range []struct {
		result export.Result
		shown  bool
	}{
		{export.Result{Outcome: export.Exported, Entry: &clean}, false},
		{export.Result{Outcome: export.Exported, Entry: &odd}, true},
		{export.Result{Outcome: export.Exported, Entry: &clean, Review: answer.Review{OngoingRows: 1}}, true},
		{export.Result{Outcome: export.Done, Entry: &odd}, false}, // a warning of an earlier run
		{export.Result{Outcome: export.Ongoing, Finished: 1, Requested: 2}, false},
		{export.Result{Outcome: export.Failed, Err: errors.New("no")}, true},
	} {
		for _, batches := range []int{few, few + 1} {
			var out bytes.Buffer
			u := &ui{out: &out, columns: func() int { return 80 }}
			u.expect(batches)
			u.result(test.result)
			if shown, want := out.Len() > 0, test.shown || batches == few; shown != want {
				t.Errorf("%+v: a line of %d batches is shown: %t, want %t", test.result, batches, shown, want)
			}
		}
	}
}

package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"html"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/page"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

var update = flag.Bool("update", false, "write the golden files anew, to be read by a person")

func pageOf(t *testing.T, d page.Data) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// text returns what a page says, without its marks.
func text(document []byte) string {
	_, body, _ := strings.Cut(string(document), "</head>")
	body = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return html.UnescapeString(strings.Join(strings.Fields(body), " "))
}

// small is a root of a few batches, whose page a person can read.
func small() page.Data {
	find := &schema.EmailFind
	return page.Data{
		Title: "Enrow exports", To: "out", Now: now, Version: "1.0.0",
		Overview: overviewOf(
			exported(find, "a", now.Add(-2*day), 1200, 800, 120_000, 600, 12.5),
			exported(&schema.PhoneFind, "b", now.Add(-time.Hour), 40, 10, 4000, 10, 0),
			known(find, "c", manifest.StateOngoing, now.Add(-20*time.Minute), nil),
			failed(find, "d", now.Add(-time.Hour), false, "fetch batch: 502"),
			failed(find, "e", now.Add(-3*day), true, "fetch batch: Enrow does not know it"),
		),
		Runs: []runs.Line{
			run(now.Add(-2*day), 2*time.Second, 0, 1, 1, 0, 0, 1200),
			func() runs.Line {
				r := run(now.Add(-time.Hour), 3*time.Second, 3, 3, 1, 1, 1, 40)
				r.Failures = []runs.Failure{{BatchID: "d", Kind: "email-find", Error: "fetch batch: 502", Hint: "wait"}}
				r.UnknownFields = []runs.UnknownField{{Path: "info.seniority", Reason: schema.Unknown, Count: 1200}}
				return r
			}(),
		},
		Service: &page.Service{Since: now.Add(-3 * day), Ready: true, NextRun: now.Add(5 * time.Minute), Announced: 7},
	}
}

func empty() page.Data {
	return page.Data{Title: "Enrow exports", To: "out", Now: now, Version: "1.0.0", Overview: overviewOf()}
}

// style is the sheet of a page and its digest. The golden files leave them out: style.css has
// the sheet.
var style = regexp.MustCompile(`(?s)<style>.*</style>|sha256-[^ ]*`)

func TestGolden(t *testing.T) {
	for name, d := range map[string]page.Data{"testdata/small.html": small(), "testdata/empty.html": empty()} {
		got := pageOf(t, d)
		if !bytes.Equal(got, pageOf(t, d)) {
			t.Errorf("%s: the same data give two pages", name)
		}
		got = style.ReplaceAll(got, []byte("STYLE"))
		if *update {
			if err := os.WriteFile(name, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A page loads nothing and runs nothing. Its policy allows its own style and no other, and
// a server sends the same policy.
func TestPageLoadsNothing(t *testing.T) {
	for _, d := range []page.Data{empty(), typical(), {Title: "nothing is known", Now: now}} {
		document := string(pageOf(t, d))
		_, rest, _ := strings.Cut(document, "<style>")
		style, _, found := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(style))
		policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'"
		if !found || strings.Count(document, "<style") != 1 {
			t.Error("the page has not one style")
		}
		if !strings.Contains(html.UnescapeString(document), `<meta http-equiv="Content-Security-Policy" content="`+policy+`">`) {
			t.Errorf("the page does not say %s", policy)
		}
		if got := page.Policy(); got != policy+"; frame-ancestors 'none'" {
			t.Errorf("a server sends %s", got)
		}
		if bad := regexp.MustCompile(`<script|<iframe|<form|<img|\ssrc=|\sstyle=|\son\w+=|url\(|@import|href="[^#d]|https?://`).FindAllString(strings.Replace(document, "xmlns='http://www.w3.org/2000/svg'", "", 1), -1); bad != nil {
			t.Errorf("the page has %q", bad)
		}
	}
}

// Texts that others have written are cut, and show what they are.
func TestTextsOfOthers(t *testing.T) {
	evil := "<script>alert(1)</script>\x1b[31m\u202e\"'&" + strings.Repeat("long ", 200)
	d := page.Data{
		Title: evil, To: evil, Version: evil, Now: now,
		Service:  &page.Service{Why: evil},
		Overview: overviewOf(failed(&schema.EmailFind, evil, now, true, evil), known(&schema.PhoneFind, evil, manifest.State(evil), now, nil)),
		Runs:     []runs.Line{run(now, time.Second, 1, 1, 0, 1, 0, 0)},
	}
	r := &d.Runs[0]
	r.Error, r.Hint, r.Shard, r.To = evil, evil, evil, evil
	r.Failures = []runs.Failure{{BatchID: evil, Kind: "email-find", Error: evil, Hint: evil}}
	r.UnknownFields = []runs.UnknownField{{Path: evil, Reason: schema.Reason(evil), Count: 1}}
	r.Requests = map[string]int64{evil: 1}
	for _, overview := range []*overview.Overview{d.Overview, nil} {
		d.Overview = overview
		document := string(pageOf(t, d))
		if strings.Contains(document, "<script") || strings.ContainsAny(document, "\x1b\u202e") {
			t.Error("the page has a text as it is")
		}
		if !strings.Contains(text([]byte(document)), `<script>alert(1)</script>\u001b[31m\u202e"'&long`) {
			t.Error("the page does not show the text")
		}
		if strings.Contains(document, strings.Repeat("long ", 60)) {
			t.Error("a text is not cut")
		}
	}
}

// Numbers of runs may be anything, too.
func TestNumbersOfOthers(t *testing.T) {
	var all []runs.Line
	for _, n := range []int64{math.MinInt64, -1, math.MaxInt64, math.MaxInt64} {
		r := run(now, time.Second, int(n), 1, 1, 0, 0, n)
		r.ElapsedMS, r.RowsPerSecond, r.CreditsSpent, r.Bytes = n, math.MaxFloat64, math.MaxFloat64, map[string]int64{"csv": n}
		all = append(all, r)
	}
	document := string(pageOf(t, page.Data{Now: now, Runs: all}))
	if bad := regexp.MustCompile(`="-?(\+Inf|-Inf|NaN|-?\d{5,}|-[^"]*)"`).FindAllString(document, -1); bad != nil {
		t.Errorf("a drawing has %q", bad)
	}
}

// A page of a hundred thousand batches names few of them.
func TestPageIsSmall(t *testing.T) {
	d := crowd()
	d.Service = &page.Service{Why: strings.Repeat("<", 1000)}
	if n := len(pageOf(t, d)); n > 500_000 {
		t.Errorf("%d bytes", n)
	}
	total := d.Overview.Total()
	said := text(pageOf(t, d))
	for _, want := range []string{
		"of 100,000 that are known", "51 batches have failed for good", "50 batches failed, and the next run with --pending tries again",
		"Earlier, ", "And 142 more", "unless they fail for days. 50 of them: enrow-export status lists them.", "All days " + humanize.Comma(int64(total.Exported)) + " " + humanize.Comma(total.Rows),
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// Each drawing has a name and a description that are there, and a table.
func TestChartsHaveTables(t *testing.T) {
	document := string(pageOf(t, typical()))
	charts := regexp.MustCompile(`(?s)<svg [^>]*role="img" aria-labelledby="(\S+) (\S+)">(.*?)</svg>(.*?)</section>`).FindAllStringSubmatch(document, -1)
	if len(charts) != 6 {
		t.Fatalf("%d charts", len(charts))
	}
	for _, c := range charts {
		for _, id := range c[1:3] {
			if strings.Count(document, ` id="`+id+`"`) != 1 || !strings.Contains(c[3], ` id="`+id+`"`) {
				t.Errorf("%s is not in its chart alone", id)
			}
		}
		if rows := strings.Count(c[4], "<tr>"); rows < 4 || !strings.Contains(c[4], `<th scope="col">`) || !strings.Contains(c[4], `<th scope="row">`) {
			t.Errorf("%s has a table of %d rows", c[1], rows)
		}
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteFails(t *testing.T) {
	if err := page.Write(broken{}, empty()); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
}

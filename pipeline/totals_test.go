package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// reviewOf flattens an answer with these stats and results.
func reviewOf(t *testing.T, table *schema.Table, stats, results string) Review {
	t.Helper()
	body := fmt.Sprintf(`{"results":%s,"stats":%s,"general":{"id":"b","status":"completed"}}`, results, stats)
	a, err := Flatten(memory.NewGoAllocator(), table, "b", []byte(body), unlimited)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	return a.Review
}

func TestControlTotals(t *testing.T) {
	const two = `[{"qualification":"valid"},{"qualification":"invalid"}]`
	const phones = `[{"qualification":"found"},{"qualification":"valid"},{"qualification":null}]`
	cases := []struct {
		table          *schema.Table
		stats, results string
		want           string // mismatches
	}{
		{&schema.EmailFind, `{"requested":2,"finished":2,"valid":1}`, two, ""},
		{&schema.EmailFind, `{}`, two, ""},
		{&schema.EmailFind, `null`, two, ""},
		{&schema.EmailFind, `[]`, two, ""},
		{&schema.EmailFind, `{"requested":null,"valid":null}`, two, ""},
		{&schema.EmailFind, `{"requested":"2","finished":2.0,"valid":1e0}`, two, ""},
		{&schema.EmailFind, `{"requested":0,"finished":0,"valid":0}`, `[]`, ""},
		{&schema.EmailFind, `{"found":7}`, two, ""}, // a total of another kind
		{&schema.EmailFind, `{"requested":3}`, two, "stats.requested is 3, the results have 2"},
		{&schema.EmailFind, `{"requested":1}`, two, "stats.requested is 1, the results have 2"},
		{&schema.EmailFind, `{"finished":3}`, two, "stats.finished is 3, the results have 2"},
		{&schema.EmailFind, `{"finished":1}`, two, "stats.finished is 1, the results have 2"},
		{&schema.EmailFind, `{"valid":2}`, two, "stats.valid is 2, the results have 1"},
		{&schema.EmailFind, `{"valid":0,"finished":9,"requested":9}`, two, "stats.requested is 9, the results have 2; stats.finished is 9, the results have 2; stats.valid is 0, the results have 1"},
		{&schema.EmailFind, `{"requested":-2}`, two, "stats.requested is -2, the results have 2"},
		{&schema.EmailFind, `{"requested":2.5}`, two, "stats.requested is not a count, the results have 2"},
		{&schema.EmailFind, `{"requested":1e400}`, two, "stats.requested is not a count, the results have 2"},
		{&schema.EmailFind, `{"requested":9007199254740993}`, two, "stats.requested is 9007199254740993, the results have 2"},
		{&schema.EmailFind, `{"requested":{}}`, two, "stats.requested is not a count, the results have 2"},
		{&schema.EmailFind, `{"requested":"many"}`, two, "stats.requested is not a count, the results have 2"},
		{&schema.EmailFind, `{"requested":true}`, two, "stats.requested is not a count, the results have 2"},
		{&schema.EmailVerify, `{"requested":2,"valid":1,"credits_cost":0.5}`, two, ""},
		{&schema.EmailVerify, `{"requested":2,"valid":2}`, two, "stats.valid is 2, the results have 1"},
		{&schema.PhoneFind, `{"requested":3,"finished":3,"found":1}`, phones, ""},
		{&schema.PhoneFind, `{"requested":3,"finished":3,"found":2,"valid":9}`, phones, "stats.found is 2, the results have 1"},
		// A row that is itself ongoing may not be counted as finished yet.
		{&schema.EmailFind, `{"requested":2,"finished":1}`, `[{"qualification":"ongoing"},{}]`, ""},
		{&schema.EmailFind, `{"requested":2,"finished":2}`, `[{"qualification":"ongoing"},{}]`, ""},
		{&schema.EmailFind, `{"requested":2,"finished":0}`, `[{"qualification":"ongoing"},{}]`, "stats.finished is 0, the results have 2"},
	}
	for _, c := range cases {
		var got []string
		for _, m := range reviewOf(t, c.table, c.stats, c.results).Mismatches {
			got = append(got, m.String())
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s of %s: %q, want %q", c.stats, c.results, got, c.want)
		}
	}
}

func TestCreditsAndFound(t *testing.T) {
	const results = `[{"qualification":"valid"},{"qualification":"found"},{"qualification":"found"}]`
	cases := []struct {
		table *schema.Table
		stats string
		want  Credits
		found int64
	}{
		{&schema.EmailFind, `{"credits_cost":{"initial":3,"refunded":1,"final":2}}`, Credits{2, 1}, 1},
		{&schema.EmailVerify, `{"credits_cost":0.75}`, Credits{0.75, 0}, 1},
		{&schema.PhoneFind, `{"credits_cost":30,"credits_to_refund":12.25}`, Credits{30, 12.25}, 2},
		{&schema.PhoneFind, `{}`, Credits{}, 2},
		{&schema.EmailFind, `{"credits_cost":{"final":1e308,"refunded":"1"}}`, Credits{}, 1},
		{&schema.EmailFind, `{"credits_cost":[1],"credits_to_refund":1e400}`, Credits{}, 1},
	}
	for _, c := range cases {
		got := reviewOf(t, c.table, c.stats, results)
		if got.Credits != c.want || got.Found != c.found {
			t.Errorf("%s %s: %+v and %d found, want %+v and %d", c.table.Kind, c.stats, got.Credits, got.Found, c.want, c.found)
		}
	}
}

func TestIndexWarnings(t *testing.T) {
	cases := []struct {
		table   *schema.Table
		indexes string // comma-separated JSON values
		want    string
	}{
		{&schema.EmailFind, `"0","1","2"`, ""},
		{&schema.EmailFind, `2,0,1`, ""},
		{&schema.EmailFind, `1,2,3`, ""},
		{&schema.EmailFind, ``, ""},
		{&schema.EmailFind, `5`, ""},
		{&schema.EmailFind, `0,1,4,9`, "index has gaps: 6 missing between 0 and 9, the first is 2"},
		{&schema.EmailFind, `3,0,3,0,3,1,2`, "index has repeats: 3, the first is 0"},
		{&schema.PhoneFind, `0,0,2`, "index has gaps: 1 missing between 0 and 2, the first is 1|index has repeats: 1, the first is 0"},
		{&schema.EmailFind, `0,null,5`, ""},
		{&schema.EmailFind, `0,"x",5`, ""},
		{&schema.EmailFind, `-9223372036854775808,9223372036854775807`, "index has gaps: 18446744073709551614 missing between -9223372036854775808 and 9223372036854775807, the first is -9223372036854775807"},
		{&schema.EmailVerify, `"8f14e45f-i","9"`, ""},
		{&schema.EmailVerify, `"7","9"`, "index has gaps: 1 missing between 7 and 9, the first is 8"},
	}
	for _, c := range cases {
		var results []string
		for index := range strings.SplitSeq(c.indexes, ",") {
			if index != "" {
				results = append(results, `{"index":`+index+`}`)
			}
		}
		got := reviewOf(t, c.table, `{}`, "["+strings.Join(results, ",")+"]").Warnings
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s %s: %q, want %q", c.table.Kind, c.indexes, got, c.want)
		}
	}
}

// Fields that are new in an envelope are noticed, and never their values; all
// that is documented is known.
func TestUnknownInEnvelope(t *testing.T) {
	body := `{"general":{"id":"b","status":"completed","custom":{"u":1},"name":"secret"},"secret@example.com":1,"meta":{"a":1},
		"stats":{"requested":0,"finished":0,"valid":0,"credits_to_refund":1,"credits_cost":{"initial":1,"refunded":1,"final":1,"tax":1},"found":0},"results":[]}`
	a, err := Flatten(memory.NewGoAllocator(), &schema.EmailFind, "b", []byte(body), unlimited)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	var got []string
	for _, l := range a.UnknownEnvelope {
		got = append(got, fmt.Sprintf("%s %s %d", l.Path, l.Reason, l.Count))
	}
	want := []string{"(odd key) unknown 1", "general.name unknown 1", "meta unknown 1", "stats.credits_cost.tax unknown 1", "stats.found unknown 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unknown fields (-want +got):\n%s", diff)
	}
}

const mismatched = `{"general":{"id":"b","status":"completed"},"stats":{"requested":5,"valid":0},"results":[{"index":0,"qualification":"valid"},{"index":4}]}`

// An answer that does not add up is not published, and is asked for again only
// when it is named again; what is exported already stays.
func TestMismatchIsNotPublished(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", mismatched)
	cfg := config(t, source, store, "csv", "parquet")
	cfg.KeepRaw = true
	res := export(t, cfg, "b", FailedBatch)
	const want = "check batch b: answer is not what its control totals say: stats.requested is 5, the results have 2; stats.valid is 0, the results have 1"
	if res.Err.Error() != want || !IsPermanent(res.Err) || Hint(res.Err) == "" {
		t.Errorf("error %q, permanent %t, hint %q, want %q", res.Err, IsPermanent(res.Err), Hint(res.Err), want)
	}
	e := readEntry(t, store, "b")
	if e.State != StateFailed || e.Error != want || !*e.Permanent || len(e.Batch) == 0 || len(files(t, store)) != 0 {
		t.Errorf("entry %+v, files %d", e, len(files(t, store)))
	}

	cfg.AllowMismatch = true
	export(t, cfg, "b", Exported)
	e = readEntry(t, store, "b")
	says := []int64{5, 0}
	if diff := cmp.Diff([]Mismatch{{"stats.requested", &says[0], 2}, {"stats.valid", &says[1], 1}}, e.Mismatches); diff != "" || e.Error != "" {
		t.Errorf("mismatches (-want +got):\n%s\nerror %q", diff, e.Error)
	}
	if diff := cmp.Diff([]string{"index has gaps: 3 missing between 0 and 4, the first is 1"}, e.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	cfg.AllowMismatch = false
	export(t, cfg, "b", Done)
	before := files(t, store)
	cfg.Force = true
	export(t, cfg, "b", FailedBatch)
	if e := readEntry(t, store, "b"); e.State != StateExported || e.Error != want || e.Mismatches == nil {
		t.Errorf("entry after a forced export that failed: %+v", e)
	}
	if diff := cmp.Diff(before, files(t, store)); diff != "" {
		t.Errorf("files have changed:\n%s", diff)
	}
	source.set("b", finished("b", "x", 2))
	export(t, cfg, "b", Exported)
	if e := readEntry(t, store, "b"); e.Mismatches != nil || e.Warnings != nil || e.Error != "" {
		t.Errorf("entry after a sound answer: %+v", e)
	}
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", `{"general":{"id":"b","status":"completed","new":1},"results":[{},{"info":{"score":"secret"}},{"index":"x","info":{"score":1},"jane@example.com":2}]}`)
	cfg := config(t, source, store, "csv")
	cfg.RefuseUnknown = true
	res := export(t, cfg, "b", FailedBatch)
	const want = "check batch b: answer has what no column declares: (odd key) (unknown, 1 in all, first in results[2]); " +
		"index (misfit, 1 in all, first in results[2]); info.score (unknown, 2 in all, first in results[1])"
	if res.Err.Error() != want || !IsPermanent(res.Err) || len(files(t, store)) != 0 {
		t.Errorf("error %q, want %q", res.Err, want)
	}
	if e := readEntry(t, store, "b"); e.State != StateFailed || e.Error != want {
		t.Errorf("entry %+v", e)
	}
	wantSummary := []schema.Leftover{
		{Path: "general.new", Reason: schema.Unknown, Count: 1, First: -1},
		{Path: "results[].(odd key)", Reason: schema.Unknown, Count: 1, First: -1},
		{Path: "results[].index", Reason: schema.Misfit, Count: 1, First: -1},
		{Path: "results[].info.score", Reason: schema.Unknown, Count: 2, First: -1},
	}
	// The summary tells of them whether they are refused or not.
	for _, refuse := range []bool{true, false} {
		cfg.RefuseUnknown = refuse
		_, s, err := runAll(t.Context(), t, cfg, "b")
		if err != nil || (s.Failed == 1) != refuse {
			t.Fatalf("summary %+v, error %v", s, err)
		}
		if diff := cmp.Diff(wantSummary, s.Leftovers); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
	}
}

func TestSummaryAddsUp(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("a", `{"general":{"id":"a","status":"completed"},"stats":{"credits_cost":{"final":1.25,"refunded":0.75}},"results":[{"qualification":"valid","u":1},{"index":1},{"index":3}]}`)
	source.set("b", mismatched)
	source.set("c", `{"general":{"id":"c","status":"completed"},"stats":{"credits_cost":0.5},"results":[{"u":null}]}`)
	source.set("d", ongoing("d", 1, 2))
	cfg := config(t, source, store, "csv")
	cfg.AllowMismatch = true
	_, s, err := runAll(t.Context(), t, cfg, "a", "b", "c", "d", "none")
	if err != nil {
		t.Fatal(err)
	}
	if s.Exported != 3 || s.Failed != 1 || s.Ongoing != 1 || s.Rows != 6 || s.Found != 2 || s.Warned != 1 || s.Credits != (Credits{1.75, 0.75}) {
		t.Errorf("summary %+v", s)
	}
	if len(s.Leftovers) != 1 || s.Leftovers[0].Count != 2 {
		t.Errorf("leftovers %+v", s.Leftovers)
	}
	if _, s, _ = runAll(t.Context(), t, cfg, "a", "b", "c"); s.Done != 3 || s.Found != 0 || s.Credits != (Credits{}) {
		t.Errorf("summary of a run that did nothing: %+v", s)
	}
}

// Looking at the indexes changes none of them.
func TestReviewLeavesTheRows(t *testing.T) {
	body := completed(`[{"index":5},{"index":1},{"index":9},{"index":1}]`)
	a, err := Flatten(memory.NewGoAllocator(), &schema.EmailFind, "b", body, unlimited)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	if got := columnOf(a.Record, "index").String(); got != "[5 1 9 1]" || len(a.Warnings) != 2 {
		t.Errorf("indexes %s, warnings %q", got, a.Warnings)
	}
}

package answer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
)

// reviewOf flattens an answer with these stats and results.
func reviewOf(t *testing.T, table *schema.Table, stats, results string) answer.Review {
	t.Helper()
	body := fmt.Sprintf(`{"results":%s,"stats":%s,"general":{"id":"b","status":"completed"}}`, results, stats)
	a, err := answer.Flatten(memory.NewGoAllocator(), table, "b", []byte(body), unlimited)
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
		want  answer.Credits
		found int64
	}{
		{&schema.EmailFind, `{"credits_cost":{"initial":3,"refunded":1,"final":2}}`, answer.Credits{2, 1}, 1},
		{&schema.EmailVerify, `{"credits_cost":0.75}`, answer.Credits{0.75, 0}, 1},
		{&schema.PhoneFind, `{"credits_cost":30,"credits_to_refund":12.25}`, answer.Credits{30, 12.25}, 2},
		{&schema.PhoneFind, `{}`, answer.Credits{}, 2},
		{&schema.EmailFind, `{"credits_cost":{"final":1e308,"refunded":"1"}}`, answer.Credits{}, 1},
		{&schema.EmailFind, `{"credits_cost":[1],"credits_to_refund":1e400}`, answer.Credits{}, 1},
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
	a, err := answer.Flatten(memory.NewGoAllocator(), &schema.EmailFind, "b", []byte(body), unlimited)
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

// Looking at the indexes changes none of them.
func TestReviewLeavesTheRows(t *testing.T) {
	body := pipelinetest.Completed(`[{"index":5},{"index":1},{"index":9},{"index":1}]`)
	a, err := answer.Flatten(memory.NewGoAllocator(), &schema.EmailFind, "b", body, unlimited)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	if got := schema.ColumnOf(a.Record, "index").String(); got != "[5 1 9 1]" || len(a.Warnings) != 2 {
		t.Errorf("indexes %s, warnings %q", got, a.Warnings)
	}
}

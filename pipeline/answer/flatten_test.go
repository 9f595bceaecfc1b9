package answer_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
)

// accounted fails the test unless the rows account for every key of the answer.
func accounted(t *testing.T, table *schema.Table, body []byte, a *answer.Answer) {
	t.Helper()
	general, results := answerParts(t, body)
	if int(a.Record.NumRows()) != len(results) {
		t.Fatalf("%d rows of %d results", a.Record.NumRows(), len(results))
	}
	tree := declaredTree(table)
	for row, raw := range results {
		want := normalSpellings(normalResult(t, raw, tree), tree)
		if diff := cmp.Diff(want, normalSpellings(rebuild(t, table, a.Record, row), tree)); diff != "" {
			t.Errorf("result %d, rebuilt from its row (-want +got):\n%s", row, diff)
		}
	}
	ids, customs := a.Record.Column(0).(*array.String), a.Record.Column(1).(*array.String)
	wantID := decodeAny(t, general["id"])
	for row := range results {
		if ids.IsNull(row) || ids.Value(row) != wantID {
			t.Errorf("row %d has another batch_id", row)
		}
		if customs.IsValid(row) && customs.Value(row) != normalCell(t, schema.Text, general["custom"]) {
			t.Errorf("row %d has another batch_custom", row)
		}
	}
	// What the batch's columns cannot hold, the envelope does.
	var envelope, answer map[string]json.RawMessage
	if json.Unmarshal(a.Envelope, &envelope) != nil || json.Unmarshal(body, &answer) != nil {
		t.Fatal("envelope is not a JSON object")
	}
	delete(answer, "results")
	for key, want := range answer {
		if diff := cmp.Diff(decodeAny(t, want), decodeAny(t, envelope[key])); diff != "" {
			t.Errorf("envelope (-want +got):\n%s", diff)
		}
	}
}

// fuzzID returns the id that an answer is for, if it has one.
func fuzzID(body []byte) string {
	var answer struct {
		General struct {
			ID string `json:"id"`
		} `json:"general"`
	}
	_ = json.Unmarshal(body, &answer) // an answer without an id is refused
	return answer.General.ID
}

func goldenID(t *testing.T, body []byte) string {
	t.Helper()
	id := fuzzID(body)
	if !schema.ValidBatchID(id) {
		t.Fatal("golden answer has no valid id")
	}
	return id
}

// goldenTable returns the table of a golden case: that of the kind which its name
// begins with, and of bulk e-mail searches when there is none.
func goldenTable(name string) *schema.Table {
	for _, table := range schema.Tables() {
		if strings.HasPrefix(name, table.Kind) {
			return table
		}
	}
	return &schema.EmailFind
}

// eachGolden runs a subtest for each golden case, with its answer taken apart.
func eachGolden(t *testing.T, test func(t *testing.T, name string, table *schema.Table, body []byte, a *answer.Answer)) {
	for name, body := range pipelinetest.Bodies(t) {
		t.Run(name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			table := goldenTable(name)
			a, err := answer.Flatten(mem, table, goldenID(t, body), body, unlimited)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Release()
			test(t, name, table, body, a)
		})
	}
}

func TestFlattenLosesNothing(t *testing.T) {
	eachGolden(t, func(t *testing.T, _ string, table *schema.Table, body []byte, a *answer.Answer) {
		accounted(t, table, body, a)
	})
}

func TestFlattenRefuses(t *testing.T) {
	nest := func(levels int) string {
		// The answer, results and the result are three levels.
		return `[{"x":` + strings.Repeat("[", levels-3) + strings.Repeat("]", levels-3) + `}]`
	}
	cases := []struct {
		name, body, want string
	}{
		{"nothing", ``, "cut off"},
		{"white space", "  \n", "cut off"},
		{"HTML", `<html>`, "not valid JSON"},
		{"array", `[]`, "not a JSON object"},
		{"string", `"x"`, "not a JSON object"},
		{"cut", `{"general":{"id":"b","status":"completed"},"results":[{"email":"a@exa`, "cut off"},
		{"cut between rows", `{"general":{"id":"b","status":"completed"},"results":[{},`, "cut off"},
		{"trailing garbage", string(pipelinetest.Completed(`[]`)) + ` x`, "continues after its end"},
		{"second value", string(pipelinetest.Completed(`[]`)) + `{}`, "continues after its end"},
		{"invalid UTF-8", string(pipelinetest.Completed("[{\"email\":\"\xff\"}]")), "not valid UTF-8"},
		{"surrogate as UTF-8", string(pipelinetest.Completed("[{\"email\":\"\xed\xa0\x80\"}]")), "not valid UTF-8"},
		{"repeated key", string(pipelinetest.Completed(`[{"email":"a","email":"b"}]`)), "same key twice"},
		{"repeated key, escaped", string(pipelinetest.Completed(`[{"email":"a","\u0065mail":"b"}]`)), "same key twice"},
		{"repeated key in a leftover", string(pipelinetest.Completed(`[{"x":{"k":1,"k":2}}]`)), "same key twice"},
		{"repeated results", `{"general":{"id":"b","status":"completed"},"results":[],"results":[]}`, "same key twice"},
		{"too deep", string(pipelinetest.Completed(nest(1001))), "more than 1000 levels"},
		{"far too deep", strings.Repeat("[", 1<<20), "more than 1000 levels"},
		{"no general", `{"results":[]}`, "no general object"},
		{"general is null", `{"general":null,"results":[]}`, "no general object"},
		{"no id", `{"general":{"status":"completed"},"results":[]}`, "another batch"},
		{"another id", `{"general":{"id":"c","status":"completed"},"results":[]}`, "another batch"},
		{"id is a number", `{"general":{"id":7,"status":"completed"},"results":[]}`, "another batch"},
		{"no status", `{"general":{"id":"b"},"results":[]}`, "no known general.status"},
		{"unknown status", `{"general":{"id":"b","status":"paused"},"results":[]}`, "no known general.status"},
		{"no results", `{"general":{"id":"b","status":"completed"}}`, "has no results"},
		{"results is null", `{"general":{"id":"b","status":"completed"},"results":null}`, "not an array"},
		{"results is an object", `{"general":{"id":"b","status":"completed"},"results":{}}`, "not an array"},
		{"result is a string", string(pipelinetest.Completed(`[{},"secret@example.com"]`)), "results[1]: result is not an object"},
		{"result is null", string(pipelinetest.Completed(`[null]`)), "results[0]: result is not an object"},
		{"byte order mark", "\uFEFF" + string(pipelinetest.Completed(`[]`)), "not valid JSON"},
	}
	for _, table := range schema.Tables() {
		for _, c := range cases {
			t.Run(table.Kind+"/"+c.name, func(t *testing.T) {
				mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
				defer mem.AssertSize(t, 0)
				a, err := answer.Flatten(mem, table, "b", []byte(c.body), unlimited)
				var failure *pipeline.Error
				if !errors.As(err, &failure) || a != nil {
					t.Fatalf("answer %v, error %v, want an *Error", a, err)
				}
				if failure.Class != pipeline.Transient || failure.Batch != "b" || !strings.Contains(err.Error(), c.want) || failure.Hint == "" {
					t.Errorf("error %q of class %d (%s), want a transient one with %q and advice", err, failure.Class, failure.Hint, c.want)
				}
				if strings.Contains(err.Error(), "example.com") {
					t.Errorf("error quotes the answer: %v", err)
				}
			})
		}
	}
	a, err := answer.Flatten(memory.NewGoAllocator(), &schema.EmailFind, "b", pipelinetest.Completed(nest(1000)), unlimited)
	if err != nil {
		t.Fatalf("1,000 levels are refused: %v", err)
	}
	a.Release()
}

func TestFlattenStatus(t *testing.T) {
	cases := []struct {
		name, body          string
		status              answer.Status
		finished, requested int64
	}{
		{"ongoing", `{"general":{"id":"b","status":"ongoing"},"stats":{"finished":2,"requested":5}}`, answer.Ongoing, 2, 5},
		{"ongoing without stats", `{"general":{"id":"b","status":"ongoing"}}`, answer.Ongoing, -1, -1},
		{"ongoing with odd stats", `{"stats":{"finished":null,"requested":1.5},"general":{"id":"b","status":"ongoing"}}`, answer.Ongoing, -1, -1},
		{"failed", `{"general":{"id":"b","status":"failed"},"stats":[]}`, answer.Failed, -1, -1},
		{"completed", string(pipelinetest.Completed(`[]`)), answer.Completed, -1, -1},
	}
	for _, c := range cases {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		a, err := answer.Flatten(mem, &schema.EmailFind, "b", []byte(c.body), unlimited)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if a.Status != c.status || a.Finished != c.finished || a.Requested != c.requested {
			t.Errorf("%s: status %s, %d of %d, want %s, %d of %d", c.name, a.Status, a.Finished, a.Requested, c.status, c.finished, c.requested)
		}
		if (a.Record != nil) != (c.status == answer.Completed) {
			t.Errorf("%s: record %v", c.name, a.Record)
		}
		a.Release()
		a.Release() // harmless
		mem.AssertSize(t, 0)
	}
}

func TestFlattenEnvelope(t *testing.T) {
	body := `{ "new": [1.0, "x"], "results":[{"qualification":"ongoing"},{"qualification":"valid"}],"stats" : {"valid": 1e2} ,
		"general":{"custom":{"b":1,"a":2},"id":"b","status":"completed"} }`
	a, err := answer.Flatten(memory.NewGoAllocator(), &schema.EmailFind, "b", []byte(body), unlimited)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	want := `{"new":[1.0, "x"],"stats":{"valid": 1e2},"general":{"custom":{"b":1,"a":2},"id":"b","status":"completed"}}`
	if string(a.Envelope) != want {
		t.Errorf("envelope %s, want %s", a.Envelope, want)
	}
	if a.OngoingRows != 1 {
		t.Errorf("%d ongoing rows, want 1", a.OngoingRows)
	}
}

// An answer that is small itself must not take memory without bound.
func TestFlattenLimit(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	rows := "[" + strings.TrimSuffix(strings.Repeat("{},", 10_000), ",") + "]"
	body := strings.Replace(string(pipelinetest.Completed(rows)), `"status"`, `"custom":"`+strings.Repeat("x", 10_000)+`","status"`, 1)
	_, err := answer.Flatten(mem, &schema.EmailFind, "b", []byte(body), 8*int64(len(body)))
	if !errors.Is(err, schema.ErrTooLarge) || pipeline.Hint(err) == "" {
		t.Errorf("error %v with hint %q, want ErrTooLarge with advice", err, pipeline.Hint(err))
	}
	if strings.Contains(err.Error(), "xxx") {
		t.Errorf("error quotes the answer: %v", err)
	}
}

func TestComplete(t *testing.T) {
	whole := `{"a":"}\"{\\","b":[{"c":"\\"}],"d":{}}`
	for n := range len(whole) {
		prefix := []byte(whole[:n])
		_, err := answer.Flatten(memory.DefaultAllocator, &schema.EmailFind, "b", prefix, unlimited)
		cut := errors.Is(err, answer.ErrCutOff) && !pipeline.IsPermanent(err)
		if pipeline.Complete(prefix) && (!cut || n == 0 || !strings.ContainsRune("}]", rune(whole[n-1]))) {
			t.Errorf("prefix of %d bytes is taken for a whole answer, error %v", n, err)
		}
	}
	for _, text := range []string{whole, " " + whole + "\n", whole + "x", "<html>", `"x"`, "null", "x{"} {
		if !pipeline.Complete([]byte(text)) {
			t.Errorf("%s: is taken for a cut answer", text)
		}
	}
}

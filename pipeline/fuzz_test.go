package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// tableNumber chooses one of the tables.
func tableNumber(n uint8) *schema.Table { return schema.Tables()[int(n)%len(schema.Tables())] }

// FuzzFlatten: any bytes give rows that account for every key, or a typed error
// and no record; for every kind of batch.
func FuzzFlatten(f *testing.F) {
	for _, body := range bodies(f) {
		for n := range schema.Tables() {
			f.Add(uint8(n), body)
		}
	}
	f.Fuzz(func(t *testing.T, table uint8, body []byte) {
		checkFlatten(t, tableNumber(table), fuzzID(body), body, 1<<20)
	})
}

// FuzzFlattenResults is FuzzFlatten with an envelope that is right.
func FuzzFlattenResults(f *testing.F) {
	for _, results := range []string{
		`[]`, `[{}]`, `[{"index":"1","email":null}]`, `[{"info":{"companyInfo":{"name":"x","n":[1]}},"custom":{"a":1}}]`,
		`[{"index":-0,"custom":"\ud800","info":{"companyInfo":7},"raw_params":{"x":null}},{"index":9007199254740993}]`,
		`[{"params":{"firstname":"a","first_name":"b"},"number":"+1"},{"params":{"first_name":"b","firstname":"b"}}]`,
		`[{"index":"8f14e45f-i","email":"a@b","qualification":"valid"},{"qualification":"found","index":1e0}]`,
	} {
		for n := range schema.Tables() {
			f.Add(uint8(n), []byte(results))
		}
	}
	f.Fuzz(func(t *testing.T, table uint8, results []byte) {
		checkFlatten(t, tableNumber(table), "b", completed(string(results)), 1<<20)
	})
}

// FuzzTotals: an answer is published if, and only if, its control totals are
// what its results add up to, as counted by somebody else; and then every file
// has the rows of the answer.
func FuzzTotals(f *testing.F) {
	for _, stats := range []string{
		`{}`, `null`, `[]`, `{"requested":2,"finished":2,"valid":1,"found":1}`, `{"requested":3}`, `{"finished":"2"}`,
		`{"valid":1.0,"requested":2e0}`, `{"found":-1}`, `{"requested":null,"finished":{}}`, `{"requested":1e400}`,
		`{"credits_cost":{"initial":1,"refunded":0.25,"final":1e999},"valid":"1"}`, `{"credits_cost":0.25,"credits_to_refund":"x"}`,
	} {
		for n := range schema.Tables() {
			f.Add(uint8(n), []byte(stats), []byte(`[{"index":0,"qualification":"valid"},{"index":5,"qualification":"found"}]`), false)
		}
	}
	f.Add(uint8(0), []byte(`{"finished":1}`), []byte(`[{"qualification":"ongoing"},{"qualification":"valid"}]`), false)
	f.Add(uint8(2), []byte(`{"found":2}`), []byte(`[{"index":9223372036854775807},{"index":-9223372036854775808}]`), true)
	f.Fuzz(func(t *testing.T, n uint8, stats, results []byte, allow bool) {
		table := tableNumber(n)
		body := fmt.Sprintf(`{"general":{"id":"b","status":"completed"},"results":%s,"stats":%s}`, results, stats)
		store, source := sinks.NewMemory(), newAnswers()
		source.set("b", body)
		cfg := config(t, source, store, "parquet", "ndjson", "csv=gzip")
		cfg.Table, cfg.KeepRaw, cfg.AllowMismatch, cfg.MaxBody = table, true, allow, 1<<20
		reported, _, err := runAll(t.Context(), t, cfg, "b")
		if err != nil {
			t.Fatal(err)
		}
		res := reported["b"]
		if res.Outcome == FailedBatch {
			if len(files(t, store)) > 0 || !strings.HasPrefix(res.Err.Error(), "check ") && !strings.HasPrefix(res.Err.Error(), "flatten ") {
				t.Errorf("failed with %v, and with files", res.Err)
			}
		}
		var answer struct {
			Stats   json.RawMessage   `json:"stats"`
			Results []json.RawMessage `json:"results"`
		}
		if json.Unmarshal([]byte(body), &answer) != nil {
			return // refused, or a matter of FuzzFlatten
		}
		fits := totalsFit(table, answer.Stats, answer.Results)
		switch {
		case res.Outcome == Exported && !fits && !allow:
			t.Errorf("%s was exported", stats)
		case res.Outcome == Exported && fits != (len(res.Entry.Mismatches) == 0):
			t.Errorf("%s has mismatches %v", stats, res.Entry.Mismatches)
		case res.Outcome == FailedBatch && strings.HasPrefix(res.Err.Error(), "check ") && (fits || allow):
			t.Errorf("%s was refused: %v", stats, res.Err)
		}
		if res.Outcome != Exported {
			return
		}
		checked, err := NewVerifier(store, DepthFull, 1).Verify(t.Context(), table, "b")
		if err != nil || len(checked.Differences) > 0 {
			t.Errorf("differences %v, error %v", checked.Differences, err)
		}
	})
}

// totalsFit is the rule of control totals, by encoding/json.
func totalsFit(table *schema.Table, stats json.RawMessage, results []json.RawMessage) bool {
	var totals map[string]any
	if json.Unmarshal(stats, &totals) != nil {
		// No object has no totals. One with a number that Go cannot hold does.
		var members map[string]json.RawMessage
		if json.Unmarshal(stats, &members) != nil {
			return true
		}
		totals = make(map[string]any)
		for key, raw := range members {
			var value any = "not a count"
			_ = json.Unmarshal(raw, &value) // else it is none
			totals[key] = value
		}
	}
	var found, ongoing float64
	for _, raw := range results {
		var result map[string]json.RawMessage
		_ = json.Unmarshal(raw, &result) // an answer with anything else is refused
		switch string(unquoted(result["qualification"])) {
		case table.Found:
			found++
		case "ongoing":
			ongoing++
		}
	}
	rows := float64(len(results))
	is := func(key string, least, most float64) bool {
		value := totals[key]
		if text, ok := value.(string); ok && integer.MatchString(text) && text != "-0" && len(text) < 15 {
			var n float64
			_, _ = fmt.Sscan(text, &n)
			value = n
		}
		n, ok := value.(float64)
		return value == nil || ok && n >= least && n <= most && n == float64(int64(n))
	}
	return is("requested", rows, rows) && is("finished", rows-ongoing, rows) && is(table.Found, found, found)
}

// unquoted returns the text of a JSON string, nil for anything else.
func unquoted(raw json.RawMessage) []byte {
	var text *string
	if json.Unmarshal(raw, &text) != nil || text == nil {
		return nil
	}
	return []byte(*text)
}

// checkFlatten flattens an answer and checks what it becomes: a typed error, or
// rows that account for all of it, in every format. It reports whether there are
// rows.
func checkFlatten(t *testing.T, table *schema.Table, id string, body []byte, limit int64) bool {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	a, err := Flatten(mem, table, id, body, limit)
	if err != nil {
		var failure *Error
		if !errors.As(err, &failure) || a != nil {
			t.Fatalf("answer %v, error %v, want an *Error alone", a, err)
		}
		return false
	}
	defer a.Release()
	if !Complete(body) || !scanNesting(body).closed {
		t.Error("a cut answer was flattened")
	}
	if a.Record == nil {
		return false
	}
	accounted(t, table, body, a)
	// The leftovers that are counted are those that are there.
	var counted int64
	for _, l := range a.Leftovers {
		counted += l.Count
		if l.First < 0 || l.First >= a.Record.NumRows() || l.Count < 1 {
			t.Errorf("leftover %+v of %d rows", l, a.Record.NumRows())
		}
	}
	if extra := columnOf(a.Record, "extra"); (extra.NullN() < extra.Len()) != (counted > 0) {
		t.Errorf("%d leftovers are counted, %d rows have some", counted, extra.Len()-extra.NullN())
	}
	want := sinks.ContentSHA256(a.Record)
	for _, format := range sinks.Formats() {
		for _, safe := range []bool{false, format.Name == "csv"} {
			enc := sinks.Encoding{Format: format, Compression: "none", Neutralised: safe}
			out, err := encode(&buffer{mem: memory.NewGoAllocator(), limit: unlimited}, table, a.Record, target{encoding: enc})
			if err != nil {
				t.Fatal(err)
			}
			contents, err := enc.Inspect(out.data)
			if err != nil {
				t.Fatalf("%s: %v", format.Name, err)
			}
			if diff := cmp.Diff(want, contents.SHA256); diff != "" {
				t.Errorf("%s holds other rows:\n%s", format.Name, diff)
			}
		}
	}
	return true
}

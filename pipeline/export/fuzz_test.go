package export_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/sinks"
)

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
		table := schema.Tables()[int(n)%len(schema.Tables())]
		body := fmt.Sprintf(`{"general":{"id":"b","status":"completed"},"results":%s,"stats":%s}`, results, stats)
		store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
		source.Set("b", body)
		cfg := pipelinetest.NewConfig(t, source, store, "parquet", "ndjson", "csv=gzip")
		cfg.Table, cfg.KeepRaw, cfg.AllowMismatch, cfg.MaxBody = table, true, allow, 1<<20
		reported, _, err := pipelinetest.RunAll(t.Context(), t, cfg, "b")
		if err != nil {
			t.Fatal(err)
		}
		res := reported["b"]
		if res.Outcome == export.Failed {
			if len(pipelinetest.Files(t, store)) > 0 || !strings.HasPrefix(res.Err.Error(), "check ") && !strings.HasPrefix(res.Err.Error(), "flatten ") {
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
		case res.Outcome == export.Exported && !fits && !allow:
			t.Errorf("%s was exported", stats)
		case res.Outcome == export.Exported && fits != (len(res.Entry.Mismatches) == 0):
			t.Errorf("%s has mismatches %v", stats, res.Entry.Mismatches)
		case res.Outcome == export.Failed && strings.HasPrefix(res.Err.Error(), "check ") && (fits || allow):
			t.Errorf("%s was refused: %v", stats, res.Err)
		}
		if res.Outcome != export.Exported {
			return
		}
		if checked := pipelinetest.Verify(t, store, verify.Full, 1, table, "b"); len(checked.Differences) > 0 {
			t.Errorf("differences %v", checked.Differences)
		}
	})
}

// integer is the one spelling of an integer that counts in a string.
var integer = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

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

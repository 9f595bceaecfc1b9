package sinks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
)

func TestNDJSON(t *testing.T) {
	got := string(encode(t, newEncoding(t, "ndjson", ""), people, newRecord(t, people, awkwardRows()...)))
	want := `{"name":"Ada","age":36,"note":"","city":"Paris","floor":0}
{"name":null,"age":null,"note":null,"city":null,"floor":null}
{"name":"","age":0,"note":"","city":"","floor":null}
{"name":"say \"hi\"","age":-1,"note":"back\\slash","city":"Paris","floor":0}
{"name":"a,b","age":9223372036854775807,"note":" led","city":null,"floor":-7}
{"name":"line\nbreak","age":-9223372036854775808,"note":"trailing\t","city":"Łódź","floor":null}
{"name":"\r\n","age":null,"note":"\u0000\u0001\b\f\u001f` + "\x7f" + `","city":"Paris","floor":5}
{"name":"𝔸😀 <&>` + "\u2028\ufeff" + `","age":1,"note":"NULL","city":"null","floor":5}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestNDJSONWithoutRowsIsEmpty(t *testing.T) {
	if got := encode(t, newEncoding(t, "ndjson", ""), people, newRecord(t, people)); len(got) != 0 {
		t.Errorf("file is %q", got)
	}
}

// A cell that is much larger than what is gathered before a write.
func TestNDJSONLargeCell(t *testing.T) {
	large := strings.Repeat("\"é", 10<<20/3)
	rec := newRecord(t, people, row{large, nil, "after", nil, nil}, row{"next", nil, nil, nil, nil})
	text := string(encode(t, newEncoding(t, "ndjson", ""), people, rec))
	lines := strings.SplitAfter(text, "\n")
	if len(lines) != 3 || lines[2] != "" {
		t.Fatalf("%d lines", len(lines)-1)
	}
	var got struct{ Name, Note string }
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != large || got.Note != "after" {
		t.Error("large cell came back changed")
	}
}

// pairs is a table of two strings and a number, for fuzzing.
var pairs = &schema.Table{
	Name:    "pairs",
	Version: 1,
	Columns: []schema.Column{{Name: "a"}, {Name: "b", Repeats: true}, {Name: "n", Type: schema.Int64}},
}

// addSeeds gives a fuzz target of pairs its corpus.
func addSeeds(f *testing.F) {
	f.Add("", "", int64(0), byte(0))
	f.Add("", "", int64(0), byte(7))
	f.Add(`"`, `\`, int64(-1), byte(0))
	f.Add("a,b", "\r\n", int64(1)<<62, byte(2))
	f.Add(" x", "y\t", int64(-1)<<63, byte(4))
	f.Add("\x00\x01\x1f\x7f", "\u2028\ufeff", int64(7), byte(1))
	f.Add("𝔸😀", "<&>'", int64(10), byte(8))
	f.Add(strings.Repeat("long ", 20000), "\"\"", int64(3), byte(16))
	f.Add("\xff\xed\xa0\x80", "\\.", int64(3), byte(0))
}

// pairRows makes rows of pairs from what a fuzzer gives: text that is valid
// Unicode, as it is in all records, and nulls where nulls has a bit.
func pairRows(a, b string, n int64, nulls byte) []row {
	a, b = strings.ToValidUTF8(a, "\ufffd"), strings.ToValidUTF8(b, "\ufffd")
	rows := []row{{a, b, n}, {b, a, -n}, {a + b, b, n / 2}}
	for i := range 8 {
		if nulls>>i&1 == 1 {
			rows[i/3][i%3] = nil
		}
	}
	return rows
}

func FuzzNDJSON(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, a, b string, n int64, nulls byte) {
		want := pairRows(a, b, n, nulls)
		text := encode(t, newEncoding(t, "ndjson", ""), pairs, newRecord(t, pairs, want...))
		var got []row
		for line := range strings.Lines(string(text)) {
			var object struct {
				A *string `json:"a"`
				B *string `json:"b"`
				N *int64  `json:"n"`
			}
			dec := json.NewDecoder(strings.NewReader(line))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&object); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			got = append(got, row{deref(object.A), deref(object.B), deref(object.N)})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// deref returns what p points to, nil when it is nil.
func deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

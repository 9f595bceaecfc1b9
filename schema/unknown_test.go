package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// leftoversOf appends results to a Builder of the table and returns what it
// counted.
func leftoversOf(t *testing.T, table *Table, results ...string) []Leftover {
	t.Helper()
	b := NewBuilder(memory.NewGoAllocator(), table, 1<<20)
	defer b.Release()
	dec := newDecoder(strings.Join(results, " "))
	for range results {
		if err := b.Append(dec); err != nil {
			t.Fatal(err)
		}
	}
	return b.Leftovers()
}

func TestLeftovers(t *testing.T) {
	cases := []struct {
		name    string
		results []string
		want    []Leftover
	}{
		{"none", []string{`{}`, `{"n":1,"s":null,"a":{"b":{"c":"x"}},"p":{"first":"x","firstName":"x"}}`}, nil},
		{"unknown, null and empty too", []string{`{"s":"x"}`, `{"u":null}`, `{"u":{}}`}, []Leftover{{"u", Unknown, 2, 1}}},
		{"nested", []string{`{"a":{"u":1,"b":{"v":{"w":1}}}}`}, []Leftover{{"a.b.v", Unknown, 1, 0}, {"a.u", Unknown, 1, 0}}},
		{"misfit", []string{`{"n":1.5,"s":2}`, `{"n":"x"}`}, []Leftover{{"n", Misfit, 2, 0}, {"s", Misfit, 1, 0}}},
		{"no object", []string{`{"a":1}`, `{"a":{"b":[]}}`}, []Leftover{{"a", Misfit, 1, 0}, {"a.b", Misfit, 1, 1}}},
		{"second spelling", []string{`{"p":{"firstName":"y","first":"x"}}`}, []Leftover{{"p.first", Conflict, 1, 0}}},
		{"escaped key", []string{`{"\u0075":1}`}, []Leftover{{"u", Unknown, 1, 0}}},
		{"keys that may be data", []string{
			`{"jane@example.com":1,"+33612345678":1,"0612":1,"":1,"Jane Doe":1,"é":1,"a.b":1,"` + strings.Repeat("k", 65) + `":1,"\ud800":1}`,
		}, []Leftover{{"(odd key)", Unknown, 9, 0}}},
		{"below a declared object", []string{`{"a":{"b":{"jane@example.com":1}}}`}, []Leftover{{"a.b.(odd key)", Unknown, 1, 0}}},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, leftoversOf(t, &toy, c.results...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// Keys without end take no memory without end.
func TestLeftoversAreBounded(t *testing.T) {
	var results []string
	for i := range 1000 {
		results = append(results, fmt.Sprintf(`{"key%d":1,"u":1}`, i))
	}
	results = append(results, `{"n":"misfit"}`) // is told all the same
	got := leftoversOf(t, &toy, results...)
	if last := got[len(got)-2]; last != (Leftover{"n", Misfit, 1, 1000}) {
		t.Errorf("the misfit is %+v", last)
	}
	var total int64
	for _, l := range got {
		total += l.Count
	}
	if len(got) > maxLeftoverPaths+2 || total != 2001 {
		t.Errorf("%d paths with %d leftovers, want at most %d with 2001", len(got), total, maxLeftoverPaths+2)
	}
	if got[0] != (Leftover{"(other paths)", Unknown, 901, 99}) {
		t.Errorf("the rest is %+v", got[0])
	}
}

func TestSelect(t *testing.T) {
	cases := []struct {
		include, exclude, want, err string
	}{
		{"", "", "batch_id batch_custom index email qualification extra", ""},
		{"email batch_id", "", "batch_id email", ""},
		{"qualification email", "", "batch_id email qualification", ""},
		{"", "extra index", "batch_id batch_custom email qualification", ""},
		{"email extra", "extra", "batch_id email", ""},
		{"", "batch_id", "", "column batch_id cannot be left out"},
		{"emial", "", "", `table email_verify has no column "emial": it has batch_id, batch_custom, index`},
		{"", "number", "", `no column "number"`},
	}
	for _, c := range cases {
		got, err := EmailVerify.Select(strings.Fields(c.include), strings.Fields(c.exclude))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s without %s: error %v, want %s", c.include, c.exclude, err, c.err)
			}
			continue
		}
		if err != nil || strings.Join(got.ColumnNames(), " ") != c.want {
			t.Errorf("%s without %s: %v, error %v, want %s", c.include, c.exclude, got.ColumnNames(), err, c.want)
		}
		if (got.Fingerprint() == EmailVerify.Fingerprint()) != (c.want == cases[0].want) {
			t.Errorf("%s: the fingerprint does not tell the columns", c.want)
		}
	}
}

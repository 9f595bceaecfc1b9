package schema

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// toy has one column of each type, a nested one, and one with two spellings.
var toy = Table{
	Name: "toy", Kind: "toy", Version: 1,
	Columns: []Column{
		{Name: "batch_id", Origin: FromBatch, Paths: []string{"general.id"}},
		{Name: "batch_custom", Type: Text, Origin: FromBatch, Paths: []string{"general.custom"}},
		{Name: "n", Type: Int64, Paths: []string{"n"}},
		{Name: "s", Paths: []string{"s"}},
		{Name: "deep", Paths: []string{"a.b.c"}},
		{Name: "two", Paths: []string{"p.first", "p.firstName"}},
		{Name: "two_n", Type: Int64, Paths: []string{"x", "y"}},
		{Name: "custom", Type: Text, Paths: []string{"custom"}},
		{Name: "extra", Origin: FromLeftovers},
	},
}

func newDecoder(text string) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBufferString(text), jsontext.AllowInvalidUTF8(true))
}

// row renders the non-null cells of a row as name=value.
func row(rec arrow.Record, i int) string {
	var cells []string
	for c, f := range rec.Schema().Fields() {
		if rec.Column(c).IsValid(i) {
			cells = append(cells, f.Name+"="+rec.Column(c).ValueStr(i))
		}
	}
	return strings.Join(cells, " ")
}

func TestBuilderRows(t *testing.T) {
	cases := []struct{ name, result, want string }{
		{"empty", `{}`, ``},
		{"nulls", `{"n":null,"s":null,"a":null,"custom":null}`, ``},
		{"plain", `{"n":7,"s":"x","a":{"b":{"c":"y"}},"custom":"z"}`, `n=7 s=x deep=y custom=z`},
		{"empty string is not null", `{"s":"","custom":""}`, `s= custom=`},
		{"empty objects on the way", `{"a":{}}`, ``},
		{"null on the way", `{"a":{"b":null}}`, ``},
		{"integer as a string", `{"n":"-12"}`, `n=-12`},
		{"escaped integer", `{"n":"\u0031"}`, `n=1`},
		{"least integer", `{"n":-9223372036854775808}`, `n=-9223372036854775808`},
		{"above a float's precision", `{"n":9007199254740993}`, `n=9007199254740993`},
		{"beyond int64", `{"n":9223372036854775808}`, `extra={"n":9223372036854775808}`},
		{"string beyond int64", `{"n":"9223372036854775808"}`, `extra={"n":"9223372036854775808"}`},
		{"not canonical", `{"n":"007"}`, `extra={"n":"007"}`},
		{"plus", `{"n":"+1"}`, `extra={"n":"+1"}`},
		{"empty integer", `{"n":""}`, `extra={"n":""}`},
		{"zero", `{"n":0}`, `n=0`},
		{"minus zero", `{"n":-0}`, `extra={"n":-0}`},
		{"minus zero string", `{"n":"-0"}`, `extra={"n":"-0"}`},
		{"fraction", `{"n":1.0}`, `extra={"n":1.0}`},
		{"exponent", `{"n":1e400}`, `extra={"n":1e400}`},
		{"integer of another type", `{"n":true}`, `extra={"n":true}`},
		{"string of another type", `{"s":5,"a":{"b":{"c":[1, 2]}}}`, `extra={"s":5,"a":{"b":{"c":[1,2]}}}`},
		{"text of an object", `{"custom":{ "z" : 1.50, "a":[ null ] }}`, `custom={"z":1.50,"a":[null]}`},
		{"text of a number", `{"custom":1e400}`, `custom=1e400`},
		{"text of false", `{"custom":false}`, `custom=false`},
		{"text keeps escapes in JSON text", `{"custom":["\u0041 b\ud800"]}`, `custom=["\u0041 b\ud800"]`},
		{"unknown key", `{"new":1}`, `extra={"new":1}`},
		{"unknown null and empty", `{"new":null,"more":{},"a":{"z":null}}`, `extra={"new":null,"more":{},"a":{"z":null}}`},
		{"unknown at every depth", `{"u":1,"a":{"v":2,"b":{"w":3,"c":"y"},"x":4},"y2":5}`, `deep=y extra={"u":1,"a":{"v":2,"b":{"w":3},"x":4},"y2":5}`},
		{"object where a column is", `{"s":{"b":1}}`, `extra={"s":{"b":1}}`},
		{"value where an object is", `{"a":"x"}`, `extra={"a":"x"}`},
		{"array where an object is", `{"a":{"b":[]}}`, `extra={"a":{"b":[]}}`},
		{"escaped declared key", `{"\u0073":"x"}`, `s=x`},
		{"keys differ by case", `{"S":"x"}`, `extra={"S":"x"}`},
		{"escaped unknown key", `{"\u00e9":1}`, `extra={"\u00e9":1}`},
		{"numbers verbatim", `{"u":[1.0,-0,1E+2,0.10]}`, `extra={"u":[1.0,-0,1E+2,0.10]}`},
		{"NUL", `{"s":"a\u0000b"}`, "s=a\x00b"},
		{"astral", `{"s":"\ud83d\ude00"}`, "s=\U0001F600"},
		{"lone surrogate", `{"s":"\ud83d","custom":"x\ude00"}`, `extra={"s":"\ud83d","custom":"x\ude00"}`},
		{"lone surrogate in a key", `{"\ud83d":1}`, `extra={"\ud83d":1}`},
		{"second spelling", `{"p":{"firstName":"A"}}`, `two=A`},
		{"both spellings, equal", `{"p":{"first":"A","firstName":"A"}}`, `two=A`},
		{"both spellings, differing", `{"p":{"firstName":"B","first":"A"}}`, `two=B extra={"p":{"first":"A"}}`},
		{"first spelling null", `{"p":{"first":null,"firstName":"B"}}`, `two=B`},
		{"second spelling null", `{"p":{"first":"A","firstName":null}}`, `two=A`},
		{"both integers, equal", `{"x":1,"y":"1"}`, `two_n=1`},
		{"both integers, differing", `{"x":1,"y":2}`, `two_n=1 extra={"y":2}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			b := NewBuilder(mem, &toy, 1<<20)
			defer b.Release()
			// A row before and after shows that nothing carries over.
			dec := newDecoder(`{"s":"before","q":1}` + c.result + `{"s":"after"}`)
			for range 3 {
				if err := b.Append(dec); err != nil {
					t.Fatal(err)
				}
			}
			rec, err := b.Record("id", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer rec.Release()
			got := []string{row(rec, 0), row(rec, 1), row(rec, 2)}
			want := []string{`s=before extra={"q":1}`, c.want, `s=after`}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBuilderBatchColumns(t *testing.T) {
	cases := []struct{ general, want string }{
		{`{"id":"B-1","custom":"c"}`, `batch_id=B-1 batch_custom=c`},
		{`{"custom":{"a": [1, "x y"]},"id":"B-1"}`, `batch_id=B-1 batch_custom={"a":[1,"x y"]}`},
		{`{"id":"B-1","custom":""}`, `batch_id=B-1 batch_custom=`},
		{`{"id":"B-1","custom":null}`, `batch_id=B-1`},
		{`{"id":"B-1"}`, `batch_id=B-1`},
		{`{"id":"B-1","custom":"\ud800"}`, `batch_id=B-1`},
	}
	for _, c := range cases {
		mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
		b := NewBuilder(mem, &toy, 1<<20)
		dec := newDecoder(`{}{}`)
		for range 2 {
			if err := b.Append(dec); err != nil {
				t.Fatal(err)
			}
		}
		rec, err := b.Record("B-1", jsontext.Value(c.general))
		if err != nil {
			t.Fatal(err)
		}
		if row(rec, 0) != c.want || row(rec, 1) != c.want {
			t.Errorf("%s: rows %q and %q, want %q", c.general, row(rec, 0), row(rec, 1), c.want)
		}
		if id, _ := rec.Schema().Metadata().GetValue(MetaBatchID); id != "B-1" {
			t.Errorf("metadata has batch id %q", id)
		}
		rec.Release()
		b.Release()
		mem.AssertSize(t, 0)
	}
}

func TestBuilderRefuses(t *testing.T) {
	for _, text := range []string{`[]`, `"x"`, `1`, `null`, `true`} {
		b := NewBuilder(memory.NewGoAllocator(), &toy, 1<<20)
		if err := b.Append(newDecoder(text)); !errors.Is(err, ErrNotObject) {
			t.Errorf("%s: error %v, want ErrNotObject", text, err)
		}
		b.Release()
	}
	for _, text := range []string{``, `{`, `{"s"`, `{"s":`, `{"s":"x"`, `{"s":"x",`, `{"a":{"b":{"c":"y"`, `{"s":1,"s":2}`, `{"a":{"b":1,"b":1}}`, `{"u":{"k":1,"k":1}}`, `{s:1}`} {
		b := NewBuilder(memory.NewGoAllocator(), &toy, 1<<20)
		if err := b.Append(newDecoder(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
		b.Release()
	}
}

// A small answer must not become a large record: neither by one long value of
// the batch in many rows, nor by many rows of nothing.
func TestBuilderLimit(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	const limit = 100_000

	b := NewBuilder(mem, &toy, limit)
	dec := newDecoder(strings.Repeat(`{}`, 100))
	for range 100 {
		if err := b.Append(dec); err != nil {
			t.Fatal(err)
		}
	}
	general := fmt.Sprintf(`{"id":"B","custom":%q}`, strings.Repeat("x", limit/100))
	if _, err := b.Record("B", jsontext.Value(general)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("long custom: error %v, want ErrTooLarge", err)
	}
	b.Release()

	for _, result := range []string{`{}`, `{"s":"` + strings.Repeat("x", 99) + `"}`, `{"u":"` + strings.Repeat("x", 2*limit) + `"}`} {
		b := NewBuilder(mem, &toy, limit)
		dec := newDecoder(strings.Repeat(result, max(1, limit/len(result)*100)))
		var err error
		for err == nil && b.Rows() <= limit {
			err = b.Append(dec)
		}
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("many times %.10s: error %v, want ErrTooLarge", result, err)
		}
		b.Release()
	}
}

func TestBuilderColumnTypes(t *testing.T) {
	b := NewBuilder(memory.NewGoAllocator(), &EmailFind, 1<<20)
	defer b.Release()
	rec, err := b.Record("id", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	if rec.NumRows() != 0 || int(rec.NumCols()) != len(EmailFind.Columns) {
		t.Fatalf("%d rows and %d columns, want none and all", rec.NumRows(), rec.NumCols())
	}
	for i, c := range EmailFind.Columns {
		_, isInt := rec.Column(i).(*array.Int64)
		_, isString := rec.Column(i).(*array.String)
		if isInt != (c.Name == "index") || isString == isInt {
			t.Errorf("column %s has the Arrow type %s", c.Name, rec.Column(i).DataType())
		}
	}
}

package schema

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// reference reads a JSON array as AppendArray is to read it, by Append alone. It
// returns the array's length, -1 when it is not to be accepted.
func reference(b *Builder, text []byte) int {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowInvalidUTF8(true))
	if len(text) == 0 || text[0] != '[' {
		return -1
	}
	if _, err := dec.ReadToken(); err != nil {
		return -1
	}
	for dec.PeekKind() != ']' {
		if err := b.Append(dec); err != nil {
			return -1
		}
	}
	if _, err := dec.ReadToken(); err != nil || !utf8.Valid(text[:dec.InputOffset()]) {
		return -1
	}
	return int(dec.InputOffset())
}

// compareReaders fails the test unless both ways to read an array come to the
// same: rows, leftovers and memory, or a refusal. It reports whether there are rows.
func compareReaders(t *testing.T, table *Table, text []byte, limit int64) bool {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	slow, quick := NewBuilder(mem, table, limit), NewBuilder(mem, table, limit)
	defer slow.Release()
	defer quick.Release()
	want := reference(slow, text)
	got, ok := quick.AppendArray(text)
	if ok != (want >= 0) || ok && got != want {
		t.Fatalf("AppendArray accepts %v, %d bytes of %q, the reference %d", ok, got, text, want)
	}
	if !ok {
		return false
	}
	if slow.size != quick.size {
		t.Errorf("AppendArray counts %d bytes, the reference %d", quick.size, slow.size)
	}
	if diff := cmp.Diff(slow.Leftovers(), quick.Leftovers()); diff != "" {
		t.Errorf("leftovers (-reference +AppendArray):\n%s", diff)
	}
	records, errs := make([]arrow.Record, 2), make([]error, 2)
	for i, b := range []*Builder{slow, quick} {
		if records[i], errs[i] = b.Record("id", jsontext.Value(`{"custom":{"a":1}}`)); errs[i] == nil {
			defer records[i].Release()
		}
	}
	if errs[0] != nil || errs[1] != nil {
		if errs[0] == nil || errs[1] == nil || errs[0].Error() != errs[1].Error() {
			t.Errorf("Record reports %v, by the reference %v", errs[1], errs[0])
		}
		return false
	}
	if !array.RecordEqual(records[0], records[1]) {
		t.Errorf("%q becomes\n%v, by the reference\n%v", text, records[1], records[0])
	}
	return records[0].NumRows() > 0
}

// regularArrays are arrays that try every way through the reader of arrays.
var regularArrays = []string{
	`[]`, ` []`, `[ ]`, `[`, `[}`, ``, `{}`, `[1]`, `[{}]`, `[{},]`, `[,{}]`, `[{} {}]`, `[{}`, `[{}]]`, `[{"s"`, `[{"s":`, `[{"s":"`, `[{"s":"x`,
	"[\n{ \"s\" :\t\"x\"\r,\"n\" : 1 } , {\"n\":\"2\"}\n]", "[\v{}]", "[{}\x00]", `[{"s":"x"},{"s":5},{"s":"z"}]`,
	`[{"n":1},{"n":"-12"},{"n":-0},{"n":1.5},{"n":01},{"n":1e2}]`, `[{"n":01}]`, `[{"n":-}]`, `[{"n":1a}]`, `[{"n":9223372036854775808}]`, `[{"n":"007"},{"n":"\u0031"}]`,
	`[{"s":nul}]`, `[{"s":null,"s":null}]`, `[{"s":"a","s":"b"}]`, `[{"s":"a","\u0073":"b"}]`, `[{"\u0073":"b"}]`,
	`[{"s":"\n\"\\ \u00e9 \ud83d\ude00"}]`, `[{"s":"\ud83d"}]`, `[{"s":"\x"}]`, `[{"s":"\`, `[{"s":"\"`, "[{\"s\":\"a\nb\"}]", "[{\"s\":\"é\"}]", "[{\"s\":\"\xff\"}]", "[{\"q\":\"\xff\"}]", "[{\"custom\":[\"\xff\"]}]",
	"[{\"s\":\"12345678\x1f\"}]", "[{\"s\":\"1234567\x7f\x80\"}]", `[{"s":"a long text of more than sixteen bytes, and an é in it","custom":"x"}]`,
	`[{"a":{"b":{"c":"x"}}},{"a":null},{"a":{}},{"a":{"b":null}},{"a":"x"},{"a":{"b":[]}},{"a":{"z":1,"b":{"c":"y"}}}]`,
	`[{"p":{"first":"A","firstName":"A"}},{"p":{"firstName":"B","first":"A"}},{"p":{"first":null,"firstName":"B"}}]`, `[{"x":1,"y":1},{"x":1,"y":2}]`,
	`[{"custom":{ "z" : 1.50, "a":[ null ] }},{"custom":1e400},{"custom":false},{"custom":{"k":1,"k":2}}]`, `[{"custom":[1,2}]`, `[{"custom":true}]`,
	`[{"s":"kept"},{"q":1,"s":"after"},{"s":"x","a":{"b":{"c":"undone"}},"q":{"deep":[[[]]]}},{"s":"end"}]`,
	`[{"s":"x"}] trailing`, `[{"s":"x"},"no object"]`, `[{"s":"x"},null]`, `[{"S":"x"}]`, `[{"s" "x"}]`, `[{"s":"x";"n":1}]`, `[{s:"x"}]`, `[{"s":"x",}]`,
}

func TestAppendArray(t *testing.T) {
	for _, text := range regularArrays {
		compareReaders(t, &toy, []byte(text), 1<<20)
	}
	// More rows than there is room for at first, some columns with gaps.
	var long strings.Builder
	for i := range 3 * firstRows {
		long.WriteString(`,{"s":"row","n":` + strings.Repeat("7", 1+i%18) + `}`)
		if i%1500 == 1 {
			long.WriteString(`,{"custom":"seldom","new":1}`)
		}
	}
	if !compareReaders(t, &toy, []byte("["+long.String()[1:]+"]"), 1<<30) {
		t.Error("no rows")
	}
	// The limit is met by the same row.
	for limit := range int64(300) {
		compareReaders(t, &toy, []byte(`[{"s":"some text"},{"custom":"some more"},{"q":"and leftovers"},{}]`), limit)
	}
}

func TestIrregular(t *testing.T) {
	b := NewBuilder(memory.NewGoAllocator(), &toy, 1<<20)
	defer b.Release()
	odd := `{"q":[[[]]]}`
	if _, ok := b.AppendArray([]byte(`[{"s":"x"},` + odd + `,{"custom":[1]}]`)); !ok || b.Irregular() != len(odd) {
		t.Errorf("the longest irregular value has %d bytes, want %d", b.Irregular(), len(odd))
	}
	b.Reset()
	if _, ok := b.AppendArray([]byte(`[{"s":"x"}]`)); !ok || b.Irregular() != 0 || b.Rows() != 1 {
		t.Errorf("after Reset %d rows, %d bytes", b.Rows(), b.Irregular())
	}
}

// FuzzAppendArray: an array is read alike by both readers.
func FuzzAppendArray(f *testing.F) {
	for _, text := range regularArrays {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { compareReaders(t, &toy, text, 1<<20) })
}

// peakAllocator knows the most that was allocated at a time.
type peakAllocator struct {
	*memory.CheckedAllocator
	peak int
}

func (a *peakAllocator) Allocate(size int) []byte {
	defer a.note()
	return a.CheckedAllocator.Allocate(size)
}

func (a *peakAllocator) Reallocate(size int, b []byte) []byte {
	defer a.note()
	return a.CheckedAllocator.Reallocate(size, b)
}

func (a *peakAllocator) note() { a.peak = max(a.peak, a.CurrentAlloc()) }

// First rows that are unlike the others make an answer take no more than a few
// times its own length.
func TestForeseenRoomIsBounded(t *testing.T) {
	const size = 4 << 20
	for name, first := range map[string]string{
		"short": `{"n":1},`, "empty": `{},`, "all columns": `{"s":"","n":1,"x":1,"custom":1,"a":{"b":{"c":""}}},`, "long": `{"s":"` + strings.Repeat("x", 1000) + `"},`,
	} {
		text := "[" + strings.Repeat(first, firstRows) + `{"s":"` + strings.Repeat("y", size) + `"}]`
		mem := &peakAllocator{CheckedAllocator: memory.NewCheckedAllocator(memory.NewGoAllocator())}
		b := NewBuilder(mem, &toy, 1<<30)
		if _, ok := b.AppendArray([]byte(text)); !ok || b.Rows() != firstRows+1 {
			t.Errorf("%s: %d rows", name, b.Rows())
		}
		b.Release()
		mem.AssertSize(t, 0)
		if mem.peak > 4*len(text) {
			t.Errorf("%s: %d bytes of memory for %d of text", name, mem.peak, len(text))
		}
	}
}

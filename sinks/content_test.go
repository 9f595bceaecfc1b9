package sinks_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/sinks"
)

// contentSHA256 is the digest of rows by its definition.
func contentSHA256(rows []row) string {
	all := binary.AppendUvarint(nil, uint64(len(rows)))
	for i := range slices.Concat(rows[:min(len(rows), 1)]...) {
		var cells []any
		for _, r := range rows {
			cells = append(cells, r[i])
		}
		if one := slices.Compact(slices.Clone(cells)); len(one) == 1 {
			cells = one
		}
		all = binary.AppendUvarint(all, uint64(len(cells)))
		var texts string
		for _, cell := range cells {
			if cell == nil {
				all = append(all, 0)
				continue
			}
			text := fmt.Sprint(cell)
			all = binary.AppendUvarint(all, uint64(len(text))+1)
			texts += text
		}
		all = append(all, texts...)
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])
}

func TestContentSHA256(t *testing.T) {
	// By hand: printf '\2\2\3\2xxy\1\0\2\3\2-77' | sha256sum
	const byHand = "bc2b8e6de81bc76cd30b83fed24e69de91924ccd2bacc2a47c2a80b8c1c030f3"
	if got := sinks.ContentSHA256(newRecord(t, pairs, row{"xx", nil, int64(-7)}, row{"y", nil, int64(7)})); got != byHand {
		t.Errorf("digest %s, want %s", got, byHand)
	}
	long := strings.Repeat("long ", 100_000)
	for name, rows := range map[string][]row{
		"no rows": nil, "awkward": awkwardRows(), "many": manyRows(3000),
		"one row":  {{"x", int64(1), nil, "", nil}},
		"the same": {{"x", int64(1), nil, "", int64(2)}, {"x", int64(1), nil, "", nil}, {"x", int64(1), nil, "", int64(2)}},
		"long":     {{long, int64(1), "", long, nil}, {"x", nil, long, nil, int64(2)}},
	} {
		if got, want := sinks.ContentSHA256(newRecord(t, people, rows...)), contentSHA256(rows); got != want {
			t.Errorf("%s: digest %s, want %s", name, got, want)
		}
	}
}

// What stands behind a null is no content.
func TestContentBehindNull(t *testing.T) {
	rec := newRecord(t, pairs, row{"x", "hidden", int64(1)}, row{"y", "seen", int64(2)}, row{"z", nil, int64(3)})
	data := rec.Column(1).Data()
	valid := memory.NewBufferBytes([]byte{0b010})
	hiding := array.NewData(data.DataType(), 3, []*memory.Buffer{valid, data.Buffers()[1], data.Buffers()[2]}, nil, 2, 0)
	defer hiding.Release()
	texts := array.NewStringData(hiding)
	defer texts.Release()
	rec, err := rec.SetColumn(1, texts)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	if got, want := sinks.ContentSHA256(rec), contentSHA256([]row{{"x", nil, int64(1)}, {"y", "seen", int64(2)}, {"z", nil, int64(3)}}); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// FuzzContent: every file of the same rows, whatever its format, tells the
// digest of those rows when it is read back.
func FuzzContent(f *testing.F) {
	addSeeds(f)
	f.Add("=1+1", "'=1+1", int64(-1), byte(0))
	f.Add("''", "'", int64(-1), byte(0))
	f.Add("\t+", "＠x", int64(-1), byte(0))
	f.Fuzz(func(t *testing.T, a, b string, n int64, nulls byte) {
		rows := pairRows(a, b, n, nulls)
		rec := newRecord(t, pairs, rows...)
		want := contentSHA256(rows)
		if got := sinks.ContentSHA256(rec); got != want {
			t.Fatalf("digest %s, want %s", got, want)
		}
		for _, enc := range []sinks.Encoding{
			newEncoding(t, "parquet", ""), newEncoding(t, "ndjson", ""), newEncoding(t, "csv", ""), csvSafe(t),
		} {
			c, err := enc.Inspect(encode(t, enc, pairs, rec))
			if err != nil {
				t.Fatalf("%s: %v", enc.Format.Name, err)
			}
			if c.SHA256 != want {
				t.Errorf("%s (csvSafe %t) tells digest %s, want %s", enc.Format.Name, enc.CSVSafe, c.SHA256, want)
			}
		}
	})
}

func csvSafe(t testing.TB) sinks.Encoding {
	t.Helper()
	enc := newEncoding(t, "csv", "")
	enc.CSVSafe = true
	return enc
}

// No text of a csvSafe file begins like a formula, and nothing but texts
// that do is changed.
func TestCSVSafe(t *testing.T) {
	for value, want := range map[string]string{
		"=1+1": "'=1+1", "+33 6": "'+33 6", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t=1", "\r=1": "\"'\r=1\"", "\n=1": "\"'\n=1\"",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x",
		`=HYPERLINK("http://x.example","y")`: `"'=HYPERLINK(""http://x.example"",""y"")"`,
		"'=1":                                "''=1", "''=1": "'''=1",
		"": `""`, "'": "'", "''": "''", "'a": "'a", "a=1": "a=1", " =1": `" =1"`, "1-1": "1-1", "é": "é",
	} {
		got := string(encode(t, csvSafe(t), pairs, newRecord(t, pairs, row{"x", value, int64(-5)})))
		if want := "a,b,n\nx," + want + ",-5\n"; got != want {
			t.Errorf("value %q: file is %q, want %q", value, got, want)
		}
	}
}

package sinks_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"enrow-export/sinks"
)

// contentSHA256 is the digest of rows by its definition.
func contentSHA256(rows []row) string {
	var all bytes.Buffer
	for _, r := range rows {
		for _, value := range r {
			if value == nil {
				all.WriteByte(0)
				continue
			}
			text := fmt.Sprint(value)
			all.WriteByte(1)
			all.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text))))
			all.WriteString(text)
		}
	}
	sum := sha256.Sum256(all.Bytes())
	return hex.EncodeToString(sum[:])
}

func TestContentSHA256(t *testing.T) {
	// By hand: printf '\1\0\0\0\1x\0\1\0\0\0\2-7' | sha256sum
	const byHand = "df73c3d09148e8d1f5046a35b78ab7ffb4b70497c72f2add5034154fe86a7994"
	if got := sinks.ContentSHA256(newRecord(t, pairs, row{"x", nil, int64(-7)})); got != byHand {
		t.Errorf("digest %s, want %s", got, byHand)
	}
	long := strings.Repeat("long ", 100_000)
	for name, rows := range map[string][]row{
		"no rows": nil, "awkward": awkwardRows(), "many": manyRows(3000),
		"long": {{long, int64(1), "", long, nil}, {"x", nil, long, nil, int64(2)}},
	} {
		if got, want := sinks.ContentSHA256(newRecord(t, people, rows...)), contentSHA256(rows); got != want {
			t.Errorf("%s: digest %s, want %s", name, got, want)
		}
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
			newEncoding(t, "parquet", ""), newEncoding(t, "ndjson", ""), newEncoding(t, "csv", ""), neutralised(t),
		} {
			c, err := enc.Inspect(encode(t, enc, pairs, rec))
			if err != nil {
				t.Fatalf("%s: %v", enc.Format.Name, err)
			}
			if c.SHA256 != want {
				t.Errorf("%s (neutralised %t) tells digest %s, want %s", enc.Format.Name, enc.Neutralised, c.SHA256, want)
			}
		}
	})
}

func neutralised(t testing.TB) sinks.Encoding {
	t.Helper()
	enc := newEncoding(t, "csv", "")
	enc.Neutralised = true
	return enc
}

// No text of a neutralised file begins like a formula, and nothing but texts
// that do is changed.
func TestNeutralised(t *testing.T) {
	for value, want := range map[string]string{
		"=1+1": "'=1+1", "+33 6": "'+33 6", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t=1", "\r=1": "\"'\r=1\"", "\n=1": "\"'\n=1\"",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x",
		`=HYPERLINK("http://x.example","y")`: `"'=HYPERLINK(""http://x.example"",""y"")"`,
		"'=1":                                "''=1", "''=1": "'''=1",
		"": `""`, "'": "'", "''": "''", "'a": "'a", "a=1": "a=1", " =1": `" =1"`, "1-1": "1-1", "é": "é",
	} {
		got := string(encode(t, neutralised(t), pairs, newRecord(t, pairs, row{"x", value, int64(-5)})))
		if want := "a,b,n\nx," + want + ",-5\n"; got != want {
			t.Errorf("value %q: file is %q, want %q", value, got, want)
		}
	}
}

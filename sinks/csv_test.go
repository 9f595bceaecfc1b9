package sinks_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCSV(t *testing.T) {
	got := string(encode(t, newEncoding(t, "csv", ""), people, newRecord(t, people, awkwardRows()...)))
	want := `name,age,note,city,floor
Ada,36,"",Paris,0
,,,,
"",0,"","",
"say ""hi""",-1,back\slash,Paris,0
"a,b",9223372036854775807," led",,-7
"line
break",-9223372036854775808,"trailing	",Łódź,
"` + "\r\n" + `",,` + "\x00\x01\b\f\x1f\x7f" + `,Paris,5
𝔸😀 <&>` + "\u2028\ufeff" + `,1,NULL,null,5
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestCSVWithoutRowsIsTheHeader(t *testing.T) {
	got := string(encode(t, newEncoding(t, "csv", ""), people, newRecord(t, people)))
	if want := "name,age,note,city,floor\n"; got != want {
		t.Errorf("file is %q, want %q", got, want)
	}
}

func TestCSVQuotes(t *testing.T) {
	for value, want := range map[string]string{
		"":         `""`,
		" ":        `" "`,
		"\t":       "\"\t\"",
		"a b":      `a b`,
		" a":       `" a"`,
		"a\t":      "\"a\t\"",
		`"`:        `""""`,
		`""`:       `""""""`,
		`a"b`:      `"a""b"`,
		`"a" "b"`:  `"""a"" ""b"""`,
		",":        `","`,
		"\r":       "\"\r\"",
		"\n":       "\"\n\"",
		"\u00a0a":  "\u00a0a",
		";'|":      ";'|",
		"\v\f\x00": "\v\f\x00",
		"NULL":     "NULL",
		`\N`:       `\N`,
		"=1+1":     "=1+1",
		"é":        "é",
	} {
		got := string(encode(t, newEncoding(t, "csv", ""), pairs, newRecord(t, pairs, row{"x", value, nil})))
		if want := "a,b,n\nx," + want + ",\n"; got != want {
			t.Errorf("value %q: file is %q, want %q", value, got, want)
		}
	}
}

// parseCSV is a reader of RFC 4180 that forgives nothing. A field without quotes
// that is empty is nil, every other one its text. encoding/csv will not do: it
// takes "\r\n" within quotes for "\n", and does not tell whether there were any.
func parseCSV(text string) ([][]any, error) {
	var rows [][]any
	var fields []any
	for len(text) > 0 {
		var field any
		if text[0] == '"' {
			var value strings.Builder
			for text = text[1:]; ; {
				quote := strings.IndexByte(text, '"')
				if quote < 0 {
					return nil, errors.New("quotes are not closed")
				}
				value.WriteString(text[:quote])
				text = text[quote+1:]
				if !strings.HasPrefix(text, `"`) {
					break
				}
				value.WriteByte('"')
				text = text[1:]
			}
			field = value.String()
		} else if end := strings.IndexAny(text, ",\n\r\""); end > 0 {
			field, text = text[:end], text[end:]
		}
		fields = append(fields, field)
		switch {
		case strings.HasPrefix(text, ","):
		case strings.HasPrefix(text, "\n"):
			rows = append(rows, fields)
			fields = nil
		default:
			return nil, errors.New("field is followed by something else than a comma or a line end")
		}
		text = text[1:]
	}
	if fields != nil {
		return nil, errors.New("last line has no end")
	}
	return rows, nil
}

func FuzzCSV(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, a, b string, n int64, nulls byte) {
		want := []row{{"a", "b", "n"}}
		rows := pairRows(a, b, n, nulls)
		for _, r := range rows {
			if n, ok := r[2].(int64); ok {
				r = row{r[0], r[1], strconv.FormatInt(n, 10)}
			}
			want = append(want, r)
		}
		text := encode(t, newEncoding(t, "csv", ""), pairs, newRecord(t, pairs, rows...))
		got, err := parseCSV(string(text))
		if err != nil {
			t.Fatalf("file %q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

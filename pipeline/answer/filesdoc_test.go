package answer_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// docTable returns the rows below a heading of docs/files.md, cell by cell, and
// the text of the page.
func docTable(t *testing.T, firstCell string) (rows [][]string, page string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/files.md")
	if err != nil {
		t.Fatal(err)
	}
	page = string(text)
	_, after, _ := strings.Cut(page, "| "+firstCell+" |")
	for i, line := range strings.Split(after, "\n") {
		if i < 2 { // the rest of the heading, and the line below it
			continue
		}
		if !strings.HasPrefix(line, "| ") {
			break
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		rows = append(rows, cells)
	}
	if len(rows) < 8 {
		t.Fatalf("docs/files.md has %d rows in its table of what is %s", len(rows), firstCell)
	}
	return rows, page
}

// code returns what stands between the backticks of a cell, and the cell itself
// when there are none.
func code(cell string) string {
	if _, after, ok := strings.Cut(cell, "`"); ok {
		inside, _, _ := strings.Cut(after, "`")
		return inside
	}
	return cell
}

// TestValuesPage does to each value of the page's table what the page says.
func TestValuesPage(t *testing.T) {
	rows, _ := docTable(t, "in the response")
	for _, cells := range rows {
		value := code(cells[0])
		for i, column := range []string{"email", "index", "custom"} {
			result := `{"` + column + `":` + value + `}`
			if value == "absent" {
				result = `{}`
			}
			a, err := answer.Flatten(memory.NewGoAllocator(), &schema.EmailFind, "b", pipelinetest.Completed("["+result+"]"), unlimited)
			if err != nil {
				t.Fatalf("%s: %v", value, err)
			}
			line := fileOf(t, &schema.EmailFind, a, sinks.Encoding{Compression: "none"}, "ndjson")
			a.Release()
			var row map[string]json.RawMessage
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			want, wantExtra := code(cells[i+1]), "null"
			if want == "extra" {
				want = "null"
				var compact bytes.Buffer
				if err := json.Compact(&compact, []byte(result)); err != nil {
					t.Fatal(err)
				}
				quoted, err := json.Marshal(compact.String())
				if err != nil {
					t.Fatal(err)
				}
				wantExtra = string(quoted)
			}
			if got, extra := string(row[column]), string(row["extra"]); got != want || extra != wantExtra {
				t.Errorf("%s in %s: %s with extra %s, the page says %s with extra %s", value, column, got, extra, want, wantExtra)
			}
		}
	}
}

// fileOf returns the text of a file of the answer's rows.
func fileOf(t *testing.T, table *schema.Table, a *answer.Answer, enc sinks.Encoding, format string) string {
	t.Helper()
	enc.Format, _ = sinks.FormatByName(format)
	out, err := encode(table, a.Record, enc)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestFormatsPage writes each value of the page's other table in each format.
func TestFormatsPage(t *testing.T) {
	table, err := schema.EmailFind.Select([]string{"index", "email"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, page := docTable(t, "in the row")
	for _, cells := range rows {
		column, value := "email", `"`+strings.ReplaceAll(code(cells[0]), `"`, `\"`)+`"`
		switch cells[0] {
		case "null":
			value = "null"
		case "the empty string":
			value = `""`
		case "the integer -7":
			column, value = "index", "-7"
		}
		a, err := answer.Flatten(memory.NewGoAllocator(), table, "b", pipelinetest.Completed(`[{"`+column+`":`+value+`}]`), unlimited)
		if err != nil {
			t.Fatal(err)
		}
		plain := sinks.Encoding{Compression: "none"}
		safe := sinks.Encoding{Compression: "none", CSVSafe: true}
		got := []string{
			between(fileOf(t, table, a, plain, "ndjson"), `"`+column+`":`, `,"email"`, "}\n"),
			csvCell(fileOf(t, table, a, plain, "csv"), column),
			csvCell(fileOf(t, table, a, safe, "csv"), column),
		}
		cell, physical := parquetCells(t, []byte(fileOf(t, table, a, sinks.Encoding{Compression: "zstd"}, "parquet")))[column][0], ""
		switch cell := cell.(type) {
		case nil:
			physical = "null"
		case int64:
			physical = "INT64"
		case string:
			physical = "UTF-8"
			if cell == "" {
				physical = "UTF-8, no byte"
			}
		}
		a.Release()
		want := []string{strings.ReplaceAll(code(cells[2]), "nothing", ""), strings.ReplaceAll(code(cells[3]), "nothing", ""), strings.ReplaceAll(code(cells[4]), "nothing", "")}
		if diff := cmp.Diff(want, got); diff != "" || physical != cells[1] {
			t.Errorf("%s: Parquet has %s, text (-page +file):\n%s", cells[0], physical, diff)
		}
	}
	// The digest of the page's example, by the page's own command.
	_, after, _ := strings.Cut(page, "$ printf ")
	command, after, _ := strings.Cut(after, "\n")
	told, _, _ := strings.Cut(after, " ")
	out, err := exec.Command("sh", "-c", "printf "+command).Output()
	if err != nil || !strings.HasPrefix(string(out), told) || len(told) != 64 {
		t.Errorf("the page's command prints %s (%v), the page says %s", out, err, told)
	}
	builder := array.NewRecordBuilder(memory.NewGoAllocator(), (&schema.Table{Columns: []schema.Column{
		{Name: "a"}, {Name: "b"}, {Name: "c", Type: schema.Int64},
	}}).Arrow("x"))
	defer builder.Release()
	builder.Field(0).(*array.StringBuilder).AppendValues([]string{"xx", "y"}, nil)
	builder.Field(1).AppendNulls(2)
	builder.Field(2).(*array.Int64Builder).AppendValues([]int64{-7, 7}, nil)
	rec := builder.NewRecord()
	defer rec.Release()
	if got := sinks.ContentSHA256(rec); got != told {
		t.Errorf("the rows' digest is %s, the page says %s", got, told)
	}
}

// between returns what stands after the first mark and before the nearest end.
func between(text, mark string, ends ...string) string {
	_, text, _ = strings.Cut(text, mark)
	for _, end := range ends {
		text, _, _ = strings.Cut(text, end)
	}
	return text
}

// csvCell returns the cell of a file with the columns batch_id, index and email,
// and one row.
func csvCell(text, column string) string {
	_, row, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\n")
	_, row, _ = strings.Cut(row, ",")
	index, email, _ := strings.Cut(row, ",")
	if column == "index" {
		return index
	}
	return email
}

// Values that are hard on a format come out of all three alike: the rows of
// each file have the digest of the rows, by readers that have not written them.
func TestHardValuesInEveryFormat(t *testing.T) {
	long := strings.Repeat("é", 1<<19)
	for name, value := range map[string]string{
		"1 MiB": `"` + long + `"`, "U+0000": `"a\u0000b"`, "astral": `"\ud83d\ude00𝔸"`, "lone surrogate": `"\udc00\ud800"`,
		"line breaks": `"\r\n\n\r"`, "quotes": `"\"\"',;"`, "beyond a float": `1e400`, "minus zero": `-0`, "beyond 2^53": `9007199254740993`,
		"null": `null`, "empty": `""`, "BOM": `"\ufeff"`, "formula": `"'=1"`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, table := range schema.Tables() {
				var members []string
				for _, c := range table.Columns {
					if c.Origin == schema.FromResult && !strings.Contains(c.Paths[0], ".") {
						members = append(members, `"`+c.Paths[0]+`":`+value)
					}
				}
				result := "{" + strings.Join(members, ",") + "}"
				if !checkFlatten(t, table, "b", pipelinetest.Completed("["+result+",{},"+result+"]"), unlimited) {
					t.Errorf("%s is refused", table.Kind)
				}
			}
		})
	}
}

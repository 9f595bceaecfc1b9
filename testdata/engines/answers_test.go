package engines

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// row is what one result is to be in the database: nil, a string or an int64 for
// each column.
type row map[string]any

// paths says where in a result a column's value comes from. It is written down
// here once more on purpose.
var paths = map[string]map[string]string{
	"email-find": {
		"index": "index", "qualification": "qualification", "email": "email",
		"info_domain": "info.domain", "info_fullname": "info.fullname", "info_firstname": "info.firstname",
		"info_lastname": "info.lastname", "info_gender": "info.gender", "info_company_domain": "info.company_domain",
		"info_company_info_name": "info.companyInfo.name", "raw_params_fullname": "raw_params.fullname",
		"raw_params_company_domain": "raw_params.company_domain", "raw_params_company_name": "raw_params.company_name",
	},
	"email-verify": {"index": "index", "email": "email", "qualification": "qualification"},
	"phone-find": {
		"index": "index", "qualification": "qualification", "number": "number", "country": "country",
		"params_linkedin_url": "params.linkedin_url", "params_firstname": "params.firstname", "params_lastname": "params.lastname",
		"params_company_domain": "params.company_domain", "params_company_name": "params.company_name",
	},
}

// hostile are texts that loaders are known to get wrong.
var hostile = []string{
	"", "NULL", "null", `\N`, `\\N`, "NaN", `say "hi"`, `""`, `"`, "'", "''; DROP TABLE x; --", "a,b", ";", "|", "\t", "line\nbreak",
	"\n", "cr\rhere", "crlf\r\nhere", " led", "trailing ", "\ttab\t", `back\slash`, `\`, `\\`, `\n`, "é", "e\u0301", "Łódź", "😀𝔸", "\ufeffbom",
	"\u2028\u2029", "\x01\x02\x1b\x7f", "\x00", "a\x00\x00b", `\u0000`, `\\u0000`, "\\\x00", "\\\\\x00\\u0000", "\x1a",
	"{\"a\": [1, 2.50]}", "[]", "{}", "$1", "$$", "%s", "=1+1", "-1", "007", "1e400", "true", "2026-01-31", "\u00a0", "#", "--",
}

// batch is one batch of a kind: its rows, and the answer made of them.
type batch struct {
	id   string
	kind string
	rows []row
}

// hostileRows returns rows of a kind with each hostile text in each column, and all
// that an index can be.
func hostileRows(kind string) []row {
	table, _ := schema.TableByKind(kind)
	indexes := []any{int64(0), int64(math.MaxInt64), int64(math.MinInt64), int64(-1), nil, int64(7), int64(7), nil}
	rows := []row{{}} // all null
	for i, text := range hostile {
		r := row{}
		for n, c := range table.Columns {
			switch {
			case c.Name == "index" && c.Type == schema.Int64:
				r["index"] = indexes[i%len(indexes)]
			case c.Name == "extra":
				if i%3 == 0 {
					r["extra"] = `{"zz":` + quoted(text) + `}`
				}
			case c.Origin != schema.FromResult || (i+n)%4 == 3: // some are null
			default:
				r[c.Name] = hostile[(i+n*7)%len(hostile)]
			}
		}
		rows = append(rows, r)
	}
	if _, ok := paths[kind]["number"]; ok || kind == "email-find" {
		rows = append(rows, row{"custom": rawText(`{"b":[1,2.50,1e400],"a":null,"ü":"\u0000"}`)}, row{"custom": rawText("12345678901234567890.10")})
	}
	long := strings.Repeat("long, \"quoted\"\n", 70_000) // a mebibyte
	return append(rows, row{"qualification": long, "extra": `{"zz":` + quoted(long) + `}`})
}

// rawText is a custom that is not a string: the column has its text.
type rawText string

// manyRows returns n rows of usual length.
func manyRows(kind string, n int, seed uint64) []row {
	random := rand.New(rand.NewPCG(seed, 1))
	table, _ := schema.TableByKind(kind)
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{}
		for _, c := range table.Columns {
			switch {
			case c.Origin != schema.FromResult || random.IntN(5) == 0:
			case c.Name == "index" && c.Type == schema.Int64:
				rows[i]["index"] = int64(i)
			default:
				rows[i][c.Name] = fmt.Sprintf("%s %d %s", c.Name, random.IntN(1000), hostile[random.IntN(len(hostile))])
			}
		}
	}
	return rows
}

// answer returns the API's answer for the batch.
func (b batch) answer(t *testing.T) []byte {
	t.Helper()
	results := make([]json.RawMessage, len(b.rows))
	for i, r := range b.rows {
		result := make(map[string]any)
		put := func(path string, value any) {
			at := result
			keys := strings.Split(path, ".")
			for _, key := range keys[:len(keys)-1] {
				if at[key] == nil {
					at[key] = make(map[string]any)
				}
				at = at[key].(map[string]any)
			}
			at[keys[len(keys)-1]] = value
		}
		for column, path := range paths[b.kind] {
			if value := r[column]; value != nil || i%2 == 0 { // null or absent: the same
				put(path, value)
			}
		}
		switch custom := r["custom"].(type) {
		case rawText:
			result["custom"] = json.RawMessage(custom)
		case string:
			result["custom"] = custom
		}
		if extra, ok := r["extra"].(string); ok {
			result["zz"] = json.RawMessage(strings.TrimSuffix(strings.TrimPrefix(extra, `{"zz":`), "}"))
		}
		results[i] = marshal(t, result)
	}
	return marshal(t, map[string]any{
		"general": map[string]any{"id": b.id, "status": "completed", "custom": "for \"" + b.id + "\""},
		"stats":   map[string]any{"requested": len(b.rows), "finished": len(b.rows)},
		"results": results,
	})
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

// quoted returns text as a JSON string.
func quoted(text string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		panic(err) // a string has a JSON form
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// want returns the rows of the batch as the database is to have them, each as the
// JSON text of its values, null where the columns were not chosen.
func (b batch) want(columns []string, replace func(string) string) []string {
	table, _ := schema.TableByKind(b.kind)
	chosen := func(name string) bool {
		for _, c := range columns {
			if c == name {
				return true
			}
		}
		return columns == nil || name == "batch_id"
	}
	var all []string
	for _, r := range b.rows {
		values := make([]any, len(table.Columns))
		for i, c := range table.Columns {
			value := r[c.Name]
			switch c.Name {
			case "batch_id":
				value = b.id
			case "batch_custom":
				value = "for \"" + b.id + "\""
			}
			if raw, ok := value.(rawText); ok {
				value = string(raw)
			}
			if text, ok := value.(string); ok && replace != nil {
				value = replace(text)
			}
			if chosen(c.Name) {
				values[i] = value
			}
		}
		all = append(all, encodeRow(values))
	}
	return all
}

// encodeRow returns a text that tells one row from another.
func encodeRow(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		switch value := value.(type) {
		case nil:
			texts[i] = "-"
		case string:
			texts[i] = quoted(value)
		default:
			texts[i] = fmt.Sprint(value)
		}
	}
	return strings.Join(texts, "\x1f")
}

// add gives the batch to the API.
func (b batch) add(t *testing.T, api *fakeapi.Server) {
	table, _ := schema.TableByKind(b.kind)
	api.Add(fakeapi.Batch{ID: b.id, Table: table, Body: b.answer(t)})
}

package answer_test

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"enrow-export/schema"
)

// What "nothing is lost" means: the results rebuilt from the rows equal those
// of the answer, once both are brought to one normal form. In it declared nulls
// are dropped, then declared objects that are left empty; integer strings in
// integer columns are numbers; values of Text columns are their text. All of it
// is done here with encoding/json, which shares no code with the flattening.

// declared is the tree of a table's result columns, built from the paths alone.
type declared struct {
	column *schema.Column
	below  map[string]*declared
}

func declaredTree(table *schema.Table) *declared {
	root := &declared{below: map[string]*declared{}}
	for i, c := range table.Columns {
		if c.Origin != schema.FromResult {
			continue
		}
		for _, path := range c.Paths {
			n := root
			for key := range strings.SplitSeq(path, ".") {
				if n.below[key] == nil {
					n.below[key] = &declared{below: map[string]*declared{}}
				}
				n = n.below[key]
			}
			n.column = &table.Columns[i]
		}
	}
	return root
}

// normalResult returns the normal form of one result of an answer.
func normalResult(t *testing.T, raw json.RawMessage, n *declared) map[string]any {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatalf("result is not an object: %v", err)
	}
	normal := make(map[string]any)
	for key, value := range members {
		d := n.below[key]
		value = bytes.TrimSpace(value)
		switch {
		case d == nil:
			normal[key] = decodeAny(t, value)
		case string(value) == "null":
		case d.column != nil:
			normal[key] = normalCell(t, d.column.Type, value)
		case value[0] == '{':
			if object := normalResult(t, value, d); len(object) > 0 {
				normal[key] = object
			}
		default:
			normal[key] = decodeAny(t, value)
		}
	}
	return normal
}

var integer = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func normalCell(t *testing.T, typ schema.Type, raw json.RawMessage) any {
	t.Helper()
	value := decodeAny(t, raw)
	text, isString := value.(string)
	switch {
	case typ == schema.Int64 && isString && integer.MatchString(text) && text != "-0":
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(text)
		}
	case typ == schema.Text && !isString:
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			t.Fatal(err)
		}
		return compact.String()
	}
	return value
}

// normalSpellings puts the values of all spellings of one key together, as the
// set of their JSON texts: which of two differing ones is in the column and
// which is left over is for other tests.
func normalSpellings(object map[string]any, n *declared) map[string]any {
	byColumn := make(map[*schema.Column][]string)
	for key, d := range n.below {
		if d.column != nil {
			byColumn[d.column] = append(byColumn[d.column], key)
		} else if below, ok := object[key].(map[string]any); ok {
			normalSpellings(below, d)
		}
	}
	for column, keys := range byColumn {
		var values []string
		for _, key := range keys {
			if value, ok := object[key]; ok && len(keys) > 1 {
				text, _ := json.Marshal(value) // of what was decoded from JSON
				values = append(values, string(text))
				delete(object, key)
			}
		}
		if values != nil {
			slices.Sort(values)
			object[column.Name] = slices.Compact(values)
		}
	}
	return object
}

// decodeAny decodes a value with its numbers as they are written.
func decodeAny(t *testing.T, raw []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("decode value: %v", err)
	}
	return v
}

// rebuild returns the normal form of a result from its row alone.
func rebuild(t *testing.T, table *schema.Table, rec arrow.Record, row int) map[string]any {
	t.Helper()
	result := make(map[string]any)
	if extra := rec.Column(int(rec.NumCols()) - 1).(*array.String); extra.IsValid(row) {
		result = decodeAny(t, []byte(extra.Value(row))).(map[string]any)
	}
	for i, c := range table.Columns {
		if c.Origin != schema.FromResult || rec.Column(i).IsNull(row) {
			continue
		}
		object, last := freePath(t, result, c)
		switch column := rec.Column(i).(type) {
		case *array.Int64:
			object[last] = json.Number(strconv.FormatInt(column.Value(row), 10))
		case *array.String:
			object[last] = column.Value(row)
		}
	}
	return result
}

// freePath returns where a result under construction takes the value of a column:
// the object and the key of the first spelling that is not a leftover.
func freePath(t *testing.T, result map[string]any, c schema.Column) (object map[string]any, key string) {
	t.Helper()
	for _, path := range c.Paths {
		object = result
		keys := strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			if object[key] == nil {
				object[key] = make(map[string]any)
			}
			object = object[key].(map[string]any)
		}
		key = keys[len(keys)-1]
		if _, taken := object[key]; !taken {
			return object, key
		}
	}
	t.Fatalf("column %s and extra both have its value", c.Name)
	return nil, ""
}

// answerParts decodes an answer with encoding/json.
func answerParts(t *testing.T, body []byte) (general map[string]json.RawMessage, results []json.RawMessage) {
	t.Helper()
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("decode answer: %v", err)
	}
	if err := json.Unmarshal(answer["general"], &general); err != nil {
		t.Fatalf("decode general: %v", err)
	}
	if err := json.Unmarshal(answer["results"], &results); err != nil {
		t.Fatalf("decode results: %v", err)
	}
	return general, results
}

const unlimited = math.MaxInt64

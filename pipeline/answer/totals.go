package answer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
)

// Mismatch is a control total of an answer that its results do not add up to.
type Mismatch struct {
	// Total is where the answer says it: "stats.requested".
	Total string `json:"total"`
	// Says is the total, nil when what stands there is no count at all.
	Says *int64 `json:"says,omitempty"`
	// Counted is what the results have instead.
	Counted int64 `json:"counted"`
}

func (m Mismatch) String() string {
	if m.Says == nil {
		return fmt.Sprintf("%s is not a count, the results have %d", m.Total, m.Counted)
	}
	return fmt.Sprintf("%s is %d, the results have %d", m.Total, *m.Says, m.Counted)
}

// Credits are what Enrow says that a batch cost. They come in quarters. The columns of
// these names in schema.Batches declare where an answer has them.
type Credits struct {
	Spent    float64 // credits_spent
	Refunded float64 // credits_refunded
}

// mismatches compares the totals of stats with the rows. What stats lacks, or
// has as null, is not compared. Rows that are themselves ongoing may be left
// out of the number that is finished.
func mismatches(table *schema.Table, stats jsontext.Value, rows, found, ongoingRows int64) []Mismatch {
	var differing []Mismatch
	for _, total := range []struct {
		key            string
		counted, least int64
	}{
		{"requested", rows, rows},
		{"finished", rows, rows - ongoingRows},
		{table.Found, found, found},
	} {
		value := schema.Member(stats, total.key)
		if total.key == "" || value == nil || value.Kind() == 'n' {
			continue
		}
		m := Mismatch{Total: "stats." + total.key, Counted: total.counted}
		if says, ok := Count(value); ok {
			if total.least <= says && says <= total.counted {
				continue
			}
			m.Says = &says
		}
		differing = append(differing, m)
	}
	return differing
}

// Count returns the whole number that a value is, however it is spelled: 3,
// "3", 3.0 and 3e0 are one.
func Count(value jsontext.Value) (int64, bool) {
	if k := value.Kind(); k != '0' && k != '"' {
		return 0, false
	}
	if n, ok := schema.Integer(value); ok {
		return n, true
	}
	const exact = 1 << 53 // from here on not every integer is a float64
	f, ok := number(value)
	if !ok || f != math.Trunc(f) || math.Abs(f) >= exact {
		return 0, false
	}
	return int64(f), true
}

// number returns the value of a JSON number that a float64 can hold.
func number(value jsontext.Value) (float64, bool) {
	if value.Kind() != '0' {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	return f, err == nil
}

// Found returns how many rows found what was searched for, as an envelope says; false if
// it does not say.
func Found(table *schema.Table, envelope jsontext.Value) (int64, bool) {
	n, ok := Count(schema.Lookup(envelope, "stats."+table.Found))
	return n, ok && n >= 0
}

// CreditsOf returns the cost of a batch by its envelope. A number that is missing is 0.
func CreditsOf(envelope jsontext.Value) Credits { return credits(envelope) }

// credits returns what an envelope says of the cost. What it does not say is 0.
func credits(envelope jsontext.Value) Credits {
	return Credits{amount(envelope, "credits_spent"), amount(envelope, "credits_refunded")}
}

// amount returns the credits that fill a column of schema.Batches, 0 when there is no
// number, or one that cannot be credits.
func amount(envelope jsontext.Value, column string) float64 {
	const most = 1e9
	for _, path := range schema.Batches.Column(column).Paths {
		value := schema.Lookup(envelope, strings.TrimPrefix(path, "batch."))
		if f, ok := number(value); ok && math.Abs(f) <= most {
			return f
		}
	}
	return 0
}

// countQualified counts the rows that have the qualification.
func countQualified(rec arrow.Record, qualification string) int64 {
	column, ok := schema.ColumnOf(rec, "qualification").(*array.String)
	if !ok {
		return 0
	}
	var n int64
	for row := range column.Len() {
		if column.IsValid(row) && column.Value(row) == qualification {
			n++
		}
	}
	return n
}

// indexWarnings says which numbers of the column index are missing between its
// lowest and its highest, and which come twice. It says nothing when some index
// is not a number.
func indexWarnings(rec arrow.Record) []string {
	index := indexes(schema.ColumnOf(rec, "index"))
	if len(index) == 0 {
		return nil
	}
	if !slices.IsSorted(index) {
		index = slices.Sorted(slices.Values(index))
	}
	var missing, repeats uint64
	var firstMissing, firstRepeat int64
	for i := 1; i < len(index); i++ {
		switch gap := uint64(index[i]) - uint64(index[i-1]); gap {
		case 0:
			if repeats == 0 {
				firstRepeat = index[i]
			}
			repeats++
		case 1:
		default:
			if missing == 0 {
				firstMissing = index[i-1] + 1
			}
			missing += gap - 1
		}
	}
	var warnings []string
	if missing > 0 {
		warnings = append(warnings, fmt.Sprintf("index has gaps: %d missing between %d and %d, the first is %d",
			missing, index[0], index[len(index)-1], firstMissing))
	}
	if repeats > 0 {
		warnings = append(warnings, fmt.Sprintf("index has repeats: %d, the first is %d", repeats, firstRepeat))
	}
	return warnings
}

// indexes returns the numbers of a column, which are not the caller's to change,
// nil unless every row has one.
func indexes(column arrow.Array) []int64 {
	if column == nil || column.NullN() > 0 {
		return nil
	}
	switch column := column.(type) {
	case *array.Int64:
		return column.Int64Values()
	case *array.String:
		var index []int64
		for row := range column.Len() {
			n, err := strconv.ParseInt(column.Value(row), 10, 64)
			if err != nil {
				return nil
			}
			index = append(index, n)
		}
		return index
	}
	return nil
}

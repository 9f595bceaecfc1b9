package manifest

import (
	"math"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline/answer"
)

// Totals is what Enrow says about the results of a batch as a whole.
type Totals struct {
	// Found is the number of rows that found what was searched for, nil if Enrow does not
	// say it.
	Found *int64 `json:"f,omitempty"`
	// Spent and Refunded are credits.
	Spent    float64 `json:"s,omitempty"`
	Refunded float64 `json:"r,omitempty"`
}

// mostCredits bounds credits, so that they can be added up.
const mostCredits = 1e12

// Totals returns the totals of an entry, nil if Enrow has not answered about the batch.
func (m Manifest) Totals(e *Entry) *Totals {
	if e.Batch == nil {
		return e.Totals
	}
	envelope := jsontext.Value(e.Batch)
	credits := answer.CreditsOf(envelope)
	t := &Totals{Spent: credits.Spent, Refunded: credits.Refunded}
	if n, ok := answer.Found(m.Table, envelope); ok && isCount(n, mostRows) {
		t.Found = &n
	}
	return t
}

// valid reports whether totals can be of a batch. A nil t can.
func (t *Totals) valid() bool {
	return t == nil || (t.Found == nil || isCount(*t.Found, mostRows)) &&
		math.Abs(t.Spent) <= mostCredits && math.Abs(t.Refunded) <= mostCredits
}

package pipeline

import (
	"bytes"
	"context"

	"enrow-export/schema"
)

// DefaultMaxBody is the longest answer in bytes that is accepted unless the user says
// otherwise. An answer of 5,000 results has about 1.3 MB.
const DefaultMaxBody = 64 << 20

// Source is where answers come from: the API, or a stand-in for it.
type Source interface {
	// Fetch returns the whole answer for one batch, however long it takes
	// to retry what may be retried, or an *Error. The bytes may be anything
	// that is Complete; what they mean is not the source's business. A source that
	// was told of Config.Stop may return an *Error with ErrStopped for a batch that
	// it does not wait for an answer to: that one counts as not begun.
	//
	// They may be in buf, from its beginning on, if its capacity is enough, or
	// in another slice, as with append. Either way the caller owns what is
	// returned, and may pass it to a later Fetch once it is done with the
	// bytes. A nil buf is fine. What buf held is lost, even when Fetch fails,
	// but buf is the caller's again as soon as Fetch has returned.
	//
	// Fetch may be called from many goroutines at once, each with a buf of
	// its own.
	Fetch(ctx context.Context, table *schema.Table, batchID string, buf []byte) ([]byte, error)
}

// Complete reports whether body could be a whole answer: whether the JSON value
// that it begins with seems to be closed. A proper prefix of a JSON object, unless
// it was cut behind a bracket, and an empty body are not complete, so a source
// takes them for a cut connection and asks again. Anything that never opens a value
// (a page of HTML) counts as complete: asking again would not help.
//
// It looks at the ends only, where it can: whoever reads the body notices the rest.
func Complete(body []byte) bool {
	end := bytes.TrimRight(body, " \t\r\n")
	if len(end) > 0 && (end[len(end)-1] == '}' || end[len(end)-1] == ']') {
		return true
	}
	return schema.ScanNesting(body).Closed
}

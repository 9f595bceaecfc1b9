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
	// Fetch returns the whole answer for one batch, or an *Error. It retries what may
	// be retried, however long that takes. The bytes may be anything that is
	// Complete: what they mean is not the source's business.
	//
	// A source that was told that the run is to stop (export.Config.Stop) may return
	// an *Error with ErrStopped instead of waiting for an answer. The batch then
	// counts as not begun.
	//
	// The answer may be in buf, from its beginning on, if the capacity of buf is
	// enough, or in another slice, as with append. The caller owns the slice that is
	// returned, and may pass it to a later Fetch. A nil buf is fine. The content of
	// buf is lost, even when Fetch fails, but buf is the caller's again when Fetch
	// has returned.
	//
	// Fetch may be called from many goroutines at once, each with a buf of its own.
	Fetch(ctx context.Context, table *schema.Table, batchID string, buf []byte) ([]byte, error)
}

// Complete reports whether body could be a whole answer: whether the JSON value that
// it begins with seems to be closed. An empty body is not complete, nor is a proper
// prefix of a JSON object unless it was cut behind a bracket: a source takes them for
// a cut connection and asks again. A body that never opens a value (a page of HTML) is
// complete: asking again would not help.
//
// Complete looks at the ends of the body alone if it can. Reading the body finds the
// rest.
func Complete(body []byte) bool {
	end := bytes.TrimRight(body, " \t\r\n")
	if len(end) > 0 && (end[len(end)-1] == '}' || end[len(end)-1] == ']') {
		return true
	}
	return schema.ScanNesting(body).Closed
}

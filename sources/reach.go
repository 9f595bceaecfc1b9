package sources

import (
	"sync/atomic"

	"enrow-export/pipeline"
)

const (
	// goneAfter is how many tries in a row, of all batches together, are without an
	// answer of the API before it counts as gone: as many as one batch has by
	// default. Whoever wants few retries would else lose a run to one connection
	// that was refused.
	goneAfter = 6
	// failedAfter is how many batches in a row have to fail when somebody is there
	// who takes connections: closing them, being silent or answering 502 may be
	// because of the batch, which would then end every run that asks for it.
	failedAfter = 3
)

// reach is what the tries of a Client tell, those of all its goroutines together,
// of whether the API is there.
type reach struct {
	answers atomic.Int64 // that have come, of whatever kind
	// Since the last of them:
	unconnected atomic.Int64 // tries that were
	// Since the last one that was the API's:
	missed atomic.Int64 // tries that were unanswered
	failed atomic.Int64 // batches that failed because of that
}

// heard notes that an answer has come. What it is the caller may not know yet.
func (r *reach) heard() {
	r.answers.Add(1)
	r.unconnected.Store(0)
}

// tried notes what became of a try, nil for an answer about the batch. A failure that
// is neither an answer of the API nor the lack of one counts for nothing.
func (r *reach) tried(f *failure) {
	switch {
	case f == nil, f.class == pipeline.Refused:
		r.missed.Store(0)
		r.failed.Store(0)
	case f.unanswered:
		r.missed.Add(1)
	}
	if f != nil && f.unconnected {
		r.unconnected.Add(1)
	}
}

// gone notes that a batch fails because its last try was unanswered, and reports
// whether the API is there for no batch any more. Before the first try of the batch so
// many answers had come: when nobody takes connections, none since is enough.
func (r *reach) gone(last *failure, heard int64) bool {
	failed := r.failed.Add(1)
	if last.unconnected && !last.connected && r.answers.Load() == heard && r.unconnected.Load() >= goneAfter {
		return true
	}
	return failed >= failedAfter && r.missed.Load() >= goneAfter
}

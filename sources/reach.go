package sources

import "sync/atomic"

const (
	// goneAfter is how many tries in a row, of all batches together, are without
	// a connection before the API counts as gone: as many as one batch has by
	// default. Whoever wants few retries would else lose a run to one connection
	// that was refused.
	goneAfter = 6
	// droppedAfter is how many batches in a row have to fail when somebody is
	// there who takes connections and closes them: that may be because of the
	// batch, which would then end every run that asks for it.
	droppedAfter = 3
)

// reach is what the tries of a Client tell, those of all its goroutines together,
// of whether the API can be reached.
type reach struct {
	answers atomic.Int64 // that have come, of whatever kind
	// Since the last of them:
	missed atomic.Int64 // tries that were unconnected
	failed atomic.Int64 // batches that failed because of that
}

// answered notes an answer.
func (r *reach) answered() {
	r.answers.Add(1)
	r.missed.Store(0)
	r.failed.Store(0)
}

// gone notes that a batch fails because its last try was unconnected, for want of
// any connection or of one that was kept, and reports whether the API cannot be
// reached any more. Before the first try of the batch so many answers had come: if
// there was another one since, the API is there for others at least.
func (r *reach) gone(answers int64, connected bool) bool {
	failed := r.failed.Add(1)
	return r.answers.Load() == answers && r.missed.Load() >= goneAfter && (!connected || failed >= droppedAfter)
}

package sources

import (
	"sync"

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
// of whether the API is there. Somebody who takes connections may be out of order for
// one endpoint alone, so each is judged by its own tries.
type reach struct {
	mu      sync.Mutex
	answers int64 // that have come, of whatever kind
	// Since the last of them:
	unconnected int // tries that were
	// Since the last one that was the API's, by any endpoint:
	failed    int // batches that failed because of that
	endpoints map[string]*endpoint
}

// endpoint counts since the last answer of the API that has come from it.
type endpoint struct {
	missed int // tries that were unanswered
	failed int // batches that failed because of that
}

// at returns the counts of an endpoint. The caller holds the lock.
func (r *reach) at(path string) *endpoint {
	if r.endpoints == nil {
		r.endpoints = make(map[string]*endpoint)
	}
	if r.endpoints[path] == nil {
		r.endpoints[path] = new(endpoint)
	}
	return r.endpoints[path]
}

// heard notes that an answer has come. What it is the caller may not know yet.
func (r *reach) heard() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers++
	r.unconnected = 0
}

// heardSoFar returns how many answers have come.
func (r *reach) heardSoFar() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers
}

// tried notes what became of a try at an endpoint, nil for an answer about the batch. A
// failure that is neither an answer of the API nor the lack of one counts for nothing.
func (r *reach) tried(path string, f *failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case f == nil, f.class == pipeline.Refused:
		*r.at(path) = endpoint{}
		r.failed = 0
	case f.unanswered:
		r.at(path).missed++
	}
	if f != nil && f.unconnected {
		r.unconnected++
	}
}

// silent reports whether an endpoint is there for no batch any more, and how many tries
// in a row say so. Where batches have failed at another one, and nobody has had an
// answer since, the tries of a single batch are enough.
func (r *reach) silent(path string) (missed int, silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.at(path)
	return e.missed, e.missed >= goneAfter && max(e.failed, r.failed) >= failedAfter
}

// fail notes that a batch fails because its last try was unanswered, and reports whether
// nobody takes connections any more, at whatever endpoint. Before the first try of the
// batch so many answers had come: none since is enough.
func (r *reach) fail(path string, last *failure, heard int64) (gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at(path).failed++
	r.failed++
	return last.unconnected && !last.connected && r.answers == heard && r.unconnected >= goneAfter
}

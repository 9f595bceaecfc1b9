// Package fakeapi is the Enrow API in small: an http.Handler that serves the
// results of bulk searches and verifications, of every kind, and the credits of
// the account, as the vendor does,
// for demonstrations and for tests that must not cost credits or need a network.
//
// A Server holds Batches: the vendor's own Sample, made-up ones of any size
// (Generate, GenerateKind) or saved answers (LoadDir), and those that a POST starts, with
// made-up results. It can announce batches to a webhook, as the vendor does. What makes it worth having is how it
// fails. Batches are ongoing for their first polls, the older answers of the
// API are there beside today's (Options), and a script of Steps, each the
// answer to one request, plays the vendor's errors and a network's: error
// bodies in every documented shape, cut connections, answers that never come.
// Steps count requests and not time, so that a test of a retry needs no clock.
//
//	api := fakeapi.New(fakeapi.Options{})
//	api.Add(fakeapi.Sample())
//	steps, err := fakeapi.ParseScript("503x2,truncate:100")
//	api.Script(fakeapi.Sample().ID, steps...) // the fourth request is answered
//	listener, err := api.Listen("127.0.0.1:0")
package fakeapi

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"enrow-export/schema"
)

// Options say which of the API's ways a Server has; the zero value is the API
// of today.
type Options struct {
	// Keys are the API keys that are accepted; any but the empty one if there
	// are none.
	Keys []string
	// OngoingStatus is the status code of the answer for an ongoing batch:
	// 200 by default, 202 as older versions of the API had it.
	OngoingStatus int
	// UnknownStatus is the status code of the answer for an unknown id: 400 by
	// default, 404 as older versions of the API had it.
	UnknownStatus int
	// Credits are what is left in the account of each key, some by default.
	Credits float64
	// FinishAfter is how long a batch that a POST starts is ongoing. Then it is
	// announced; at once by default.
	FinishAfter time.Duration
	// OngoingPolls is the Batch.OngoingPolls of each such batch, which may be announced
	// before. Whether the vendor's notice is ever ahead of its answers is not known.
	OngoingPolls int
	// Webhook is the URL that batches are announced to when they finish; none are if it is
	// empty. The vendor takes https alone; here http does, too.
	Webhook string
	// Announced is called, if it is not nil, after each announcement but those of
	// Announce, by several goroutines at once. It must not close the Server.
	Announced func(id string, err error)
}

// Batch is one batch that a Server knows.
type Batch struct {
	ID string
	// Table is of the batch's kind; nil for bulk e-mail searches. Only its
	// endpoint knows the batch.
	Table *schema.Table
	// Body is the whole answer once the batch is finished. It is not copied,
	// and not looked at but for Requested.
	Body []byte
	// OngoingPolls is how many requests are answered that the batch is still
	// ongoing before Body is served. Steps that say so are among them.
	OngoingPolls int
	// Requested is the number of searches that such an answer mentions; Add
	// takes it from the stats of Body when it is 0.
	Requested int
	// Script is played before anything else is answered for the batch.
	Script []Step
}

// Server is the API. It serves from any number of goroutines at once, and what
// it holds may be changed meanwhile.
type Server struct {
	opts   Options // Webhook under mu
	client *http.Client
	seed   uint64 // of the batches that are started

	open  context.Context // ends when the Server is closed
	close context.CancelFunc
	tasks sync.WaitGroup // announcements; none begins once open has ended

	mu       sync.Mutex
	started  int // batches
	batches  map[string]*batch
	scripts  map[string][]Step // what is left of them, by batch id, "" for any
	requests map[string]int
}

// batch is a Batch and what became of it.
type batch struct {
	Batch
	zipped func() []byte // Body compressed, made once
	polls  int           // how often it was said to be ongoing
	timer  *time.Timer   // until it finishes; nil if it has, or has no time for that
}

// New returns a Server without batches.
func New(opts Options) *Server {
	if opts.OngoingStatus == 0 {
		opts.OngoingStatus = http.StatusOK
	}
	if opts.UnknownStatus == 0 {
		opts.UnknownStatus = http.StatusBadRequest
	}
	if opts.Credits == 0 {
		opts.Credits = defaultCredits
	}
	opts.Keys = slices.Clone(opts.Keys)
	open, cancel := context.WithCancel(context.Background())
	return &Server{
		opts:     opts,
		client:   newAnnouncer(),
		seed:     rand.Uint64(),
		open:     open,
		close:    cancel,
		batches:  map[string]*batch{},
		scripts:  map[string][]Step{},
		requests: map[string]int{},
	}
}

// Add makes b known, in place of an earlier batch of the same id. Its script
// comes after what is left of earlier ones for that id.
func (s *Server) Add(b Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(b)
}

// add is Add for a caller that holds the lock.
func (s *Server) add(b Batch) *batch {
	if b.Requested == 0 {
		b.Requested = requested(b.Body)
	}
	if b.Table == nil {
		b.Table = &schema.EmailFind
	}
	added := &batch{Batch: b, zipped: sync.OnceValue(func() []byte { return compress(b.Body) })}
	s.batches[b.ID] = added
	s.scripts[b.ID] = append(s.scripts[b.ID], b.Script...)
	return added
}

// requested returns stats.requested of an answer, 0 when it has none.
func requested(body []byte) int {
	var answer struct {
		Stats struct{ Requested int }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0
	}
	return answer.Stats.Requested
}

// Script puts steps behind what is left of the script for id, which may be
// unknown. With an empty id they are for requests for any id, and come before
// the script of that id itself. A request without an accepted key or without an
// id takes no step, nor does one that starts a batch.
func (s *Server) Script(id string, steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[id] = append(s.scripts[id], steps...)
}

// Requests returns how many requests for the results of id have come, however
// they were answered; with an empty id, of all.
func (s *Server) Requests(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		return s.requests[id]
	}
	total := 0
	for _, n := range s.requests {
		total += n
	}
	return total
}

// Close ends the answers that hang, now and from now on, as if their clients
// had gone, and cuts announcements, and returns when none is under way. No batch finishes
// by time any more. It may be called more than once.
func (s *Server) Close() {
	s.mu.Lock()
	s.close()
	for _, b := range s.batches {
		if b.timer != nil {
			b.timer.Stop()
		}
	}
	s.mu.Unlock()
	s.tasks.Wait()
}

// ServeHTTP answers as the API does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == accountEndpoint {
		s.account(w, r)
		return
	}
	table := s.table(r.URL.Path)
	if table == nil {
		sendMessage(w, r, http.StatusNotFound, "Not Found")
		return
	}
	id := r.URL.Query().Get("id")
	if r.Method == http.MethodGet {
		s.count(id)
	}
	methods := []string{http.MethodGet}
	if _, made := makers[table.Kind]; made {
		methods = append(methods, http.MethodPost)
	}
	switch {
	case !s.accepts(w, r, methods...):
	case r.Method == http.MethodPost:
		s.start(w, r, table)
	case id == "":
		sendMessage(w, r, http.StatusBadRequest, missingID)
	default:
		s.play(w, r, question{table, id}, s.next(id))
	}
}

// question is what a request asks for.
type question struct {
	table *schema.Table
	id    string
}

// table returns the table whose results an endpoint has, nil when there is none.
func (s *Server) table(endpoint string) *schema.Table {
	for _, t := range schema.Tables() {
		if t.Endpoint == endpoint {
			return t
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		if b.Table.Endpoint == endpoint {
			return b.Table
		}
	}
	return nil
}

// batch returns what is known of the batch asked for, nil when that is nothing.
// The caller holds the lock.
func (s *Server) batch(q question) *batch {
	if b := s.batches[q.id]; b != nil && b.Table.Endpoint == q.table.Endpoint {
		return b
	}
	return nil
}

func (s *Server) count(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[id]++
}

// next takes the step that is next for id; the normal answer when none is left.
func (s *Server) next(id string) Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range []string{"", id} {
		if steps := s.scripts[key]; len(steps) > 0 {
			s.scripts[key] = steps[1:]
			return steps[0]
		}
	}
	return Step{}
}

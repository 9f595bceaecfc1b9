package fakeapi

import (
	"fmt"
	"io"
	"net/http"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
)

// maxStart bounds the body of a request that starts a batch.
const maxStart = 16 << 20

// start answers a POST that starts a batch.
//
// The path, the method, the key, the most searches of a batch and "id" in the answer are the
// vendor's. The rest is made up, as the project has no description of it: any JSON object is
// taken, its longest array is taken for the searches, the results are invented, and no
// credits are spent. The vendor's limit of 10 such requests a second is not enforced.
func (s *Server) start(w http.ResponseWriter, r *http.Request, table *schema.Table) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStart))
	if err != nil {
		sendMessage(w, r, http.StatusBadRequest, "Could not read the request body")
		return
	}
	searches, custom, ok := parseStart(body)
	if !ok {
		sendMessage(w, r, http.StatusBadRequest, "The request body is not a JSON object")
		return
	}
	if most := makers[table.Kind].most; searches > most {
		sendMessage(w, r, http.StatusBadRequest, fmt.Sprintf("A batch has at most %d searches", most))
		return
	}
	s.mu.Lock()
	n := s.started
	s.started++
	s.mu.Unlock()
	b := generate(table.Kind, GenerateID(s.seed, n), searches, s.seed+uint64(n), custom)
	b.OngoingPolls = s.opts.OngoingPolls
	s.launch(b)
	a := jsonAnswer(http.StatusOK, struct {
		ID string `json:"id"`
	}{b.ID})
	a.send(w, a.encode(w, r))
}

// parseStart returns how many searches are in the body of a request that starts a batch, at
// least one, and its "custom", null if there is none. It reports whether body is a JSON object.
func parseStart(body []byte) (searches int, custom []byte, ok bool) {
	var members map[string]jsontext.Value
	if err := jsonv2.Unmarshal(body, &members); err != nil || members == nil {
		return 0, nil, false
	}
	searches, custom = 1, []byte("null")
	for name, value := range members {
		var elements []jsontext.Value
		switch {
		case name == "custom":
			custom = value
		case value.Kind() == '[' && jsonv2.Unmarshal(value, &elements) == nil:
			searches = max(searches, len(elements))
		}
	}
	return searches, custom, true
}

// launch adds a batch that finishes after a while.
func (s *Server) launch(b Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := s.add(b)
	if s.opts.FinishAfter <= 0 {
		s.announceSoon(b.ID)
		return
	}
	added.timer = time.AfterFunc(s.opts.FinishAfter, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if added.timer != nil { // Finish was not sooner
			added.timer = nil
			s.announceSoon(b.ID)
		}
	})
}

// Finish ends the batch of that id now: it is not ongoing any more, and is announced. It
// does not wait for the announcement. An unknown batch is left alone.
func (s *Server) Finish(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.batches[id]
	if b == nil {
		return
	}
	b.OngoingPolls = 0
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	s.announceSoon(id)
}

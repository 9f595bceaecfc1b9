package fakeapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"enrow-export/schema"
)

// What the API says, in its own words.
const (
	noKey        = "No apikey found in the x-api-key headers"
	wrongKey     = "This apikey is not valid"
	missingID    = "Missing id in the query params"
	unreadable   = "Could not retrieve bulk search results"
	unverifiable = "Could not retrieve bulk verification results"
	notFound     = "Bulk search not found"
	tooMany      = "Too Many Requests"
)

// The statuses of a batch without results.
const (
	statusOngoing = "ongoing"
	statusFailed  = "failed"
)

const jsonType = "application/json"

// answer is one answer before it is encoded for a client.
type answer struct {
	status      int
	contentType string // none when empty
	body        []byte
	zipped      func() []byte // returns body compressed; nil if nobody keeps that
}

// jsonAnswer returns the answer with v as its JSON body.
func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only called with structs of strings and numbers
	}
	return answer{status: status, contentType: jsonType, body: body}
}

func sendMessage(w http.ResponseWriter, r *http.Request, status int, message string) {
	a := jsonAnswer(status, errorBody{Message: message})
	a.send(w, a.encode(w, r))
}

// errorBody is the body of an error.
type errorBody struct {
	Message string `json:"message"`
}

// reducedBody is the answer for a batch without results: one that is ongoing,
// or that has failed.
type reducedBody struct {
	General struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	} `json:"general"`
	Stats struct {
		Finished  *int `json:"finished,omitempty"` // verifications do not tell
		Requested int  `json:"requested"`
	} `json:"stats"`
}

func reduced(httpStatus int, q question, status string, finished, requested int) answer {
	var body reducedBody
	body.General.ID, body.General.Status = q.id, status
	body.Stats.Requested = requested
	if q.table.Kind != schema.EmailVerify.Kind {
		body.Stats.Finished = &finished
	}
	return jsonAnswer(httpStatus, body)
}

// normal returns what is answered without a script.
func (s *Server) normal(q question) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.batch(q)
	if b != nil && (b.timer != nil || b.polls < b.OngoingPolls) {
		return s.ongoing(q, 0)
	}
	return s.finished(q)
}

// finished returns the answer for a batch that is not ongoing any more. The
// caller holds the lock.
func (s *Server) finished(q question) answer {
	b := s.batch(q)
	switch {
	case b != nil:
		return answer{status: http.StatusOK, contentType: jsonType, body: b.Body, zipped: b.zipped}
	case s.opts.UnknownStatus == http.StatusNotFound:
		return jsonAnswer(http.StatusNotFound, errorBody{Message: notFound})
	case q.table.Kind == schema.EmailVerify.Kind:
		return jsonAnswer(s.opts.UnknownStatus, errorBody{Message: unverifiable})
	}
	return jsonAnswer(s.opts.UnknownStatus, errorBody{Message: unreadable})
}

// ongoing returns the answer for a batch that is still worked on: each time
// more of it is finished, and never all. The caller holds the lock.
func (s *Server) ongoing(q question, status int) answer {
	if status == 0 {
		status = s.opts.OngoingStatus
	}
	b := s.batch(q)
	if b == nil {
		return reduced(status, q, statusOngoing, 0, 0)
	}
	b.polls++
	return reduced(status, q, statusOngoing, b.Requested*b.polls/(b.polls+1), b.Requested)
}

// encode returns the bytes to send to the client of r, compressed if it takes
// that, and sets the headers that say what they are.
func (a answer) encode(w http.ResponseWriter, r *http.Request) []byte {
	if a.contentType != "" {
		w.Header().Set("Content-Type", a.contentType)
	}
	if len(a.body) == 0 || !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		return a.body
	}
	w.Header().Set("Content-Encoding", "gzip")
	if a.zipped != nil {
		return a.zipped()
	}
	return compress(a.body)
}

// send answers with the status of a and the bytes given.
func (a answer) send(w http.ResponseWriter, wire []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(wire)))
	w.WriteHeader(a.status)
	_, _ = w.Write(wire) // an error means that the client has gone
}

// truncate announces the bytes given and cuts the connection after n of them,
// at the latest before the last one.
func (a answer) truncate(w http.ResponseWriter, wire []byte, n int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(wire)))
	w.WriteHeader(a.status)
	_, _ = w.Write(wire[:min(n, max(len(wire)-1, 0))])
	_ = http.NewResponseController(w).Flush() // likewise
	panic(http.ErrAbortHandler)
}

// acceptsGzip reports whether an Accept-Encoding header lists gzip and does not
// rule it out by a weight of 0.
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		if !ok {
			return true
		}
		v, err := strconv.ParseFloat(q, 64)
		return err == nil && v > 0
	}
	return false
}

func compress(body []byte) []byte {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed) // fails for an unknown level alone
	_, _ = w.Write(body)                              // a bytes.Buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}

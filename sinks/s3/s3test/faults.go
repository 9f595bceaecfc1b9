package s3test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
)

// Action is what happens to a request instead of what it asks for.
type Action struct {
	refuse refusal
	cut    cut
}

type cut int

const (
	uncut cut = iota
	beforeRequest
	inRequest
	hanging
	afterEffect
	inResponse
)

// Refuse answers with a status and a code, such as 503 and SlowDown. Nothing is changed.
func Refuse(status int, code string) Action { return Action{refuse: refusal{status, code}} }

// Actions that cut a connection off.
var (
	// CutBefore cuts before the body of the request is read. Nothing is changed.
	CutBefore = Action{cut: beforeRequest}
	// CutInRequest cuts when half the body of the request has arrived. Nothing is changed.
	CutInRequest = Action{cut: inRequest}
	// Hang answers nothing until the client gives up. Nothing is changed.
	Hang = Action{cut: hanging}
	// CutAfter does what is asked and cuts without a response.
	CutAfter = Action{cut: afterEffect}
	// CutInResponse does what is asked and cuts in the middle of the response.
	CutInResponse = Action{cut: inResponse}
)

// Fault says which requests meet an Action.
type Fault struct {
	// Kind is that of the requests, any if empty.
	Kind Kind
	// Key is in the key of the object, any if empty.
	Key string
	// Skip is how many such requests are spared first.
	Skip int
	// Times is how many requests meet it, all if 0.
	Times int
	// Before is called first, for what somebody else does just then.
	Before func()
	// Action is what happens to the request. Without one it does what it asks for.
	Action Action
}

type fault struct{ Fault }

// Inject has requests meet a fault from now on. Of several faults a request meets the one
// that was injected first.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{f})
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// meet returns the fault that a request meets. The caller holds the lock.
func (s *Server) meet(kind Kind, key string) *fault {
	for i, f := range s.faults {
		if f.Kind != "" && f.Kind != kind || !strings.Contains(key, f.Key) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(slices.Clone(s.faults), i, i+1)
			}
		}
		return &fault{f.Fault}
	}
	return nil
}

// before does what a fault does to a request before it takes effect, and reports whether
// the request ends there.
func (f *fault) before(w http.ResponseWriter, r *http.Request) (over bool) {
	if f == nil {
		return false
	}
	if f.Before != nil {
		f.Before()
	}
	if f.Action.refuse.code != "" {
		_, _ = io.Copy(io.Discard, r.Body)
		writeError(w, r, f.Action.refuse)
		return true
	}
	switch f.Action.cut {
	case beforeRequest:
		panic(http.ErrAbortHandler)
	case inRequest:
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		panic(http.ErrAbortHandler)
	case hanging:
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	return false
}

// after sends the response, or what a fault leaves of it.
func (f *fault) after(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder) {
	if f != nil && f.Action.cut == afterEffect {
		panic(http.ErrAbortHandler)
	}
	if f == nil || f.Action.cut != inResponse {
		send(w, answer, answer.Body.Bytes())
		return
	}
	if answer.Body.Len() > 1 && r.Method != http.MethodHead {
		if answer.Header().Get("Content-Length") == "" {
			answer.Header().Set("Transfer-Encoding", "identity") // the end of the connection is its end
		}
		send(w, answer, answer.Body.Bytes()[:answer.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = buffer.WriteString("HTTP/1.1 200 OK\r\nETag: \"0123")
	_ = buffer.Flush()
	_ = conn.Close()
}

// send copies a response.
func send(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte) {
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body) // to a client that may be gone
}

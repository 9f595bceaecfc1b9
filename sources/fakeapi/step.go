package fakeapi

import "net/http"

// Step is the answer to one request, in place of the normal one. Steps are made
// by ParseScript; the zero Step is the normal answer.
type Step struct {
	action action
	// answer is the error of an actError.
	answer answer
	// status is that of an actOngoing, 0 for what Options say.
	status int
	// retryAfter is the value of that header of an actError, may be empty.
	retryAfter string
	// bytes is how much an actTruncate or actCut sends.
	bytes int
	// location is where an actRedirect points.
	location string
}

type action uint8

const (
	actNormal action = iota
	actOngoing
	actFailed
	actError
	actTruncate
	actCut
	actHang
	actRedirect
	actDrop
)

// play answers r as the step says.
func (s *Server) play(w http.ResponseWriter, r *http.Request, q question, step Step) {
	switch step.action {
	case actHang:
		select {
		case <-r.Context().Done():
		case <-s.open.Done():
		}
		panic(http.ErrAbortHandler)
	case actDrop:
		panic(http.ErrAbortHandler)
	case actRedirect:
		w.Header().Set("Location", step.location)
	case actError:
		if step.retryAfter != "" {
			w.Header().Set("Retry-After", step.retryAfter)
		}
	}
	a := s.answerTo(q, step)
	wire := a.encode(w, r)
	switch step.action {
	case actTruncate:
		a.truncate(w, wire, step.bytes)
	case actCut:
		a.send(w, wire[:min(step.bytes, len(wire))])
	default:
		a.send(w, wire)
	}
}

// answerTo returns the answer of a step that has one.
func (s *Server) answerTo(q question, step Step) answer {
	switch step.action {
	case actError:
		return step.answer
	case actRedirect:
		return jsonAnswer(http.StatusFound, errorBody{Message: http.StatusText(http.StatusFound)})
	case actNormal:
		return s.normal(q)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch step.action {
	case actOngoing:
		return s.ongoing(q, step.status)
	case actFailed:
		requested := 0
		if b := s.batch(q); b != nil {
			requested = b.Requested
		}
		return reduced(http.StatusOK, q, statusFailed, 0, requested)
	}
	return s.finished(q)
}

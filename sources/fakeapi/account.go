package fakeapi

import (
	"net/http"
	"slices"
	"strings"
)

// accountEndpoint tells of the account of a key.
const accountEndpoint = "/account/info"

// defaultCredits are those of an account unless Options say otherwise.
const defaultCredits = 1250.75

// accountBody is the answer about an account.
type accountBody struct {
	Credits  float64  `json:"credits"`
	Webhooks []string `json:"webhooks"`
}

// account answers for the account of a key. No script has a part in it, and no credit is
// spent.
func (s *Server) account(w http.ResponseWriter, r *http.Request) {
	if !s.accepts(w, r, http.MethodGet) {
		return
	}
	a := jsonAnswer(http.StatusOK, accountBody{Credits: s.opts.Credits, Webhooks: []string{}})
	a.send(w, a.encode(w, r))
}

// accepts reports whether the method of a request is one of those given and its key is
// accepted, and refuses the request if not.
func (s *Server) accepts(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	key := r.Header.Get("x-api-key")
	switch {
	case !slices.Contains(methods, r.Method):
		w.Header().Set("Allow", strings.Join(methods, ", "))
		sendMessage(w, r, http.StatusMethodNotAllowed, "Method Not Allowed")
	case key == "":
		sendMessage(w, r, http.StatusUnauthorized, noKey)
	case len(s.opts.Keys) > 0 && !slices.Contains(s.opts.Keys, key):
		sendMessage(w, r, http.StatusUnauthorized, wrongKey)
	default:
		return true
	}
	return false
}

package sources

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// maxQuote is how many bytes of a foreign text are quoted.
const maxQuote = 200

// quoter makes foreign text fit for errors and logs: what servers and libraries
// say may hold the key, somebody's address, or escape sequences for a terminal.
type quoter struct{ key *regexp.Regexp }

// newQuoter returns a quoter that cuts out the key, in the escapings it may have
// come back in, and in either case, as host names have it.
func newQuoter(key string) quoter {
	asJSON, _ := json.Marshal(key) // a string of ASCII always has a JSON
	forms := []string{key, url.QueryEscape(key), url.PathEscape(key), html.EscapeString(key), strings.Trim(string(asJSON), `"`)}
	for i, form := range forms {
		forms[i] = regexp.QuoteMeta(form)
	}
	return quoter{key: regexp.MustCompile(`(?i)` + strings.Join(forms, "|"))}
}

var address = regexp.MustCompile(`(?i)[^\s<>"'(),:;=@]+(@|%40)[^\s<>"'(),:;=@]+`)

// text returns the first bytes of text on one line, without the key and
// addresses.
func (q quoter) text(text string) string {
	text = q.key.ReplaceAllString(text, "[redacted]")
	text = address.ReplaceAllString(text, "[address]")
	// Cleaning shrinks the text. Were it done first, the cut could fall behind
	// a key that the end of what was read has cut short.
	text = text[:min(len(text), maxQuote)]
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.Join(strings.Fields(text), " ")
}

// errorBody returns what the body of an error says: its message or reason if it
// is JSON that has one, or else its first bytes.
func (q quoter) errorBody(body []byte) string {
	var said struct {
		Message any `json:"message"`
		Reason  any `json:"reason"`
	}
	if json.Unmarshal(body, &said) == nil {
		for _, v := range []any{said.Message, said.Reason} {
			if s, ok := v.(string); ok && s != "" {
				return q.text(s)
			}
		}
	}
	return q.text(string(body))
}

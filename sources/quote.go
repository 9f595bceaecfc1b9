package sources

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuote is how many bytes of a foreign text are quoted.
const maxQuote = 200

// maxFault is how many bytes are quoted of what a library says: what is wrong comes
// last there.
const maxFault = 1000

// quoter makes foreign text fit for errors and logs: what servers and libraries
// say may hold the key, somebody's address, or escape sequences for a terminal.
type quoter struct{ key string }

// newQuoter returns a quoter that finds the key in either case, as host names
// have it, and with any of its characters escaped as texts, URLs, JSON and HTML
// do.
func newQuoter(key string) quoter { return quoter{key} }

var address = regexp.MustCompile(`(?i)[^\s<>"'(),:;=&?@]+(@|%40)[^\s<>"'(),:;=&?@]+`)

// hasKey reports whether the key is in text.
func (q quoter) hasKey(text string) bool { return redact(text, q.key) != text }

// text returns the first bytes of what a server says on one line, without the key
// and addresses.
func (q quoter) text(text string) string { return q.first(text, maxQuote) }

// fault is text for what a library says.
func (q quoter) fault(text string) string { return q.first(text, maxFault) }

func (q quoter) first(text string, most int) string {
	text = strings.Map(printable, text)
	text = redact(text, q.key)
	text = address.ReplaceAllString(text, "[address]")
	text = strings.ToValidUTF8(text[:min(len(text), most)], "") // the cut may go through a character
	// White space goes after the cut: before, its going could pull up a key
	// that the end of what was read has cut short.
	return strings.Join(strings.Fields(text), " ")
}

// printable is what is shown for a character; bytes that are none count as
// replacement characters.
func printable(r rune) rune {
	switch {
	case r == utf8.RuneError:
		return '?'
	case !unicode.IsPrint(r):
		return ' '
	}
	return r
}

// errorBody returns what the body of an error says: its message or reason if it
// is JSON that has one, or else its first bytes.
func (q quoter) errorBody(body []byte) string {
	if said := message(body); said != "" {
		return q.text(said)
	}
	return q.text(string(body))
}

// message returns the message or reason of an error's body, empty if it is not JSON
// that has one. It is not fit for errors and logs.
func message(body []byte) string {
	var said struct {
		Message any `json:"message"`
		Reason  any `json:"reason"`
	}
	if json.Unmarshal(body, &said) == nil {
		for _, v := range []any{said.Message, said.Reason} {
			if s, ok := v.(string); ok && s != "" {
				return s
			}
		}
	}
	return ""
}

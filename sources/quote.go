package sources

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuote is how many bytes of a foreign text are quoted.
const maxQuote = 200

// quoter makes foreign text fit for errors and logs: what servers and libraries
// say may hold the key, somebody's address, or escape sequences for a terminal.
type quoter struct{ key *regexp.Regexp }

// newQuoter returns a quoter that finds the key in either case, as host names
// have it, and with any of its characters escaped as texts, URLs, JSON and HTML
// do.
func newQuoter(key string) quoter {
	var pattern strings.Builder
	pattern.WriteString(`(?i)`)
	for _, c := range []byte(key) {
		fmt.Fprintf(&pattern, `(?:\\?%s|%%%02x|\\u%04[2]x|&#0*%[2]d;|&#x0*%[2]x;`, regexp.QuoteMeta(string(rune(c))), c)
		if entity := entities[c]; entity != "" {
			pattern.WriteString("|" + entity)
		}
		pattern.WriteByte(')')
	}
	return quoter{key: regexp.MustCompile(pattern.String())}
}

// entities are what else stands for a character: in HTML, or for a space.
var entities = map[byte]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&apos;", ' ': `\s+|\+`}

var address = regexp.MustCompile(`(?i)[^\s<>"'(),:;=&?@]+(@|%40)[^\s<>"'(),:;=&?@]+`)

// hasKey reports whether the key is in text.
func (q quoter) hasKey(text string) bool { return q.key.MatchString(text) }

// text returns the first bytes of text on one line, without the key and
// addresses.
func (q quoter) text(text string) string {
	text = strings.Map(printable, text)
	text = q.key.ReplaceAllString(text, "[redacted]")
	text = address.ReplaceAllString(text, "[address]")
	text = strings.ToValidUTF8(text[:min(len(text), maxQuote)], "") // the cut may go through a character
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

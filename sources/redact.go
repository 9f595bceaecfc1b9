package sources

import (
	"slices"
	"strconv"
	"strings"
)

// entities are what else stands for a character in HTML.
var entities = map[byte]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&apos;"}

// maxCode bounds a character by its number in HTML, in bytes: it may have any number
// of zeros.
const maxCode = 64

// redact puts a mark in the place of every key in text, whichever of its characters
// are escaped.
func redact(text, key string) string {
	if key == "" {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		if n := spelled(text[i:], key); n > 0 {
			b.WriteString("[redacted]")
			i += n
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

// spelled returns the length of the longest spelling of key that text begins with, 0
// if there is none.
func spelled(text, key string) int {
	plain := 0 // most characters stand for themselves
	for plain < len(key) && plain < len(text) && lower(text[plain]) == lower(key[plain]) && !strings.Contains("\\%& ", key[plain:plain+1]) {
		plain++
	}
	ends := []int{plain} // of the spellings of key[:i], in order
	for i := plain; i < len(key) && len(ends) > 0; i++ {
		var next []int
		for _, end := range ends {
			next = appendSpellings(next, text, end, key[i])
		}
		slices.Sort(next)
		ends = slices.Compact(next)
	}
	if len(ends) == 0 {
		return 0
	}
	return ends[len(ends)-1]
}

// appendSpellings appends the ends of all spellings of a character that begin at the
// index from.
func appendSpellings(ends []int, text string, from int, c byte) []int {
	rest := text[from:]
	if rest == "" {
		return ends
	}
	if lower(rest[0]) == lower(c) {
		ends = append(ends, from+1)
	}
	switch rest[0] {
	case '\\':
		if len(rest) > 1 && lower(rest[1]) == lower(c) {
			ends = append(ends, from+2)
		}
		if len(rest) >= 6 && lower(rest[1]) == 'u' && isCode(rest[2:6], 16, c) {
			ends = append(ends, from+6)
		}
	case '%':
		if len(rest) >= 3 && isCode(rest[1:3], 16, c) {
			ends = append(ends, from+3)
		}
	case '&':
		if name := entities[c]; name != "" && len(rest) >= len(name) && strings.EqualFold(rest[:len(name)], name) {
			ends = append(ends, from+len(name))
		}
		if code, _, ok := strings.Cut(rest[:min(len(rest), maxCode)], ";"); ok && strings.HasPrefix(code, "&#") {
			digits, base := code[2:], 10
			if digits != "" && lower(digits[0]) == 'x' {
				digits, base = digits[1:], 16
			}
			if isCode(digits, base, c) {
				ends = append(ends, from+len(code)+1)
			}
		}
	}
	if c == ' ' { // a query has a plus, and white space is as long as anybody likes
		for i := 0; i < len(rest) && strings.IndexByte("\t\n\f\r ", rest[i]) >= 0; i++ {
			ends = append(ends, from+i+1)
		}
		if rest[0] == '+' {
			ends = append(ends, from+1)
		}
	}
	return ends
}

// isCode reports whether digits are the code of a character, in either case.
func isCode(digits string, base int, c byte) bool {
	if strings.ContainsAny(digits, "+-_") {
		return false
	}
	code, err := strconv.ParseUint(strings.TrimLeft(digits, "0"), base, 8)
	return err == nil && lower(byte(code)) == lower(c)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

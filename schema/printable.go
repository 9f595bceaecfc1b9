package schema

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable reports whether a terminal shows text as the characters that it has: it is
// UTF-8, and no character in it controls the terminal or the direction of writing.
func Printable(text string) bool {
	for i, r := range text {
		if r >= ' ' && r < 0x7f {
			continue
		}
		if r == utf8.RuneError || controls(r) {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == len(string(r)) && !controls(r) {
				continue // the replacement character itself
			}
			return false
		}
	}
	return true
}

// controls reports whether a character is of C0 or C1, ends a line or a paragraph, or
// changes the direction of writing.
func controls(r rune) bool {
	switch {
	case r == 0x061c, r == 0x200e, r == 0x200f, 0x2028 <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return unicode.IsControl(r)
}

// Escape returns text that is printable: what is not stands there as in a Go string, but
// for the characters in except.
func Escape(text, except string) string {
	if Printable(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !controls(r) || strings.ContainsRune(except, r):
			b.WriteString(text[i : i+size])
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

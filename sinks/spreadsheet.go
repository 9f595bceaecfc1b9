package sinks

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// formulaStarts are the characters at which a spreadsheet begins to see a
// formula in a cell; the wide ones stand for the others in East Asian settings.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// csvSafe returns a text that a spreadsheet shows and does not run: with an
// apostrophe before it if it begins like a formula. So does a text that begins
// with apostrophes before such a character, so that restore is the inverse.
func csvSafe(text []byte) []byte {
	if !startsFormula(text) {
		return text
	}
	return append([]byte{'\''}, text...)
}

// restore is the inverse of csvSafe.
func restore(s string) string {
	if strings.HasPrefix(s, "'") && startsFormula([]byte(s)) {
		return s[1:]
	}
	return s
}

// startsFormula reports whether text, apostrophes at its start left out, begins
// like a formula.
func startsFormula(text []byte) bool {
	first, size := utf8.DecodeRune(bytes.TrimLeft(text, "'"))
	return size > 0 && strings.ContainsRune(formulaStarts, first)
}

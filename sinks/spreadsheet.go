package sinks

import (
	"strings"
	"unicode/utf8"
)

// formulaStarts are the characters at which a spreadsheet begins to see a
// formula in a cell; the wide ones stand for the others in East Asian settings.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// neutralise returns a text that a spreadsheet shows and does not run: with an
// apostrophe before it if it begins like a formula. So does a text that begins
// with apostrophes before such a character, so that restore is the inverse.
func neutralise(s string) string {
	if !startsFormula(s) {
		return s
	}
	return "'" + s
}

// restore is the inverse of neutralise.
func restore(s string) string {
	if strings.HasPrefix(s, "'") && startsFormula(s) {
		return s[1:]
	}
	return s
}

// startsFormula reports whether s, apostrophes at its start left out, begins
// like a formula.
func startsFormula(s string) bool {
	first, size := utf8.DecodeRuneInString(strings.TrimLeft(s, "'"))
	return size > 0 && strings.ContainsRune(formulaStarts, first)
}

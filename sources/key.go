package sources

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
)

// checkKey reports what a key has that no header can carry.
func checkKey(key string) error {
	if key == "" {
		return errors.New("is empty")
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return fmt.Errorf("has a control or non-ASCII character at position %d", i+1)
		}
	}
	return nil
}

// What people leave around a key when they copy it.
var (
	inQuotes   = regexp.MustCompile("^[\"'`]|[\"'`]$")
	withScheme = regexp.MustCompile(`(?i)^(x-api-key|authorization|bearer|token|basic|apikey)[: ]`)
	withName   = regexp.MustCompile(`^(export )?[A-Za-z_][A-Za-z0-9_]*=+[^=]`)
)

// keyHint returns what to check when the API does not accept a key, which was read from
// the place named. What seems to be around the key is named, but not repeated.
func keyHint(key, from string) string {
	hint := "check " + cmp.Or(from, "the API key")
	switch {
	case withName.MatchString(key):
		hint += ": the key seems to begin with NAME=, like a line of a settings file; give only the text after it"
	case inQuotes.MatchString(key):
		hint += ": the key has quotation marks around it, which count as a part of it; remove them"
	case withScheme.MatchString(key):
		hint += ": the key seems to begin with Bearer or the name of a header; give only the key"
	}
	return hint
}

package sources

import (
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

// keyHint returns what to check when the API does not accept a key. What seems to be
// around the key is named, but not repeated.
func keyHint(key string) string {
	hint := "check ENROW_API_KEY or --api-key-file"
	switch {
	case withName.MatchString(key):
		hint += ": the key seems to begin with NAME=, as a line of settings does; give what follows alone"
	case inQuotes.MatchString(key):
		hint += ": the key has quotation marks around it, which are taken for a part of it"
	case withScheme.MatchString(key):
		hint += ": the key seems to begin with Bearer or the name of a header; give the key alone"
	}
	return hint
}

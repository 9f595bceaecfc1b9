package webhook

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	maxSecrets   = 8
	maxSecret    = 256 // characters
	leastBits    = 128 // of a secret whose characters were drawn at random
	leastLetters = 8   // distinct characters: a random secret has more
)

// hidden is printed in place of a Secret.
const hidden = "[secret]"

// Secret is the end of a webhook's URL. Only its digest is kept, so that no memory of it
// can be printed by mistake.
type Secret struct{ digest [sha256.Size]byte }

func (Secret) String() string             { return hidden }
func (Secret) GoString() string           { return hidden }
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }
func (Secret) LogValue() slog.Value       { return slog.StringValue(hidden) }

// MarshalText keeps encoders from looking inside.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// accepts reports whether attempt is one of the secrets. How long that takes says nothing
// of the secrets but their number: digests are compared, each of them whole.
func accepts(secrets []Secret, attempt string) bool {
	digest := sha256.Sum256([]byte(attempt))
	found := 0
	for _, s := range secrets {
		found |= subtle.ConstantTimeCompare(s.digest[:], digest[:])
	}
	return found == 1
}

// ParseSecrets reads the secrets of a file or a variable: one a line, at most 8. With two
// of them the old URL works until the new one is in use. White space around a secret, a
// byte order mark and blank lines are ignored. An error names the line and the fault, and
// has nothing of the secret.
func ParseSecrets(data []byte) ([]Secret, error) {
	var secrets []Secret
	line := 0
	for text := range bytes.Lines(bytes.TrimPrefix(data, []byte("\uFEFF"))) {
		line++
		secret := string(bytes.TrimSpace(text))
		if secret == "" {
			continue
		}
		if err := check(secret); err != nil {
			return nil, fmt.Errorf("line %d: the secret %w", line, err)
		}
		if len(secrets) == maxSecrets {
			return nil, fmt.Errorf("line %d: there are more than %d secrets", line, maxSecrets)
		}
		secrets = append(secrets, Secret{sha256.Sum256([]byte(secret))})
	}
	if len(secrets) == 0 {
		return nil, errors.New("there is no secret")
	}
	return secrets, nil
}

const (
	digits  = "0123456789"
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	urlSafe = digits + lower + upper + "-_"
)

// alphabets are the sets of characters that secrets are drawn from, the smallest first.
var alphabets = []struct {
	name, characters string
	least            int // characters that have leastBits
}{
	{"digits", digits, 39},
	{"hex digits", digits + "abcdef", 32},
	{"hex digits", digits + "ABCDEF", 32},
	{"lower-case letters and digits", digits + lower, 25},
	{"upper-case letters and digits", digits + upper, 25},
	{"letters and digits", urlSafe, 22},
}

// check returns why secret is none. Nobody can see how random a secret is, only how random
// it can be at most.
func check(secret string) error {
	if strings.Trim(secret, urlSafe) != "" {
		return errors.New("has a character that is not one of A-Z, a-z, 0-9, - and _")
	}
	if len(secret) > maxSecret {
		return fmt.Errorf("has more than %d characters", maxSecret)
	}
	for _, a := range alphabets {
		if strings.Trim(secret, a.characters) != "" {
			continue
		}
		if len(secret) < a.least {
			return fmt.Errorf("has %d characters, all of them %s: %d bits take %d", len(secret), a.name, leastBits, a.least)
		}
		break
	}
	distinct := 0
	for _, c := range urlSafe {
		if strings.ContainsRune(secret, c) {
			distinct++
		}
	}
	if distinct < leastLetters || strings.Contains((secret + secret)[1:2*len(secret)-1], secret) {
		return errors.New("repeats itself: draw it at random")
	}
	return nil
}

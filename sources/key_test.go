package sources

import (
	"strings"
	"testing"
)

func TestKeyHint(t *testing.T) {
	const plain = "check ENROW_API_KEY"
	for _, c := range []struct{ key, want string }{
		{"sk-test-4f1c9b", ""},
		{"c2VjcmV0LWtleQ==", ""}, // base64
		{"c2VjcmV0LWtle=", ""},
		{"basically-a-key", ""},
		{`"sk-test-4f1c9b"`, "quotation marks"},
		{`'sk-test-4f1c9b'`, "quotation marks"},
		{`sk-test-4f1c9b"`, "quotation marks"},
		{"Bearer sk-test-4f1c9b", "Bearer"},
		{"bearer: sk-test-4f1c9b", "Bearer"},
		{"x-api-key: sk-test-4f1c9b", "Bearer"},
		{"ENROW_API_KEY=sk-test-4f1c9b", "NAME="},
		{`export ENROW_API_KEY="sk-test-4f1c9b"`, "NAME="},
	} {
		hint := keyHint(c.key, "ENROW_API_KEY")
		if !strings.HasPrefix(hint, plain) || (c.want == "") != (hint == plain) || !strings.Contains(hint, c.want) {
			t.Errorf("key %s: %s, want %q", c.key, hint, c.want)
		}
		if strings.Contains(hint, "4f1c9b") {
			t.Errorf("key %s is shown: %s", c.key, hint)
		}
	}
}

// A key of any length and with any characters is found: no pattern is made of it.
func TestLongKeyIsRedacted(t *testing.T) {
	for _, key := range []string{strings.Repeat(`k(\[%&`, 4096), strings.Repeat("a", 64<<10)} {
		if got := newQuoter(key).text("bad key " + key + " there"); got != "bad key [redacted] there" {
			t.Errorf("%d characters: %.100q", len(key), got)
		}
	}
}

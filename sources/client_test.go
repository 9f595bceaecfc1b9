package sources

import (
	"strings"
	"testing"
)

func TestNewClientBaseURL(t *testing.T) {
	const scheme, secure, host = "must begin with https://", "must be https, unless the host is loopback", "has no host"
	tests := []struct{ url, want string }{
		{"", ""},
		{"https://api.enrow.io", ""},
		{"https://api.enrow.io/", ""},
		{"https://gateway.test:8443/enrow/v1", ""},
		{"HTTPS://api.enrow.io", ""},
		{"http://127.0.0.1:8787", ""},
		{"http://127.9.9.9", ""},
		{"http://localhost:1", ""},
		{"http://LocalHost", ""},
		{"http://[::1]:8787", ""},
		{"http://[::ffff:127.0.0.1]", ""},
		{"https://127.0.0.1", ""},
		{"http://api.enrow.io", secure},
		{"http://0.0.0.0", secure},
		{"http://10.0.0.1", secure},
		{"http://128.0.0.1", secure},
		{"http://127.1", secure},
		{"http://127.0.0.1.elsewhere.test", secure},
		{"http://localhost.elsewhere.test", secure},
		{"http://[::2]", secure},
		{"http://[::ffff:10.0.0.1]", secure},
		{"ftp://127.0.0.1", scheme},
		{"127.0.0.1:8787", "is not a valid URL"},
		{"localhost:8787", scheme},
		{"api.enrow.io", scheme},
		{"//api.enrow.io", scheme},
		{"https:api.enrow.io", host},
		{"https://", host},
		{"https:///path", host},
		{"https://:443", host},
		{"https://user@api.enrow.io", "must not have a user or password in it"},
		{"https://user:secret@api.enrow.io", "must not have a user or password in it"},
		{"https://api.enrow.io?secret=1", "must not have a query or fragment"},
		{"https://api.enrow.io/?", "must not have a query or fragment"},
		{"https://api.enrow.io/#secret", "must not have a query or fragment"},
		{"https://api.enrow.io/#", "must not have a query or fragment"},
		{"https://user:secret:x@api.enrow.io:secret", "is not a valid URL"},
		{"https://api.enrow.io/\nsecret", "is not a valid URL"},
		{"https://api.enrow.io:0", "has no valid port"},
		{"https://api.enrow.io:65536/secret", "has no valid port"},
	}
	for _, tt := range tests {
		_, err := NewClient(Config{BaseURL: tt.url, Key: testKey})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%q: %v", tt.url, err)
		case tt.want == "":
		case err == nil || !strings.HasPrefix(err.Error(), "API URL "+tt.want):
			t.Errorf("%q: error is %v, want API URL %s", tt.url, err, tt.want)
		case strings.Contains(err.Error(), "secret"):
			t.Errorf("%q: error shows the secret: %v", tt.url, err)
		}
	}
}

func TestNewClientKey(t *testing.T) {
	tests := []struct{ key, want string }{
		{"", "API key is empty"},
		{"sk-live\n", "API key has a control or non-ASCII character at position 8"},
		{"sk\tlive", "API key has a control or non-ASCII character at position 3"},
		{"sk-live\x7f", "API key has a control or non-ASCII character at position 8"},
		{"\x00", "API key has a control or non-ASCII character at position 1"},
		{"sk-lïve", "API key has a control or non-ASCII character at position 5"},
	}
	for _, tt := range tests {
		if _, err := NewClient(Config{Key: tt.key}); err == nil || err.Error() != tt.want {
			t.Errorf("key %q: error is %v, want %s", tt.key, err, tt.want)
		}
	}
	if _, err := NewClient(Config{Key: `!"#$ %&'()~`}); err != nil {
		t.Errorf("printable ASCII: %v", err)
	}
}

func TestNewClientLimits(t *testing.T) {
	for _, cfg := range []Config{
		{Retries: -1}, {RequestTimeout: -1}, {MaxBody: -1}, {BackoffBase: -1}, {BackoffMax: -1},
	} {
		cfg.Key = testKey
		if _, err := NewClient(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

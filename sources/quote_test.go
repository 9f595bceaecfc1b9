package sources

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestQuoteErrorBody(t *testing.T) {
	const key = `k/ey+<1>"2"`
	tests := []struct{ name, body, want string }{
		{"message", `{"message":"no such batch"}`, "no such batch"},
		{"reason", `{"reason":"no credits","success":false}`, "no credits"},
		{"message before reason", `{"reason":"b","message":"a"}`, "a"},
		{"empty message", `{"message":"","reason":"b"}`, "b"},
		{"message that is no string", `{"message":{"text":"a"}}`, `{"message":{"text":"a"}}`},
		{"other JSON", `{"error":"a"}`, `{"error":"a"}`},
		{"array", ` ["a"] `, `["a"]`},
		{"broken JSON", `{"message":"a`, `{"message":"a`},
		{"empty", "", ""},
		{"white space", " \r\n\t ", ""},
		{"page", "<html>\r\n<h1>503</h1>\r\n\r\n</html>", "<html> <h1>503</h1> </html>"},
		{"control characters", "a\x00b\x1b[31mc\x7fd\u0085e\u2028f\u202eg", "a b [31mc d e f g"},
		{"in JSON", `{"message":"a\u0000b\u001b[31mc\nd"}`, "a b [31mc d"},
		{"invalid UTF-8", "a\xff\xfeb\xc3", "a??b?"},
		{"unicode", "clé périmée 鍵", "clé périmée 鍵"},
		{"long", strings.Repeat("a", 300), strings.Repeat("a", 200)},
		{"long message", `{"message":"` + strings.Repeat("b", 300) + `"}`, strings.Repeat("b", 200)},
		{"cut within a character", strings.Repeat("a", 199) + "é", strings.Repeat("a", 199)},
		{"address", `{"message":"user ada.b+c@mail.example, not <x@y.test>"}`, "user [address], not <[address]>"},
		{"escaped address", "/find?email=ada%40mail.example&x=1", "/find?email=[address]&x=1"},
		{"address over the cut", strings.Repeat(" ", 195) + "ada@mail.example", "[addr"},
		{"key", "bad key: " + key, "bad key: [redacted]"},
		{"key twice", key + key, "[redacted][redacted]"},
		{"key in JSON", `{"message":"bad key k/ey+<1>\"2\""}`, "bad key [redacted]"},
		{"key in JSON without message", `{"key":"k/ey+\u003c1\u003e\"2\""}`, `{"key":"[redacted]"}`},
		{"key in JSON, escaped for nothing", `{"a":"\u006b\/ey+<1>\"2\""}`, `{"a":"[redacted]"}`},
		{"key in a query", "?key=k%2Fey%2B%3C1%3E%222%22&x", "?key=[redacted]&x"},
		{"key in a path, lower case", "/k%2fey+%3c1%3e%222%22/x", "/[redacted]/x"},
		{"key in HTML", "<p>k/ey+&lt;1&gt;&#34;2&#34;</p>", "<p>[redacted]</p>"},
		{"key in HTML, other entities", "k&#x2F;ey&#043;&LT;1&gt;&quot;2&quot;", "[redacted]"},
		{"key over the cut", strings.Repeat("a", 195) + key, strings.Repeat("a", 195) + "[reda"},
		{"key cut by the end of what was read", strings.Repeat(" ", maxErrorBody-5) + key[:5], ""},
	}
	q := newQuoter(key)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := q.errorBody([]byte(tt.body)); got != tt.want {
				t.Errorf("quoted as %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzQuote checks that what is quoted is short, one printable line, and
// without the key.
func FuzzQuote(f *testing.F) {
	f.Add([]byte(`{"message":"a secret-key b"}`), "secret-key")
	f.Add([]byte("<p>sec\x00ret&amp;key\r\n"), "ret&key")
	f.Add([]byte("SECRET%2Fkey@example.com"), "secret/key")
	f.Fuzz(func(t *testing.T, body []byte, key string) {
		if checkKey(key) != nil || strings.ContainsAny(key, "[]") || strings.Contains("redacted address", strings.ToLower(key)) {
			return // it may be in what stands in its place
		}
		got := newQuoter(key).errorBody(body)
		if len(got) > maxQuote || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00\x1b") {
			t.Errorf("quoted as %q", got)
		}
		if strings.Contains(got, key) {
			t.Errorf("key %q is quoted in %q", key, got)
		}
	})
}

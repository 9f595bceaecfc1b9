package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const (
	hexSecret   = "8f14e45fceea467fab3c5d2b9c7d1a20"
	digitSecret = "314159265358979323846264338327950288419"
)

func TestParseSecrets(t *testing.T) {
	eight := strings.Repeat(testSecret+"\n", 8)
	for _, test := range []struct {
		name, text string
		count      int
		err        string
	}{
		{"one", testSecret, 1, ""},
		{"as editors save it", "\uFEFF" + testSecret + " \r\n\r\n", 1, ""},
		{"old and new", testSecret + "\n" + hexSecret + "\n", 2, ""},
		{"eight", eight, 8, ""},
		{"hex", hexSecret, 1, ""},
		{"upper-case hex", strings.ToUpper(hexSecret), 1, ""},
		{"digits", digitSecret, 1, ""},
		{"base32", "GEZDGNBVGY3TQOJQMFRGGZDFMY", 1, ""},
		{"256 characters", strings.Repeat("a", 225) + testSecret + "123456789", 1, ""},

		{"nothing", "", 0, "there is no secret"},
		{"blank lines", " \n\r\n", 0, "there is no secret"},
		{"nine", eight + testSecret, 0, "line 9: there are more than 8 secrets"},
		{"short", "\n" + testSecret[1:], 0, "line 2: the secret has 21 characters, all of them letters and digits: 128 bits take 22"},
		{"short hex", hexSecret[1:], 0, "line 1: the secret has 31 characters, all of them hex digits: 128 bits take 32"},
		{"short upper-case hex", strings.ToUpper(hexSecret[1:]), 0, "line 1: the secret has 31 characters, all of them hex digits: 128 bits take 32"},
		{"short digits", digitSecret[1:], 0, "line 1: the secret has 38 characters, all of them digits: 128 bits take 39"},
		{"short base32", "gezdgnbvgy3tqojqmfrggzdf", 0, "line 1: the secret has 24 characters, all of them lower-case letters and digits: 128 bits take 25"},
		{"long", strings.Repeat("a", 226) + testSecret + "123456789", 0, "line 1: the secret has more than 256 characters"},
		{"slash", testSecret + "/a", 0, "line 1: the secret has a character that is not one of A-Z, a-z, 0-9, - and _"},
		{"space within", testSecret + " " + testSecret, 0, "line 1: the secret has a character that is not one of A-Z, a-z, 0-9, - and _"},
		{"URL", "https://example.com/hooks/" + testSecret, 0, "line 1: the secret has a character that is not one of A-Z, a-z, 0-9, - and _"},
		{"beyond ASCII", testSecret + "é", 0, "line 1: the secret has a character that is not one of A-Z, a-z, 0-9, - and _"},
		{"UTF-16", "\xff\xfea\x00b\x00", 0, "line 1: the secret has a character that is not one of A-Z, a-z, 0-9, - and _"},
		{"few characters", strings.Repeat("abcD123", 5) + "a", 0, "line 1: the secret repeats itself: draw it at random"},
		{"repeated", strings.Repeat("abcdEFGH1", 3), 0, "line 1: the secret repeats itself: draw it at random"},
		{"second line is wrong", testSecret + "\nchangeme", 0, "line 2: the secret has 8 characters, all of them lower-case letters and digits: 128 bits take 25"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseSecrets([]byte(test.text))
			if said := fmt.Sprint(err); len(got) != test.count || said != test.err && (err != nil || test.err != "") {
				t.Errorf("%d secrets, error %v; want %d, %s", len(got), err, test.count, test.err)
			}
		})
	}
}

// Each secret is accepted wherever it stands, and nothing else is.
func TestAccepts(t *testing.T) {
	three := secrets(t, testSecret+"\n"+hexSecret+"\n"+digitSecret)
	for _, secret := range []string{testSecret, hexSecret, digitSecret} {
		if !accepts(three, secret) {
			t.Errorf("%s is not accepted", secret)
		}
		for _, wrong := range []string{"", secret[1:], secret + "a", "a" + secret[1:], secret[:len(secret)-1] + "!", secret + "\n" + secret} {
			if accepts(three, wrong) {
				t.Errorf("%s is accepted", wrong)
			}
		}
	}
	if accepts(three[:2], digitSecret) || accepts(nil, "") || accepts(nil, testSecret) {
		t.Error("a secret that is none now is accepted")
	}
	if !accepts([]Secret{three[0], three[0]}, testSecret) {
		t.Error("a secret that is there twice is not accepted")
	}
}

func TestSecretDoesNotPrintItself(t *testing.T) {
	s := secrets(t, testSecret)
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("", "one", s[0], "all", s)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("", "one", s[0], "all", s)
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %v", s[0], s[0], s[0], s[0], s[0], s[0], s[0], s, &s[0]) + s[0].String() + logged.String() + string(encoded)
	if rest := strings.ReplaceAll(text, hidden, ""); strings.Contains(rest, testSecret) || strings.Count(text, hidden) != 15 {
		t.Errorf("%d times [secret] in %s", strings.Count(text, hidden), text)
	}
}

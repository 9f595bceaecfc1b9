package schema

import "testing"

func TestEscape(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"plain text, Ünïcødé 漢字 👩‍💻 �", "plain text, Ünïcødé 漢字 👩‍💻 �"},
		{"a\x1b[31mb", `a\u001b[31mb`},
		{"a\tb\nc\r", `a\u0009b` + "\n" + `c\u000d`},
		{"\u009b2J", `\u009b2J`},
		{"\u202egnp.exe", `\u202egnp.exe`},
		{"\u2066x\u2069\u200e\u200f\u061c\u2028\u2029", `\u2066x\u2069\u200e\u200f\u061c\u2028\u2029`},
		{"a\xffb\x9b", `a\xffb\x9b`},
		{"\x7f", `\u007f`},
	} {
		got := Escape(c.text, "\n")
		if got != c.want {
			t.Errorf("%q is shown as %q, want %q", c.text, got, c.want)
		}
		if Printable(c.text) != (got == c.text) {
			t.Errorf("%q: Printable is %t", c.text, Printable(c.text))
		}
		if !Printable(Escape(c.text, "")) {
			t.Errorf("%q is shown as %q", c.text, Escape(c.text, ""))
		}
	}
}

package sinks

import (
	"bytes"
	"testing"
)

func TestLatchKeepsTheTail(t *testing.T) {
	for _, test := range []struct {
		writes []string
		want   string
	}{
		{nil, "\x00\x00\x00\x00"},
		{[]string{"ab"}, "\x00\x00ab"},
		{[]string{"ab", "", "c"}, "\x00abc"},
		{[]string{"abcd"}, "abcd"},
		{[]string{"abcd", "e"}, "bcde"},
		{[]string{"abc", "def"}, "cdef"},
		{[]string{"ab", "cdefgh"}, "efgh"},
	} {
		var buf bytes.Buffer
		l := &latch{w: &buf}
		all := ""
		for _, s := range test.writes {
			if n, err := l.Write([]byte(s)); n != len(s) || err != nil {
				t.Fatalf("Write(%q) = %d, %v", s, n, err)
			}
			all += s
		}
		if string(l.tail[:]) != test.want || buf.String() != all {
			t.Errorf("after %q: tail %q, want %q; %q was written", test.writes, l.tail, test.want, buf.String())
		}
	}
}

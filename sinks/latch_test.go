package sinks

import (
	"bytes"
	"testing"
)

func TestLatchCounts(t *testing.T) {
	var buf bytes.Buffer
	l := &latch{w: &buf}
	for _, s := range []string{"ab", "", "cde"} {
		if n, err := l.Write([]byte(s)); n != len(s) || err != nil || l.last != n {
			t.Fatalf("Write(%q) = %d, %v; the last write had %d bytes", s, n, err, l.last)
		}
		if l.Tell() != int64(buf.Len()) {
			t.Errorf("after %q: %d bytes are told, %d written", s, l.Tell(), buf.Len())
		}
	}
	if buf.String() != "abcde" {
		t.Errorf("%q was written", buf.String())
	}
}

package schema

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// A prefix is found where it stands, unless it is too long or too near the end,
// and nowhere else.
func TestPrefix(t *testing.T) {
	text := []byte(strings.Repeat(`"key":"a","ke":1,"keys":{},"key" :2,"a_rather_long_key_name":3,`, 3))
	for length := range prefixSize + 3 {
		for from := range len(text) - length {
			p := newPrefix(text[from : from+length])
			for pos := range len(text) + 1 {
				want := length <= prefixSize && pos+prefixSize <= len(text) && bytes.HasPrefix(text[pos:], text[from:from+length])
				if got := p.at(text, pos); got != want {
					t.Fatalf("%q at %d of %q: %t", text[from:from+length], pos, text, got)
				}
			}
		}
	}
}

// What copyShort leaves is what copy leaves, as far as the copy goes.
func TestCopyShort(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	source := make([]byte, 40)
	for i := range source {
		source[i] = byte(1 + random.IntN(255))
	}
	for from := range source {
		for to := from; to <= len(source); to++ {
			for room := range 40 {
				got, want := make([]byte, room), make([]byte, room)
				n := copyShort(got, source[from:to])
				if n != copy(want, source[from:to]) || !bytes.Equal(got[:n], want[:n]) {
					t.Fatalf("%d to %d into %d: %d bytes, %v, want %v", from, to, room, n, got, want)
				}
			}
		}
	}
}

package sinks

import (
	"bytes"
	"testing"
)

// What appendShort makes is what append makes, wherever the text ends and however
// much room there is.
func TestAppendShort(t *testing.T) {
	source := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	for from := range source {
		for to := from; to <= len(source); to++ {
			for room := range 40 {
				dst := append(make([]byte, 0, room+3), "abc"...)
				if got, want := appendShort(dst, source[from:to]), "abc"+string(source[from:to]); string(got) != want {
					t.Fatalf("%d to %d, room %d: %q, want %q", from, to, room, got, want)
				}
			}
		}
	}
}

func TestIndexControl(t *testing.T) {
	for length := range 40 {
		text := bytes.Repeat([]byte{0xe9}, length) // with the highest bit, as in UTF-8
		if got := indexControl(text); got != -1 {
			t.Fatalf("of %d bytes, %d is a control", length, got)
		}
		for at := range text {
			for _, c := range []byte{0, '\n', 0x1f} {
				text[at] = c
				if got := indexControl(text); got != at {
					t.Fatalf("of %d bytes, %d is a control and not %d", length, got, at)
				}
			}
			text[at] = ' '
		}
	}
}

// Values come back before new ones are made, and never to two at a time.
func TestSpares(t *testing.T) {
	made := 0
	s := spares[int]{make: func() int { made++; return made }}
	a, b := s.get(), s.get()
	if a == b {
		t.Fatal("one value for two")
	}
	s.put(a)
	if again := s.get(); again != a || made != 2 {
		t.Errorf("got %d after putting back %d, %d made", again, a, made)
	}
}

package main

import (
	"bytes"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// screen is a terminal that results, logs and a progress bar share. The bar is
// its last line: it is taken away before anything else is written, and comes
// back behind the end of a line.
type screen struct {
	tty   io.Writer
	width func() int // columns

	mu      sync.Mutex
	bar     string // empty: there is none
	shown   bool
	midLine bool // something was written without the end of its line
}

// screenOf returns the screen that w is, nil when it is none on which a line can
// be taken away again.
func screenOf(w io.Writer) *screen {
	f, ok := terminal(w)
	if !ok {
		return nil
	}
	return &screen{tty: f, width: func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 {
			return 80
		}
		return width
	}}
}

// terminal returns the terminal that w is, if lines can be taken away again on it.
func terminal(w io.Writer) (*os.File, bool) {
	f, ok := anyTerminal(w)
	return f, ok && os.Getenv("TERM") != "dumb"
}

// anyTerminal returns the terminal that w is.
func anyTerminal(w io.Writer) (*os.File, bool) {
	if sticky, ok := w.(*output); ok {
		w = sticky.w
	}
	f, ok := w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// through returns a writer that goes to the same terminal as the bar.
func (s *screen) through(w io.Writer) io.Writer { return &screenWriter{s, w} }

type screenWriter struct {
	*screen
	w io.Writer
}

func (s *screenWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hide()
	n, err := s.w.Write(b)
	s.midLine = !bytes.HasSuffix(b, []byte("\n"))
	s.show()
	return n, err
}

// draw shows another bar than before, none when it is empty.
func (s *screen) draw(bar string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bar == "" {
		s.hide()
	}
	s.bar = bar
	s.show()
}

// The terminal is not the result: it does not matter here if it is gone.

func (s *screen) hide() {
	if s.shown {
		_, _ = io.WriteString(s.tty, "\r"+eraseLine)
		s.shown = false
	}
}

func (s *screen) show() {
	if s.bar != "" && !s.midLine {
		_, _ = io.WriteString(s.tty, "\r"+s.bar+eraseLine)
		s.shown = true
	}
}

// eraseLine clears what is right of the cursor.
const eraseLine = "\x1b[K"

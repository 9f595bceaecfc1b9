package sinks

import "io"

// latch passes writes on to w until one fails, and remembers that one: no later
// write reaches w, so that nothing that looks like the end of a file can follow
// a gap. It stands below libraries that lose errors on their way up, and has no
// Close for them to find.
type latch struct {
	w    io.Writer
	err  error // of the write that failed
	n    int64 // bytes written
	last int   // of those, by the last write
}

// Write implements io.Writer.
func (l *latch) Write(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		l.err = err
		return n, err
	}
	l.n, l.last = l.n+int64(n), n
	return n, nil
}

// Tell returns how many bytes have been written.
func (l *latch) Tell() int64 { return l.n }

// grower is a writer that can make room for n bytes to come, as a bytes.Buffer
// can.
type grower interface{ Grow(n int) }

// Grow passes on what is known of the size to come, if w wants to know.
func (l *latch) Grow(n int) {
	if g, ok := l.w.(grower); ok {
		g.Grow(n)
	}
}

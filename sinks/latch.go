package sinks

import "io"

// latch passes writes on to w until one fails, and remembers that one: no later
// write reaches w, so that nothing that looks like the end of a file can follow
// a gap. It stands below libraries that lose errors on their way up, and has no
// Close for them to find.
type latch struct {
	w    io.Writer
	err  error   // of the write that failed
	tail [4]byte // the last bytes written
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
	last := p[max(0, n-len(l.tail)):]
	kept := copy(l.tail[:], l.tail[len(last):])
	copy(l.tail[kept:], last)
	return n, nil
}

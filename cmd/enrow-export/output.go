package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// output is stdout. It keeps its first error, so that a result which could not be
// written is not taken for a success.
//
// A closed pipe is no error: head closes it when it has its lines. The rest of the output
// is dropped, and the work decides the outcome. A command whose only purpose is its output
// ends then: every write fails, and the context is cancelled.
type output struct {
	w      io.Writer
	err    error
	unread bool
	end    func() // set by the command whose result it is
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	if !o.unread {
		n, err := o.w.Write(b)
		if !errors.Is(err, syscall.EPIPE) {
			if err != nil && o.err == nil {
				o.err = err
			}
			return n, err
		}
		o.unread = true
	}
	if o.end == nil {
		return len(b), nil
	}
	o.end()
	return 0, errUnread
}

// outcome returns the error of a command that has ended with err.
func (o *output) outcome(err error) error {
	switch {
	case o.unread && o.end != nil:
		return errUnread
	case o.err != nil && (err == nil || told(err)): // what was told was not read
		return fmt.Errorf("write output: %w", o.err)
	}
	return err
}

// isResult says that stdout is all that the command is for, so that it ends when
// nobody reads that.
func (p *program) isResult() {
	if o, ok := p.stdout.(*output); ok {
		o.end = func() { p.signals.cancel(errUnread) }
	}
}

// written returns err, or else why the output could not be written.
func (p *program) written(err error) error {
	if o, ok := p.stdout.(*output); ok {
		return o.outcome(err)
	}
	return err
}

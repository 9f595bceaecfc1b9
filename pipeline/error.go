package pipeline

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// Class says how far an error reaches and whether trying again can help.
type Class uint8

const (
	// Transient ends this batch for this run; a later run may succeed. It is what
	// every failure is that nothing more is known of.
	Transient Class = iota
	// Refused ends this batch for this run, too: Enrow says in its own words that it
	// does not know the batch. When it goes on to say so, that is permanent.
	Refused
	// Permanent ends this batch: Enrow has said that it will never have results.
	// Nothing else is permanent, however often it happens.
	Permanent
	// Fatal ends the whole run, or the batches of one kind (Error.Kind): every other batch
	// would fail too.
	Fatal
)

// String returns the name of the class, as logs have it.
func (c Class) String() string {
	switch c {
	case Refused:
		return "refused"
	case Permanent:
		return "permanent"
	case Fatal:
		return "fatal"
	}
	return "transient"
}

// Error is a failure of one operation. Its text never holds personal data or the API
// key: a row is named by its number, a value not at all.
type Error struct {
	Op    string // the operation: "fetch", "flatten", "publish", "prune"; empty when Err says all
	Batch string // the batch, empty when the whole run is concerned
	Class Class
	Err   error  // the cause
	Hint  string // what to do next, one line, may be empty
	// Kind limits a Fatal error to the batches of one kind. Empty means all batches.
	Kind string
	// OfKey says that the API does not accept the key.
	OfKey bool
	// OneBatch says that a Fatal error is the answer to a request for Batch, and may hold
	// for Batch only. The run begins no other batch, and finishes the batches under way.
	OneBatch bool
}

func (e *Error) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	if e.Batch == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s batch %s: %v", e.Op, e.Batch, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrStopped is the cause of an Error for a batch that was not asked for, or not
// again, since the run is to stop.
var ErrStopped = errors.New("the run is being stopped")

// Shortage reports whether err says that this machine, or what this process may have
// of it, is short of something that every other batch needs too, and what to do.
func Shortage(err error) (hint string, short bool) {
	switch {
	case isBecause(err, syscall.EMFILE), isBecause(err, syscall.ENFILE):
		return "nothing that was exported is lost: raise the limit of open files (ulimit -n) and run again", true
	case isBecause(err, syscall.ENOMEM), isBecause(err, syscall.ENOBUFS):
		return "nothing that was exported is lost: the system is out of memory; free memory and run again", true
	}
	return "", false
}

// isBecause is errors.Is for an error of the system, also where the look-up of a name
// has kept no more than its text.
func isBecause(err error, cause syscall.Errno) bool {
	var lookUp *net.DNSError
	return errors.Is(err, cause) || errors.As(err, &lookUp) && strings.Contains(lookUp.Err, cause.Error())
}

// Hint returns the advice of the first error in err's chain that has one.
func Hint(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}

// IsPermanent reports whether Enrow has said that the batch will never have results.
func IsPermanent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Class == Permanent
}

// KindOf returns the kind to whose batches an error is limited (Error.Kind), empty when it
// concerns all batches.
func KindOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// IsOfKey reports whether the API does not accept the key.
func IsOfKey(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.OfKey
}

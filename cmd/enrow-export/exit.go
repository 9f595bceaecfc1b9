package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"enrow-export/pipeline"
	"enrow-export/sinks/network"
)

// The exit codes. When several apply, the most stop-worthy wins.
const (
	exitOK         = 0
	exitStopped    = 1
	exitUsage      = 2
	exitFailed     = 3
	exitOngoing    = 75 // EX_TEMPFAIL of sysexits.h
	exitHangup     = 129
	exitInterrupt  = 130
	exitUnread     = 141
	exitTerminated = 143
)

// exit is a line of a command's help: exit codes, and what they mean for that command.
type exit struct{ codes, meaning string }

// exitCodes returns the exit codes of a command: those that it has words of its own for, and
// those that mean the same everywhere.
func exitCodes(own ...exit) []exit {
	all := append(own, usageExit)
	if !slices.Contains(own, serviceSignalExit) {
		all = append(all, signalExit)
	}
	slices.SortStableFunc(all, func(a, b exit) int { return cmp.Compare(a.first(), b.first()) })
	return all
}

// first returns the first of the codes.
func (e exit) first() int {
	code, _, _ := strings.Cut(e.codes, ",")
	n, err := strconv.Atoi(code)
	if err != nil {
		panic(err) // a slip in a declaration, which every test meets
	}
	return n
}

var (
	usageExit  = exit{"2", "wrong usage: nothing was tried"}
	signalExit = exit{"129, 130, 143", "stopped by SIGHUP, SIGINT or SIGTERM: run it again"}
	// serviceSignalExit is the exit of a service, which reads its settings again on SIGHUP.
	serviceSignalExit = exit{"130, 143", "stopped by SIGINT or SIGTERM, and a batch was cut off: start it again"}

	unreadExit = exit{"141", "stdout was closed before the end, as head does"}
	// rootExit is the exit of a command that needs a manifest.
	rootExit = exit{"1", "stopped: ROOT is out of reach, or has no manifest"}
)

// programExits are the exit codes of all commands.
var programExits = []exit{
	{"0", "everything that was asked for is done"},
	{"1", "the run stopped before its end: the error says why"},
	{"2", usageExit.meaning},
	{"3", "some batches failed; the others are done"},
	{"75", "nothing failed; some batches are still running at Enrow, or left for the next run"},
	signalExit,
	unreadExit,
}

// usageError is a call that cannot be carried out as it was typed.
type usageError struct {
	msg  string
	hint string
}

func (e *usageError) Error() string { return e.msg }

func usagef(hint, format string, args ...any) error {
	return &usageError{msg: fmt.Sprintf(format, args...), hint: hint}
}

// Outcomes that have been told on stdout already, or have nobody to be told, and only
// need their exit code.
var (
	errSomeFailed = errors.New("some batches failed")
	errUnfit      = errors.New("some checks failed")
	errSomeLeft   = errors.New("some batches are still ongoing, or were not begun")
	errUnread     = errors.New("nobody reads the output")
)

// signalError is the cause of a context that a signal has cancelled.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return "stopped by signal: " + e.signal.String() }

// code returns what shells say of a process that the signal has ended.
func (e *signalError) code() int {
	switch e.signal {
	case syscall.SIGTERM:
		return exitTerminated
	case syscall.SIGHUP:
		return exitHangup
	}
	return exitInterrupt
}

// exitCode maps what a command returned to the exit code of the process.
func exitCode(err error) int {
	var usage *usageError
	var sig *signalError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &sig):
		return sig.code()
	case errors.Is(err, errUnread):
		return exitUnread
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errSomeFailed):
		return exitFailed
	case errors.Is(err, errSomeLeft), errors.Is(err, errMaxRuntime):
		return exitOngoing
	}
	return exitStopped
}

// hint returns what to do about err, empty when that is not known.
func hint(err error) string {
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		return usage.hint
	}
	if fault := (*network.Fault)(nil); errors.As(err, &fault) {
		return fault.Hint // it says more than what an operation makes of it
	}
	if store := (interface{ Advice() string })(nil); errors.As(err, &store) {
		return store.Advice()
	}
	if h := pipeline.Hint(err); h != "" {
		return h
	}
	shortage, _ := pipeline.Shortage(err)
	return shortage
}

// joinOutcome returns the error of a run, or else the one of its batches: a run
// that was stopped counts for more than batches that failed, and those for more
// than batches that are left for a later one.
func joinOutcome(err error, failed, left int) error {
	switch {
	case err != nil:
		return err
	case failed > 0:
		return errSomeFailed
	case left > 0:
		return errSomeLeft
	}
	return nil
}

// told reports whether there is nothing to be said of err.
func told(err error) bool {
	return errors.Is(err, errSomeFailed) || errors.Is(err, errUnfit) || errors.Is(err, errSomeLeft) || errors.Is(err, errUnread)
}

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
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

// exitDoc is the one documented list of exit codes, in the order of the help.
var exitDoc = []struct {
	code    int
	meaning string
}{
	{exitOK, "all that was asked for is there"},
	{exitStopped, "the run stopped: bad key, no credits, API or destination out of reach, nothing but faults from the API, no manifest at ROOT, no room or open files left; prune: refused, as a manifest may be lost"},
	{exitUsage, "wrong usage: nothing was tried"},
	{exitFailed, "some batches failed (verify: differ; status, prune: cannot be read; adopt: has files that were left), the others are done; load-sql: nothing is printed then"},
	{exitOngoing, "nothing failed, but some batches are still ongoing, or left by --max-runtime: run again later"},
	{exitHangup, "the terminal was closed (SIGHUP)"},
	{exitInterrupt, "interrupted (SIGINT)"},
	{exitUnread, "stdout was closed before all was printed (SIGPIPE), as head does"},
	{exitTerminated, "terminated (SIGTERM)"},
}

// signalExits are the codes of every command that a signal can stop. usualExits are the
// codes of a command that works on batches, and waits for none.
var (
	signalExits = []int{exitHangup, exitInterrupt, exitTerminated}
	usualExits  = slices.Clip(append([]int{exitOK, exitStopped, exitUsage, exitFailed}, signalExits...))
)

// exitCodes renders the lines of exitDoc for the codes that a command can give,
// as a section of its help.
func exitCodes(codes ...int) string {
	var b strings.Builder
	b.WriteString("\nEXIT CODES:\n")
	for _, d := range exitDoc {
		for _, c := range codes {
			if c == d.code {
				fmt.Fprintf(&b, "   %3d  %s\n", d.code, d.meaning)
			}
		}
	}
	return b.String()
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
	return errors.Is(err, errSomeFailed) || errors.Is(err, errSomeLeft) || errors.Is(err, errUnread)
}

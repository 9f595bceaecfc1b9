// Package doctor finds out whether a run can work here: whether the key is accepted, whether
// this machine has what a run needs, and whether a root keeps what the pipeline relies on.
//
// It finds out by doing. A root is written to under names that nobody else has, see package
// probe, and these objects are removed in the end, also when the user interrupts. Nothing
// else is changed. A check that depends on another one which failed is not made, and says so:
// no check is left out without a word.
//
// Names of checks are part of the output's contract. docs/doctor.md explains each.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// Status is the outcome of a check.
type Status string

const (
	OK         Status = "ok"
	Warning    Status = "warning" // a run works, but somebody should look
	Failed     Status = "failed"  // a run does not work, or not as it promises
	NotChecked Status = "not checked"
)

// Check is one fact that was found, or not.
type Check struct {
	Name string
	// Root is the flag of the root that the check is about, without dashes. It is empty for
	// the API and for this machine.
	Root   string
	Status Status
	Found  string // what was found, or why nothing was; one line
	Err    error  // that says it, may be nil
	Hint   string // what to do where Err has no advice of its own, may be empty
}

// API is the client of the API. Account asks once, and returns the Date of a refusal, too.
type API interface {
	Account(ctx context.Context) (pipeline.Account, error)
}

// Config says what to look at.
type Config struct {
	// API is nil when there is no key, or none that could be read.
	API    API
	APIURL string
	KeyErr error // why the key could not be read; nil when none was given

	// Spool is the size of the largest temporary file of this machine.
	Spool uint64

	Roots []Root
	// Timeout bounds what is not bounded by the store or the client.
	Timeout time.Duration
	// Now is the clock of this machine, time.Now if nil.
	Now func() time.Time
}

// Root is a destination.
type Root struct {
	Flag string // such as "to"
	At   string // as it was typed
	// Flags say how the root is reached, for another command. They begin with a space.
	Flags string
	// OpenErr is why there is no Store, and OpenHint what to do.
	OpenErr  error
	OpenHint string
	Store    sinks.Store
	// Rival is another client of the root, nil for none.
	Rival sinks.Store
	// Missing says that the root is a directory that does not exist yet, or has no manifest
	// yet, and the store a temporary one in its place.
	Missing bool
	// Service is the URL of the service behind the root, empty for a directory.
	Service string
	// SingleWriter says that the service is not asked to keep conditions.
	SingleWriter bool
}

// directory is what a store knows of a root that is a directory.
type directory interface {
	Space() (uint64, error)
	Network() (string, error)
	Clock(ctx context.Context) (time.Time, error)
	Locks(ctx context.Context) error
	Leftovers(ctx context.Context) (int, error)
}

// written is a store that tells when an object was written, by the clock of its service.
type written interface {
	Written(ctx context.Context, name string) (time.Time, error)
}

// connected is a store that knows more of how it is reached than the settings of the root
// say: where, and which certificates are trusted in the place of those of the system.
type connected interface {
	Connection(ctx context.Context) (url string, certificates []string, err error)
}

// as returns what is behind the wrappers of a store, if that is a T.
func as[T any](store sinks.Store) (T, bool) {
	for {
		if t, ok := store.(T); ok {
			return t, true
		}
		wrapper, ok := store.(interface{ Unwrap() sinks.Store })
		if !ok {
			var none T
			return none, false
		}
		store = wrapper.Unwrap()
	}
}

// Run makes all checks, and calls found with each when it is made. The error is the cause
// of ctx, when that is cancelled.
func Run(ctx context.Context, cfg Config, found func(Check)) error {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &reporter{found: found}
	api(ctx, cfg, r)
	machine(cfg, r)
	for _, root := range cfg.Roots {
		if ctx.Err() != nil {
			break
		}
		r.root = root.Flag
		e := examination{Root: root, cfg: cfg, report: r}
		e.all(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// reporter hands out checks of one root, or of none.
type reporter struct {
	found func(Check)
	root  string
}

func (r *reporter) tell(c Check) {
	c.Root = r.root
	if c.Err != nil && c.Found == "" {
		c.Found = c.Err.Error()
	}
	c.Found = strings.Join(strings.Fields(c.Found), " ")
	r.found(c)
}

func (r *reporter) ok(name, format string, args ...any) {
	r.tell(Check{Name: name, Status: OK, Found: fmt.Sprintf(format, args...)})
}

func (r *reporter) warn(name, hint, format string, args ...any) {
	r.tell(Check{Name: name, Status: Warning, Found: fmt.Sprintf(format, args...), Hint: hint})
}

// fail reports an error, unless it is that of a run that was interrupted.
func (r *reporter) fail(ctx context.Context, name string, err error, hint string) {
	if ctx.Err() != nil {
		r.skip("the checks were interrupted", name)
		return
	}
	r.tell(Check{Name: name, Status: Failed, Err: err, Hint: hint})
}

func (r *reporter) skip(why string, names ...string) {
	for _, name := range names {
		r.tell(Check{Name: name, Status: NotChecked, Found: why})
	}
}

// count returns a number with its noun.
func count[N int | uint64](n N, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "ch"):
		noun += "es"
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ies"
	default:
		noun += "s"
	}
	return humanize.Comma(int64(n)) + " " + noun
}

// The difference of two clocks that is worth a word, and the difference at which services
// no longer accept requests that are signed with a time.
const (
	clockWarning = time.Minute
	clockFailure = 5 * time.Minute
)

// clock reports by how much the clock of this machine differs from another one, which
// showed at when this one was between before and after.
func (r *reporter) clock(name, whose string, at, before, after time.Time, signed bool) {
	off := max(before.Sub(at), at.Sub(after), 0).Round(time.Second)
	direction := "ahead of"
	if at.After(after) {
		direction = "behind"
	}
	text := fmt.Sprintf("the clock of this machine is %s %s %s", off, direction, whose)
	const hint = "set the clock of this machine by NTP"
	switch {
	case off < 2*time.Second: // a Date has no fractions of a second
		r.ok(name, "the clock of this machine agrees with %s", whose)
	case off <= clockWarning:
		r.ok(name, "%s", text)
	case off > clockFailure && signed:
		r.tell(Check{Name: name, Status: Failed, Err: errors.New(text + ": requests that are signed with a time are refused"), Hint: hint})
	default:
		r.warn(name, hint, "%s", text)
	}
}

package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// flagDef declares a flag once: how the library parses it, and what help, the manual
// and completion say of it. Values are read and checked before the library sees
// them (see flagDef.read), so that a command that reads a flag needs no check.
type flagDef struct {
	cli.Flag // how the library parses it
	name     string
	value    string // placeholder of the value in help; empty for a switch
	short    string // one line in help
	long     string // further sentences, in the manual only
	defaults string // shown as the default; empty for none
	required bool
	env      []string // environment variables; the first that is not empty counts
	list     bool     // may be repeated
	known    []string // all values there are, if they are few
	// knownOf returns the values behind KEY= in a list, nil if there are no such items.
	knownOf func(key string) []string
	takes   pathKind
	// store is the scheme of the only store that the flag is for; empty for all others.
	store string
	// place says that a value may be the URL of something in a bucket.
	place bool
	// parse returns the canonical form of a value, or what is wrong with it.
	parse func(flag, value string) (string, error)
}

// pathKind says which paths of this machine a value may be, for completion.
type pathKind int

const (
	noPath pathKind = iota
	filePath
	directoryPath
)

func newFlag(name, value, short string, f cli.Flag) *flagDef {
	return &flagDef{
		Flag: f, name: name, value: value, short: short, env: []string{variable(name)},
		parse: func(_, value string) (string, error) { return value, nil },
	}
}

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func textFlag(name, value, byDefault, short string) *flagDef {
	f := newFlag(name, value, short, &cli.StringFlag{Name: name, Value: byDefault})
	f.defaults = byDefault
	return f
}

// listFlag is a flag that may be repeated.
func listFlag(name, value, short string) *flagDef {
	f := newFlag(name, value, short, &cli.StringSliceFlag{Name: name})
	f.list = true
	return f
}

// boolFlag is a switch, off by default.
func boolFlag(name, short string) *flagDef {
	f := newFlag(name, "", short, &cli.BoolFlag{Name: name})
	f.parse = parseBool
	return f
}

func intFlag(name string, byDefault int, short string, check func(flag string, value int) error) *flagDef {
	f := newFlag(name, "N", short, &cli.IntFlag{Name: name, Value: byDefault})
	f.defaults = strconv.Itoa(byDefault)
	f.parse = func(flag, value string) (string, error) {
		n, err := strconv.Atoi(value)
		if err != nil {
			if errors.Is(err, strconv.ErrRange) {
				return "", usagef("", "%s: %s is too large", flag, value)
			}
			return "", usagef("write a whole number, such as "+strconv.Itoa(max(byDefault, 1)), "%s: %q is not a whole number", flag, value)
		}
		return value, check(flag, n)
	}
	return f
}

func floatFlag(name string, byDefault float64, short string, check func(flag string, value float64) error) *flagDef {
	f := newFlag(name, "N", short, &cli.Float64Flag{Name: name, Value: byDefault})
	f.defaults = strconv.FormatFloat(byDefault, 'f', -1, 64)
	f.parse = func(flag, value string) (string, error) {
		x, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return "", usagef("write a number, such as 2 or 0.5", "%s: %q is not a number", flag, value)
		}
		return value, check(flag, x)
	}
	return f
}

func durationFlag(name string, byDefault time.Duration, short string, check func(flag string, value time.Duration) error) *flagDef {
	f := newFlag(name, "TIME", short, &cli.DurationFlag{Name: name, Value: byDefault})
	f.defaults = shortDuration(byDefault)
	f.parse = func(flag, value string) (string, error) {
		d, err := time.ParseDuration(value)
		if err != nil {
			return "", notADuration(flag, value)
		}
		return value, check(flag, d)
	}
	return f
}

// shortDuration writes a duration as it is typed: 1h, not 1h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// more adds sentences that only the manual has.
func (f *flagDef) more(sentences string) *flagDef {
	f.long = sentences
	return f
}

// or sets what is shown as the default.
func (f *flagDef) or(shown string) *flagDef {
	f.defaults = shown
	return f
}

// must marks a flag that has to be given.
func (f *flagDef) must() *flagDef {
	f.required = true
	return f
}

// checked has each value of a flag checked. The check gets the flag as it was given,
// --name or its environment variable, and returns a usage error.
func (f *flagDef) checked(check func(flag, value string) error) *flagDef {
	f.parse = func(flag, value string) (string, error) { return value, check(flag, value) }
	return f
}

// oneOf declares all values of a flag.
func (f *flagDef) oneOf(known ...string) *flagDef {
	f.known = known
	f.parse = func(flag, value string) (string, error) { return chosen(flag, value, known) }
	return f
}

// listOf declares all values of a flag that takes a list with commas.
func (f *flagDef) listOf(known ...string) *flagDef {
	f.known = known
	f.parse = func(flag, value string) (string, error) {
		parts := splitLists([]string{value})
		if parts == nil {
			return "", usagef("", "%s: no name given", flag)
		}
		for i, part := range parts {
			name, err := chosen(flag, part, known)
			if err != nil {
				return "", err
			}
			parts[i] = name
		}
		return strings.Join(parts, ","), nil
	}
	return f
}

// orNone lets an empty value through, as if the flag was left out.
func (f *flagDef) orNone() *flagDef {
	parse := f.parse
	f.parse = func(flag, value string) (string, error) {
		if value == "" {
			return "", nil
		}
		return parse(flag, value)
	}
	return f
}

// suggests declares values for completion, of a flag that has a check of its own.
func (f *flagDef) suggests(known ...string) *flagDef {
	f.known = known
	return f
}

// file is the path of a file on this machine.
func (f *flagDef) file() *flagDef {
	f.takes = filePath
	return f.checked(checkFile)
}

// directory is a root, which may be a directory of this machine.
func (f *flagDef) directory() *flagDef {
	f.takes, f.place = directoryPath, true
	return f
}

// alsoEnv adds an environment variable that counts before the usual one.
func (f *flagDef) alsoEnv(name string) *flagDef {
	f.env = append([]string{name}, f.env...)
	return f
}

// own gives a flag that export has, too, an environment variable of its own, so
// that what is set for exports is not taken for another command's.
func (f *flagDef) own(command string) *flagDef {
	f.env = []string{variable(command + "-" + f.name)}
	return f
}

// isSwitch reports whether a flag takes no value.
func (f *flagDef) isSwitch() bool { return f.value == "" }

// given returns the values of a repeatable flag, without empty ones.
func given(c *cli.Context, flag string) []string {
	return slices.DeleteFunc(c.StringSlice(flag), func(v string) bool { return v == "" })
}

// splitLists splits every value at commas and drops white space and empty parts.
func splitLists(values []string) []string {
	var parts []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// intOf is the check of a number with few values.
func intOf(allowed ...int) func(flag string, value int) error {
	var texts []string
	for _, n := range allowed {
		texts = append(texts, strconv.Itoa(n))
	}
	return func(flag string, value int) error {
		if slices.Contains(allowed, value) {
			return nil
		}
		return usagef("", "%s: %d is not one of %s", flag, value, strings.Join(texts, ", "))
	}
}

// positive checks a duration.
func positive(flag string, value time.Duration) error {
	if value <= 0 {
		return usagef("", "%s: %v is not above zero", flag, value)
	}
	return nil
}

func notNegative[N int | time.Duration](flag string, value N) error {
	if value < 0 {
		return usagef("", "%s: %v is negative", flag, fmt.Sprint(value))
	}
	return nil
}

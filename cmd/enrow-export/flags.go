package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// A flag is declared with the check of its value, which runs before the command does:
// what reads the flag needs no check. A check gets the flag's name and value, and
// returns a usage error. Only a flag that was set is checked.

// env returns the environment variable of a flag: ENROW_EXPORT_ and its name.
func env(flag string) []string {
	return []string{"ENROW_EXPORT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
}

// textFlag is a flag with a text, which keeps its default where its environment
// variable is set to nothing.
type textFlag struct{ *cli.StringFlag }

func (f textFlag) Apply(set *flag.FlagSet) error {
	all := f.EnvVars
	defer func() { f.EnvVars = all }() // help names them
	f.EnvVars = slices.DeleteFunc(slices.Clone(all), func(name string) bool { return os.Getenv(name) == "" })
	return f.StringFlag.Apply(set)
}

func stringFlag(name, value, usage string, moreEnv ...string) textFlag {
	return textFlag{&cli.StringFlag{Name: name, Value: value, Usage: usage, EnvVars: append(moreEnv, env(name)...)}}
}

// checked has the value of a flag checked.
func checked(f textFlag, check func(flag, value string) error) textFlag {
	f.Action = func(_ *cli.Context, value string) error { return check(f.Name, value) }
	return f
}

// defaultText says in the help what the flag is when it is left out.
func defaultText(f textFlag, text string) textFlag {
	f.DefaultText = text
	return f
}

// own gives a flag that export has, too, an environment variable of its own, so
// that what is set for exports is not taken for another command's.
func own(command string, flag cli.Flag) cli.Flag {
	name := env(command + "-" + flag.Names()[0])
	switch f := flag.(type) {
	case textFlag:
		f.EnvVars = name
	case *cli.StringSliceFlag:
		f.EnvVars = name
	case *cli.BoolFlag:
		f.EnvVars = name
	}
	return flag
}

func listFlag(name, usage, defaultText string) *cli.StringSliceFlag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, EnvVars: env(name), DefaultText: defaultText}
}

func boolFlag(name, usage string) *cli.BoolFlag {
	return &cli.BoolFlag{Name: name, Usage: usage, EnvVars: env(name)}
}

func intFlag(name string, value int, usage string, check func(flag string, value int) error) *cli.IntFlag {
	return &cli.IntFlag{
		Name: name, Value: value, Usage: usage, EnvVars: env(name),
		Action: func(_ *cli.Context, value int) error { return check(name, value) },
	}
}

func floatFlag(name string, value float64, usage string, check func(flag string, value float64) error) *cli.Float64Flag {
	return &cli.Float64Flag{
		Name: name, Value: value, Usage: usage, EnvVars: env(name),
		Action: func(_ *cli.Context, value float64) error { return check(name, value) },
	}
}

func durationFlag(name string, value time.Duration, usage string, check func(flag string, value time.Duration) error) *cli.DurationFlag {
	return &cli.DurationFlag{
		Name: name, Value: value, Usage: usage, EnvVars: env(name),
		Action: func(_ *cli.Context, value time.Duration) error { return check(name, value) },
	}
}

// given returns the values of a repeatable flag. An environment variable that is
// set to nothing gives none.
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

// oneOf is the check of a flag with few values.
func oneOf(allowed ...string) func(flag, value string) error {
	return func(flag, value string) error {
		if slices.Contains(allowed, value) {
			return nil
		}
		return usagef("", "--%s: %q is not one of %s", flag, value, strings.Join(allowed, ", "))
	}
}

// orNone is a check that lets an empty value through.
func orNone(check func(flag, value string) error) func(flag, value string) error {
	return func(flag, value string) error {
		if value == "" {
			return nil
		}
		return check(flag, value)
	}
}

// intOf is oneOf for numbers.
func intOf(allowed ...int) func(flag string, value int) error {
	var texts []string
	for _, n := range allowed {
		texts = append(texts, fmt.Sprint(n))
	}
	return func(flag string, value int) error { return oneOf(texts...)(flag, fmt.Sprint(value)) }
}

// positive checks a duration.
func positive(flag string, value time.Duration) error {
	if value <= 0 {
		return usagef("", "--%s: %v is not above zero", flag, value)
	}
	return nil
}

func notNegative[N int | time.Duration](flag string, value N) error {
	if value < 0 {
		return usagef("", "--%s: %v is negative", flag, fmt.Sprint(value))
	}
	return nil
}

package main

import (
	"os"
	"slices"
	"strings"

	"github.com/xrash/smetrics"
)

// What people type is read by its meaning: case, and - or _, make no difference in a
// name, and the other common name of a thing is understood. What is printed and
// stored is the canonical form. A near miss is refused with the name that was meant.

// otherNames are names that people know a thing by, and the names that it has here.
var otherNames = map[string]string{
	"jsonl": "ndjson", "jsonlines": "ndjson", "json-lines": "ndjson", "ndjsonl": "ndjson",
	"postgresql": "postgres",
	"gz":         "gzip", "zst": "zstd", "zstandard": "zstd",
	"warning": "warn",
	"pwsh":    "powershell",
}

// canonical returns the one of the known names that is meant by a name.
func canonical(name string, known []string) (string, bool) {
	folded := fold(name)
	for _, k := range known {
		if fold(k) == folded {
			return k, true
		}
	}
	other, ok := otherNames[folded]
	return other, ok && slices.Contains(known, other)
}

func fold(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(strings.TrimSpace(name)))
}

// chosen returns which of the known values of a flag is meant.
func chosen(flag, value string, known []string) (string, error) {
	if name, ok := canonical(value, known); ok {
		return name, nil
	}
	return "", usagef(didYouMean(value, known), "%s: %q is not one of %s", flag, value, strings.Join(known, ", "))
}

// didYouMean is the hint that names what a mistyped name is nearest to, and is empty when
// nothing is near.
func didYouMean(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// nearest returns the known name that a mistyped one was most likely meant to be, empty
// when none is so near that a slip of the hand explains it: a third of the letters are
// others, or it is the beginning of one name only.
func nearest(name string, known []string) string {
	folded := fold(name)
	best, least := "", max(1, len(folded)/3)+1
	for _, k := range known {
		if d := smetrics.WagnerFischer(folded, fold(k), 1, 1, 1); d < least {
			best, least = k, d
		}
	}
	if best != "" || len(folded) < 3 {
		return best
	}
	for _, k := range known {
		if !strings.HasPrefix(fold(k), folded) {
			continue
		}
		if best != "" {
			return ""
		}
		best = k
	}
	return best
}

func parseBool(flag, value string) (string, error) {
	switch fold(value) {
	case "true", "1", "t":
		return "true", nil
	case "false", "0", "f":
		return "false", nil
	}
	return "", usagef("write true or false", "%s: %q is neither true nor false", flag, value)
}

// notADuration refuses a value that is not a duration, with how to write the same number.
func notADuration(flag, value string) error {
	hint := "write 30s, 5m or 1h"
	if number := strings.TrimSpace(value); number != "" && strings.Trim(number, "0123456789") == "" && number != "30" {
		hint = "write " + number + "s, " + number + "m or " + number + "h"
	} else if days, isDays := strings.CutSuffix(fold(value), "d"); isDays && days != "" && strings.Trim(days, "0123456789") == "" {
		hint = "write hours: 24h is a day"
	}
	return usagef(hint, "%s: %q is not a duration with a unit", flag, value)
}

// fromEnvironment returns the flags that environment variables set, in the form
// --name=value, of those that were not given themselves, and the variables. A variable
// that is empty sets nothing.
func fromEnvironment(flags []*flagDef, given map[string]bool) (set []string, variables map[string]string, err error) {
	variables = make(map[string]string)
	for _, f := range flags {
		if given[f.name] {
			continue
		}
		for _, name := range f.env {
			value := os.Getenv(name)
			if value == "" {
				continue
			}
			value, err := f.parse(name, value)
			if err != nil {
				return nil, nil, err
			}
			variables["--"+f.name] = name
			set = append(set, "--"+f.name+"="+value)
			break
		}
	}
	return set, variables, nil
}

const variablePrefix = "ENROW_EXPORT_"

// unknownVariables returns a warning for each variable of the environment that looks like
// one of the program's and is none.
func unknownVariables(commands []command, environ []string) []string {
	own := func(name string) string { return strings.TrimPrefix(name, variablePrefix) }
	known := []string{own(shardVariables[1][1]), own(hookSecretVariable)}
	for _, c := range commands {
		for _, f := range c.flags() {
			for _, name := range f.env {
				known = append(known, own(name))
			}
		}
	}
	var warnings []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(known, own(name)) {
			continue
		}
		warning := name + " sets nothing: no flag has this variable"
		switch near := nearest(own(name), known); {
		case name == variablePrefix+"API_KEY":
			warning += "; the key comes from ENROW_API_KEY"
		case near != "":
			warning += "; did you mean " + variablePrefix + near + "?"
		}
		warnings = append(warnings, warning)
	}
	slices.Sort(warnings)
	return warnings
}

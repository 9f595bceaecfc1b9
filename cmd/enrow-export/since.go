package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func sinceFlag() *flagDef {
	return textFlag("since", "TIME", "", "exported at this time or later: 7d, 36h, 2006-01-02").
		more("A date is in UTC. Write a time as 2006-01-02T15:04:05Z.").
		checked(func(flag, value string) error {
			if _, ok := parseSince(value); !ok {
				return usagef("write a time as 2006-01-02T15:04:05Z or 2006-01-02, or an age: 36h, 7d", "%s: %q is not a time", flag, value)
			}
			return nil
		})
}

// since returns the time that --since says, the zero time when it says none.
func since(c *cli.Context) time.Time {
	at, _ := parseSince(c.String("since")) // sinceFlag has found what is no time
	return at
}

func parseSince(value string) (at time.Time, ok bool) {
	if value == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, true
		}
	}
	if days, ok := strings.CutSuffix(value, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Now().AddDate(0, 0, -int(n)), true
		}
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 {
		return time.Now().Add(-d), true
	}
	return time.Time{}, false
}

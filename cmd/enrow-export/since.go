package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func sinceFlag() cli.Flag {
	f := stringFlag("since", "", "only what was exported at `TIME` or later: 2006-01-02T15:04:05Z, 2006-01-02 (UTC), or so long ago: 36h, 7d")
	f.DefaultText = "from the beginning"
	return f
}

// since returns the time that the flag of that name says, the zero time when it
// says none.
func since(c *cli.Context) (time.Time, error) {
	value := c.String("since")
	if value == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, value); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(value, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Now().AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	return time.Time{}, usagef("write a time as 2006-01-02T15:04:05Z or 2006-01-02, or how long ago: 36h, 7d", "--since: %q is no time", value)
}

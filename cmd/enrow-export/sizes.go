package main

import (
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
)

// maxSize keeps the rows of an answer within what one Arrow column can hold.
const maxSize = 1 << 30

// sizeFlag is a flag with a size such as 64MiB or 1000000.
func sizeFlag(name, value, short string) *flagDef {
	return textFlag(name, "SIZE", value, short).checked(func(flag, value string) error {
		if n, err := humanize.ParseBytes(value); err != nil || n == 0 || n > maxSize {
			return usagef("give a size from 1 B to "+humanize.IBytes(maxSize)+", such as 64MiB", "%s: %q is not a size in that range", flag, value)
		} else if _, err := strconv.Atoi(value); err == nil && n < 1<<10 { // the unit was forgotten
			return usagef(fmt.Sprintf("write %[1]sMiB, %[1]sKiB or %[1]sB", value), "%s: %q has no unit", flag, value)
		}
		return nil
	})
}

// byteSize reads a flag that is made by sizeFlag.
func byteSize(c *cli.Context, flag string) int64 {
	n, err := humanize.ParseBytes(c.String(flag))
	if err != nil {
		panic(err) // sizeFlag has found it
	}
	return int64(n)
}

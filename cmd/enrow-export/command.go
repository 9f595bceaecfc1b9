package main

import (
	"regexp"

	"github.com/urfave/cli/v2"
)

// command is what a command's own file says of it.
type command struct {
	name        string
	usage       string
	args        string // placeholder of its arguments; empty for a command that takes none
	noArgs      string // why it takes none, to be said when there are some
	description string
	flags       []cli.Flag
	exits       []int // exit codes, for the help; usualExits when nil
	action      cli.ActionFunc
}

// newCommand gives a command what all commands have: the template of the help with
// the exit codes, the refusal of arguments, the words for wrong usage.
func newCommand(d command) *cli.Command {
	if d.exits == nil {
		d.exits = usualExits
	}
	help := "see enrow-export " + d.name + " --help"
	return &cli.Command{
		Name:               d.name,
		Usage:              d.usage,
		ArgsUsage:          d.args,
		Description:        d.description,
		CustomHelpTemplate: cli.CommandHelpTemplate + exitCodes(d.exits...),
		Flags:              d.flags,
		HideHelpCommand:    true, // "help" would be taken for an id's place otherwise
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return usagef(help, "%s", twoDashes.ReplaceAllString(err.Error(), "for --"))
		},
		Before: func(c *cli.Context) error {
			if d.args != "" || c.NArg() == 0 {
				return nil
			}
			refusal := d.name + " takes no arguments"
			if d.noArgs != "" {
				refusal += ": " + d.noArgs
			}
			return usagef(help, "%s", refusal)
		},
		Action: d.action,
	}
}

// twoDashes finds where the library names a flag otherwise than it is typed.
var twoDashes = regexp.MustCompile(`for (flag )?-`)

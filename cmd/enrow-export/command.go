package main

import (
	"os"
	"slices"

	"github.com/urfave/cli/v2"
)

// command is what a command's own file says of it. The parser, help, the manual and
// completion are all made from it.
type command struct {
	name   string
	topic  topic  // under which the program's help lists it
	usage  string // one line
	args   string // placeholder of its arguments; empty for a command that takes none
	noArgs string // why it takes none, to be said when there are some
	// description is paragraphs with an empty line between them. A line that begins
	// with white space is shown as it is.
	description string
	examples    []example
	groups      []flagGroup
	exits       []exit
	page        string   // of docs/, with the long explanation
	topics      []string // known arguments, for completion
	hidden      bool
	action      cli.ActionFunc
}

// topic is a heading of the program's help.
type topic string

const (
	topicExport    topic = "Export"
	topicLook      topic = "Look and check"
	topicWarehouse topic = "Load into a warehouse"
	topicRepair    topic = "Repair and tidy up"
	topicLearn     topic = "Try and learn"
)

var allTopics = []topic{topicExport, topicLook, topicWarehouse, topicRepair, topicLearn}

// example is a call that works, and what it does.
type example struct{ does, call string }

// flagGroup is flags under a heading.
type flagGroup struct {
	title string
	flags []*flagDef
}

// flags returns the flags of all groups.
func (d command) flags() []*flagDef {
	var all []*flagDef
	for _, g := range d.groups {
		all = append(all, g.flags...)
	}
	return all
}

// flag returns the flag of that name, nil when the command has none.
func (d command) flag(name string) *flagDef {
	flags := d.flags()
	if i := slices.IndexFunc(flags, func(f *flagDef) bool { return f.name == name }); i >= 0 {
		return flags[i]
	}
	return nil
}

// commands returns all commands, in the order of the help.
func (p *program) commands() []command {
	return []command{
		p.exportCommand(),
		p.serveCommand(),
		p.enqueueCommand(),
		p.dismissCommand(),
		p.statusCommand(),
		p.verifyCommand(),
		p.doctorCommand(),
		p.filesCommand(),
		p.batchesCommand(),
		p.reportCommand(),
		p.schemaCommand(),
		p.loadSQLCommand(),
		p.compactCommand(),
		p.pruneCommand(),
		p.adoptCommand(),
		p.demoCommand(),
		p.mockAPICommand(),
		p.versionCommand(),
		p.completionCommand(),
		p.manCommand(),
	}
}

// commandNamed returns the command of that name, nil when there is none.
func commandNamed(commands []command, name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

// commandNames returns the names of the commands that help lists.
func commandNames(commands []command) []string {
	var names []string
	for _, c := range commands {
		if !c.hidden {
			names = append(names, c.name)
		}
	}
	return names
}

// cli returns the command as the library parses it.
func (p *program) cli(d command) *cli.Command {
	help := "see enrow-export " + d.name + " --help"
	c := &cli.Command{
		Name:            d.name,
		HideHelp:        true, // help is rendered here
		HideHelpCommand: true, // "help" would be taken for an id's place otherwise
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return usagef(help, "%v", err)
		},
		Before: func(c *cli.Context) error {
			if c.Bool("verbose") && c.Bool("quiet") {
				return usagef("leave one of them out", "--verbose and --quiet do not go together")
			}
			p.warn(c, unknownVariables(p.commands(), os.Environ())...)
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
	for _, f := range d.flags() {
		c.Flags = append(c.Flags, f.Flag)
	}
	return c
}

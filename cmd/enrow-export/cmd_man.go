package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v2"
)

func (p *program) manCommand() command {
	return command{
		name:        "man",
		topic:       topicLearn,
		usage:       "write the man pages",
		hidden:      true, // it is there for packages
		description: "One page for the program and one for each command. With --markdown, the same as one page on stdout.",
		examples: []example{
			{"all pages", "enrow-export man --out /usr/local/share/man/man1"},
			{"as one page of Markdown", "enrow-export man --markdown"},
		},
		exits: []exit{{"0", "the pages are written"}, {"1", "the directory cannot be written to"}, usageExit},
		groups: []flagGroup{{"Output", []*flagDef{
			textFlag("out", "DIR", "", "directory for the pages").own("man").directory(),
			boolFlag("markdown", "print one page of Markdown").own("man"),
		}}},
		action: p.man,
	}
}

func (p *program) man(c *cli.Context) error {
	commands := p.commands()
	dir := c.String("out")
	switch {
	case c.Bool("markdown") == (dir != ""):
		return usagef("for example --out man1", "man takes one of --out and --markdown")
	case dir == "":
		fmt.Fprint(p.stdout, referencePage(commands))
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("write man pages: %w", err)
	}
	pages := map[string]string{programName: programManual(commands)}
	for _, d := range commands {
		if !d.hidden {
			pages[programName+"-"+d.name] = d.manual()
		}
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(dir, name+".1"), md2man.Render([]byte(page)), 0o666); err != nil {
			return fmt.Errorf("write man pages: %w", err)
		}
	}
	return nil
}

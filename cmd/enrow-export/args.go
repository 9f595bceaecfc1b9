package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts the flags of a command before its other arguments, since the
// library takes whatever follows the first argument for arguments. People write
// flags after ids just as well. After "--" everything is an argument. Unknown
// commands and flags, and flags without their value, are usage errors.
func arrange(app *cli.App, args []string) ([]string, error) {
	name := args[1]
	if strings.HasPrefix(name, "-") {
		switch name {
		case "-h", "-help", "--help", "-v", "-version", "--version":
			return args[:2], nil
		}
		return nil, usagef("flags follow the command: enrow-export export --to out BATCH_ID", "unknown flag %s before a command", flagName(name))
	}
	if name == "help" {
		if len(args) == 2 {
			return []string{args[0], "--help"}, nil
		}
		return arrange(app, []string{args[0], args[2], "--help"})
	}
	cmd := app.Command(name)
	if cmd == nil {
		return nil, usagef(cli.SuggestCommand(app.Commands, name)+" See enrow-export --help", "unknown command %q", name)
	}
	flags, rest, err := splitFlags(cmd, args[2:])
	if err != nil {
		return nil, err
	}
	for _, flag := range flags {
		if n := strings.TrimLeft(flagName(flag), "-"); n == "help" || n == "h" {
			return []string{args[0], name, "--help"}, nil // or arguments would be taken for topics
		}
	}
	arranged := append([]string{args[0], name}, flags...)
	return append(append(arranged, "--"), rest...), nil
}

// splitFlags parts a command's flags, each in the form --name=value, from its
// arguments.
func splitFlags(cmd *cli.Command, args []string) (flags, rest []string, err error) {
	kinds := flagKinds(cmd)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return flags, append(rest, args[i+1:]...), nil
		}
		if arg == "-" || !strings.HasPrefix(arg, "-") {
			rest = append(rest, arg)
			continue
		}
		name := flagName(arg)
		isBool, known := kinds[strings.TrimLeft(name, "-")]
		_, _, hasValue := strings.Cut(arg, "=")
		switch {
		case !known:
			near := cli.SuggestFlag(cmd.Flags, strings.TrimLeft(name, "-"), false)
			return nil, nil, usagef("did you mean "+near+"? See enrow-export "+cmd.Name+" --help", "unknown flag %s", name)
		case isBool || hasValue:
			flags = append(flags, arg)
			continue
		}
		if i++; i == len(args) {
			return nil, nil, usagef("see enrow-export "+cmd.Name+" --help", "flag %s needs a value", name)
		}
		if value := args[i]; strings.HasPrefix(value, "--") {
			if _, isFlag := kinds[strings.TrimLeft(flagName(value), "-")]; isFlag {
				return nil, nil, usagef("write "+name+"="+value+" if that is the value", "flag %s needs a value, but %s follows", name, flagName(value))
			}
		}
		flags = append(flags, arg+"="+args[i])
	}
	return flags, rest, nil
}

// flagName returns a flag as it was typed, without its value, which may be
// anything.
func flagName(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	return name
}

// flagKinds tells, for every name of a command's flags, whether it is a switch.
func flagKinds(cmd *cli.Command) map[string]bool {
	kinds := map[string]bool{"help": true, "h": true}
	for _, f := range cmd.Flags {
		_, isBool := f.(*cli.BoolFlag)
		for _, name := range f.Names() {
			kinds[name] = isBool
		}
	}
	return kinds
}

package main

import "strings"

// call is a command line put in order.
type call struct {
	command *command // nil: the program itself
	help    bool
	version bool
	args    []string // for the library: the program, the command, flags, --, arguments
	// variables are the environment variables that have set a flag, by --name.
	variables map[string]string
}

// arrange puts the flags of a command before its other arguments, since the
// library takes whatever follows the first argument for arguments. People write
// flags after ids just as well. After "--" everything is an argument. Unknown
// commands and flags, flags without their value, and values that cannot be, are usage
// errors. Flags that were not given come from their environment variables.
func arrange(commands []command, args []string) (call, error) {
	name := args[1]
	if strings.HasPrefix(name, "-") {
		switch name {
		case "-h", "-help", "--help":
			return call{help: true}, nil
		case "-v", "-version", "--version":
			return call{version: true}, nil
		}
		return call{}, usagef("flags follow the command: enrow-export export --to out BATCH_ID", "unknown flag %s before a command", flagName(name))
	}
	if name == "help" {
		if len(args) == 2 || args[2] == "help" {
			return call{help: true}, nil
		}
		return arrange(commands, []string{args[0], args[2], "--help"})
	}
	cmd := commandNamed(commands, name)
	if cmd == nil {
		return call{}, usagef(withHelp(didYouMean(name, commandNames(commands)), ""), "unknown command %q", name)
	}
	flags, rest, err := splitFlags(cmd, args[2:])
	if err != nil {
		return call{}, err
	}
	given := make(map[string]bool)
	for _, flag := range flags {
		given[strings.TrimLeft(flagName(flag), "-")] = true
	}
	if given["help"] || given["h"] {
		return call{command: cmd, help: true}, nil
	}
	set, variables, err := fromEnvironment(cmd.flags(), given)
	if err != nil {
		return call{}, err
	}
	if err := checkStoreFlags(cmd, flags, set); err != nil {
		return call{}, err
	}
	arranged := append(append([]string{args[0], name}, set...), flags...)
	return call{command: cmd, args: append(append(arranged, "--"), rest...), variables: variables}, nil
}

// withHelp ends a hint with where the help is.
func withHelp(hint, command string) string {
	see := "see enrow-export --help"
	if command != "" {
		see = "see enrow-export " + command + " --help"
	}
	if hint == "" {
		return see
	}
	return hint + " " + strings.ToUpper(see[:1]) + see[1:]
}

// splitFlags parts a command's flags, each in the form --name=value, from its
// arguments. Values are in their canonical form.
func splitFlags(cmd *command, args []string) (flags, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return flags, append(rest, args[i+1:]...), nil
		}
		if arg == "-" || !strings.HasPrefix(arg, "-") {
			rest = append(rest, arg)
			continue
		}
		name := strings.TrimLeft(flagName(arg), "-")
		if name == "help" || name == "h" {
			flags = append(flags, "--help")
			continue
		}
		f := cmd.flag(name)
		if f == nil {
			return nil, nil, unknownFlag(cmd, flagName(arg), name)
		}
		_, value, hasValue := strings.Cut(arg, "=")
		switch {
		case hasValue:
		case f.isSwitch():
			value = "true"
		default:
			if i++; i == len(args) {
				return nil, nil, usagef(withHelp("", cmd.name), "flag %s needs a value", flagName(arg))
			}
			value = args[i]
			if follows := flagName(value); follows == "--help" || strings.HasPrefix(value, "--") && cmd.flag(strings.TrimLeft(follows, "-")) != nil {
				return nil, nil, usagef("write --"+name+"="+value+" if that is the value", "flag %s needs a value, but %s follows", flagName(arg), follows)
			}
		}
		if value, err = f.parse("--"+name, value); err != nil {
			return nil, nil, err
		}
		flags = append(flags, "--"+name+"="+value)
	}
	return flags, rest, nil
}

// unknownFlag refuses a flag that the command does not have, and says which it may have
// been, or which commands have it.
func unknownFlag(cmd *command, typed, name string) error {
	var names []string
	for _, f := range cmd.flags() {
		names = append(names, f.name)
	}
	hint := ""
	if near := nearest(name, names); near != "" && len(name) > 1 {
		hint = "did you mean --" + near + "?"
	}
	return usagef(withHelp(hint, cmd.name), "unknown flag %s", typed)
}

// flagName returns a flag as it was typed, without its value, which may be
// anything.
func flagName(arg string) string {
	name, _, _ := strings.Cut(arg, "=")
	return name
}

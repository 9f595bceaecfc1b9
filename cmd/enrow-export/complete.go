package main

import (
	"fmt"
	"slices"
	"strings"
)

// completeCommand is what the scripts of completion call: enrow-export __complete --
// WORD ..., the last word being the one that is completed. The answer is a line for each
// candidate, with what it means behind a tab, and last a line that says which paths of the
// machine are candidates, too. Nothing is read but the declarations of the commands.
const completeCommand = "__complete"

// candidate is a word that can stand at the cursor, and what it means.
type candidate struct{ word, meaning string }

// complete prints the candidates for the last of the words.
func (p *program) complete(commands []command, words []string) error {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	candidates, paths := completions(commands, words)
	for _, c := range candidates {
		fmt.Fprintf(p.stdout, "%s\t%s\n", c.word, c.meaning)
	}
	fmt.Fprintln(p.stdout, map[pathKind]string{noPath: ":none", filePath: ":files", directoryPath: ":directories"}[paths])
	return nil
}

// completions returns what the last word can be.
func completions(commands []command, words []string) ([]candidate, pathKind) {
	if len(words) == 0 {
		words = []string{""}
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	if len(before) == 0 || before[0] == "help" && len(before) == 1 {
		return beginning(word, programCandidates(commands)), noPath
	}
	cmd := commandNamed(commands, before[0])
	if cmd == nil || slices.Contains(before, "--") {
		return nil, noPath
	}
	if f := cmd.flag(strings.TrimLeft(before[len(before)-1], "-")); f != nil && strings.HasPrefix(before[len(before)-1], "-") && !f.isSwitch() {
		return f.values(word)
	}
	if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "-") {
		f := cmd.flag(strings.TrimLeft(name, "-"))
		if f == nil {
			return nil, noPath
		}
		values, paths := f.values(value)
		for i := range values {
			values[i].word = name + "=" + values[i].word
		}
		return values, paths
	}
	var candidates []candidate
	for _, topic := range cmd.topics {
		candidates = append(candidates, candidate{topic, ""})
	}
	if word != "" && !strings.HasPrefix(word, "-") || word == "" && candidates != nil {
		return beginning(word, candidates), noPath
	}
	return beginning(word, cmd.flagCandidates(before)), noPath
}

func programCandidates(commands []command) []candidate {
	var all []candidate
	for _, c := range commands {
		if !c.hidden {
			all = append(all, candidate{c.name, c.usage})
		}
	}
	return append(all, candidate{"help", "help of a command"}, candidate{"--help", "help"}, candidate{"--version", "the version"})
}

// flagCandidates returns the flags that can still be given.
func (d *command) flagCandidates(before []string) []candidate {
	var all []candidate
	for _, f := range d.flags() {
		given := slices.ContainsFunc(before, func(w string) bool { return strings.TrimLeft(flagName(w), "-") == f.name && w[0] == '-' })
		if f.list || !given {
			all = append(all, candidate{"--" + f.name, f.short})
		}
	}
	return append(all, candidate{"--help", "help of this command"})
}

// values returns the values of a flag that begin with what was typed. In a list with
// commas it completes the last item, and behind FORMAT= only the compression.
func (f *flagDef) values(typed string) ([]candidate, pathKind) {
	before := ""
	if f.list {
		before = typed[:strings.LastIndexAny(typed, ",=")+1]
	}
	var all []candidate
	taken := splitLists([]string{before})
	names := f.known
	if key, ok := strings.CutSuffix(before, "="); ok && f.knownOf != nil {
		names = f.knownOf(key[strings.LastIndex(key, ",")+1:])
	}
	for _, known := range names {
		if !slices.Contains(taken, known) {
			all = append(all, candidate{before + known, ""})
		}
	}
	if f.isSwitch() {
		all = []candidate{{"true", ""}, {"false", ""}}
	}
	return beginning(typed, all), f.takes
}

// beginning keeps the candidates that begin with a word. Only a word that begins like a
// flag has flags for candidates.
func beginning(word string, candidates []candidate) []candidate {
	dashes := word == "" && len(candidates) > 0 && !strings.HasPrefix(candidates[0].word, "-")
	return slices.DeleteFunc(candidates, func(c candidate) bool {
		return !strings.HasPrefix(c.word, word) || dashes && strings.HasPrefix(c.word, "-")
	})
}

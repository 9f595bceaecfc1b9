package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// At each width no line of a help is longer, but for a call that is there to be copied,
// and no word is broken.
func TestHelpFits(t *testing.T) {
	commands := (&program{}).commands()
	for _, width := range []int{60, 80, 120} {
		helps := map[string]string{programName: programHelp(commands, width)}
		for i := range commands {
			helps[commands[i].name] = commandHelp(&commands[i], width)
		}
		for name, help := range helps {
			t.Run(fmt.Sprintf("%s/%d", name, width), func(t *testing.T) {
				call := ""
				for line := range strings.Lines(help) {
					line = strings.TrimSuffix(line, "\n")
					if strings.HasPrefix(line, "  # ") {
						call = line
					}
					if line == "" {
						call = ""
					}
					if n := utf8.RuneCountInString(line); n > width && (call == "" || call == line) {
						t.Errorf("%d columns: %q", n, line)
					}
					if strings.TrimRight(line, " ") != line {
						t.Errorf("ends with white space: %q", line)
					}
				}
				if d := commandNamed(commands, name); d != nil {
					for _, word := range slices.Concat(strings.Fields(d.description), flagWords(d)) {
						if !strings.Contains(help, word) {
							t.Errorf("%q is broken or missing", word)
						}
					}
				}
			})
		}
	}
}

func flagWords(d *command) (words []string) {
	for _, f := range d.flags() {
		words = append(words, strings.Fields(f.synopsis()+" "+strings.ReplaceAll(f.describe(), noBreak, " "))...)
	}
	return words
}

// A help is the same text at every width.
func TestHelpOfAllWidthsSaysTheSame(t *testing.T) {
	commands := (&program{}).commands()
	for i := range commands {
		want := strings.Fields(commandHelp(&commands[i], mostWidth))
		got := strings.Fields(commandHelp(&commands[i], leastWidth))
		drop := func(w string) bool { return w == "#" } // a long example has more of them
		if diff := cmp.Diff(slices.DeleteFunc(want, drop), slices.DeleteFunc(got, drop)); diff != "" {
			t.Errorf("%s (-wide +narrow):\n%s", commands[i].name, diff)
		}
	}
}

// A help has what each command needs: examples that work as they stand, its exit codes, and
// the same order of flags and codes for all.
func TestHelpIsComplete(t *testing.T) {
	commands := (&program{}).commands()
	for i := range commands {
		d := &commands[i]
		if len(d.examples) < 2 {
			t.Errorf("%s has %d examples", d.name, len(d.examples))
		}
		for _, e := range d.examples {
			testExample(t, d, e)
		}
		if d.topic == "" || d.usage == "" || d.action == nil {
			t.Errorf("%s lacks a topic, a usage or an action", d.name)
		}
		var codes []string
		for _, e := range d.exits {
			codes = append(codes, e.codes)
		}
		if !slices.IsSortedFunc(d.exits, func(a, b exit) int { return a.first() - b.first() }) || !slices.Contains(codes, "2") {
			t.Errorf("%s has the exit codes %q", d.name, codes)
		}
		names := make(map[string]bool)
		for _, f := range d.flags() {
			if names[f.name] {
				t.Errorf("%s has --%s twice", d.name, f.name)
			}
			names[f.name] = true
			if f.name != f.Names()[0] {
				t.Errorf("%s: --%s is parsed as --%s", d.name, f.name, f.Names()[0])
			}
			if strings.HasSuffix(f.short, ".") || len(f.short) > 70 {
				t.Errorf("%s: what is said of --%s is not one short line: %s", d.name, f.name, f.short)
			}
			if f.long != "" && !strings.HasSuffix(f.long, ".") {
				t.Errorf("%s: what the manual says of --%s is not sentences: %s", d.name, f.name, f.long)
			}
		}
	}
}

// testExample arranges each call of an example.
func testExample(t *testing.T, d *command, e example) {
	t.Helper()
	for line := range strings.SplitSeq(e.call, "\n") {
		if len(line) > usualWidth-len(helpIndent) {
			t.Errorf("%s: an example has no room at the usual width: %s", d.name, line)
		}
	}
	text := strings.ReplaceAll(e.call, "\\\n", " ")
	calls := regexp.MustCompile(`enrow-export ([a-z-]+[^|><&)]*)`).FindAllStringSubmatch(text, -1)
	if calls == nil || strings.Fields(calls[0][1])[0] != d.name && d.name != "enqueue" {
		t.Errorf("%s: %q is no example of it", d.name, e.call)
	}
	for _, call := range calls {
		if _, err := arranged(strings.Fields(call[1])...); err != nil {
			t.Errorf("%s: %q: %v", d.name, e.call, err)
		}
	}
}

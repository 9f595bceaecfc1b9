package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArrange(t *testing.T) {
	tests := []struct{ args, want string }{
		{"export a b", "export -- a b"},
		{"export a --to out b", "export --to=out -- a b"},
		{"export a --to=out --force b", "export --to=out --force -- a b"},
		{"export -to out a", "export -to=out -- a"},
		{"export --force=false a", "export --force=false -- a"},
		{"export --format csv --format=parquet a", "export --format=csv --format=parquet -- a"},
		{"export --to out -- a --force -- b", "export --to=out -- a --force -- b"},
		{"export --ids-file - a", "export --ids-file=- -- a"},
		{"export - a", "export -- - a"},
		{"export --retries -1 a", "export --retries=-1 -- a"},
		{"export --to --odd a", "export --to=--odd -- a"},
		{"export --to a=b c", "export --to=a=b -- c"},
		{"export a --to out --help", "export --help"},
		{"export -h", "export --help"},
		{"export -- --help", "export -- --help"},
		{"help", "--help"},
		{"help help", "--help"},
		{"help export", "export --help"},
		{"help export a --to", "export --help"},
		{"--version export", "--version"},
	}
	for _, test := range tests {
		got, err := arrange((&program{}).app(), append([]string{programName}, strings.Fields(test.args)...))
		want := append([]string{programName}, strings.Fields(test.want)...)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: error %v, difference (-want +got):\n%s", test.args, err, diff)
		}
	}
}

func TestArrangeRefuses(t *testing.T) {
	tests := []struct{ args, want string }{
		{"export --nonsense a", "unknown flag --nonsense"},
		{"export --api-key=secret a", "unknown flag --api-key"},
		{"export a -x", "unknown flag -x"},
		{"export a --to", "flag --to needs a value"},
		{"export --to --force a", "flag --to needs a value, but --force follows"},
		{"export --to --ids-file=x a", "flag --to needs a value, but --ids-file follows"},
		{"status --force", "unknown flag --force"},
		{"exprot a", `unknown command "exprot"`},
		{"help exprot", `unknown command "exprot"`},
		{"--to out export a", "unknown flag --to before a command"},
		{"-- export", "unknown flag -- before a command"},
	}
	for _, test := range tests {
		got, err := arrange((&program{}).app(), append([]string{programName}, strings.Fields(test.args)...))
		if err == nil || err.Error() != test.want {
			t.Errorf("%q: got %q, error %v, want %s", test.args, got, err, test.want)
		}
		if exitCode(err) != exitUsage {
			t.Errorf("%q: exit code %d", test.args, exitCode(err))
		}
	}
}

// Whatever is typed: arguments keep their order and none is lost or made up,
// flags come before them, and what is in order is left as it is.
func FuzzArrange(f *testing.F) {
	for _, seed := range []string{
		"a\n--to\nout\nb", "--force\na\n--\n--to\nb", "--to=x\n-\n--wait\nid", "--to\n--force", "a\n-h\nb", "--to\n--\nx", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		app := (&program{}).app()
		call := func(args ...string) ([]string, error) {
			return arrange(app, append([]string{programName, "export"}, args...))
		}
		args := strings.Split(typed, "\n")
		got, err := call(args...)
		if err != nil {
			if exitCode(err) != exitUsage {
				t.Fatalf("%q: %v", args, err)
			}
			return
		}
		if slices.Equal(got[2:], []string{"--help"}) {
			return
		}
		end := slices.Index(got, "--")
		if end < 0 {
			t.Fatalf("%q: no end of the flags in %q", args, got)
		}
		kinds := flagKinds(app.Command("export"))
		for _, flag := range got[2:end] {
			isBool, known := kinds[strings.TrimLeft(flagName(flag), "-")]
			if !known || !isBool && !strings.Contains(flag, "=") {
				t.Errorf("%q: %q stands among the flags", args, flag)
			}
		}
		if rest := got[end+1:]; !isSubsequence(rest, args) {
			t.Errorf("%q: arguments %q are not among them in this order", args, rest)
		}
		if again, err := call(got[2:]...); err != nil || !slices.Equal(again, got) {
			t.Errorf("%q: arranged again %q, error %v", got, again, err)
		}
		if more, err := call(append(slices.Clone(args), "last")...); err != nil || !slices.Equal(more, append(slices.Clone(got), "last")) {
			t.Errorf("%q and one more: %q, error %v", args, more, err)
		}
		if more, err := call(append([]string{"first"}, args...)...); err != nil || !slices.Equal(more, slices.Insert(slices.Clone(got), end+1, "first")) {
			t.Errorf("%q after one more: %q, error %v", args, more, err)
		}
	})
}

// isSubsequence reports whether part is what is left of all when some are taken
// out.
func isSubsequence(part, all []string) bool {
	for _, s := range all {
		if len(part) > 0 && part[0] == s {
			part = part[1:]
		}
	}
	return len(part) == 0
}

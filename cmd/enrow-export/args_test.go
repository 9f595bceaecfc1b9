package main

import (
	"slices"
	"strings"
	"testing"
)

// arranged is what a command line is put into: the words for the library, or what else
// is asked for.
func arranged(line ...string) (string, error) {
	call, err := arrange((&program{}).commands(), append([]string{programName}, line...))
	switch {
	case err != nil:
		return "", err
	case call.version:
		return "version", nil
	case call.help && call.command == nil:
		return "help", nil
	case call.help:
		return "help " + call.command.name, nil
	}
	return strings.Join(call.args[1:], " "), nil
}

func TestArrange(t *testing.T) {
	tests := []struct{ args, want string }{
		{"export a b", "export -- a b"},
		{"export a --to out b", "export --to=out -- a b"},
		{"export a --to=out --force b", "export --to=out --force=true -- a b"},
		{"export -to out a", "export --to=out -- a"},
		{"export --force=false a", "export --force=false -- a"},
		{"export --force=TRUE a", "export --force=true -- a"},
		{"export --format csv --format=parquet a", "export --format=csv --format=parquet -- a"},
		{"export --format CSV,Parquet,jsonl a", "export --format=csv,parquet,ndjson -- a"},
		{"export --compression GZ,CSV=zst a", "export --compression=gzip,csv=zstd -- a"},
		{"export --kind EMAIL_FIND a", "export --kind=email-find -- a"},
		{"load-sql --dialect PostgreSQL", "load-sql --dialect=postgres --"},
		{"export --to=out -- a --force -- b", "export --to=out -- a --force -- b"},
		{"export --ids-file - a", "export --ids-file=- -- a"},
		{"export - a", "export -- - a"},
		{"export --shard -1 a", "export --shard=-1 -- a"},
		{"export --to --odd a", "export --to=--odd -- a"},
		{"export --to a=b c", "export --to=a=b -- c"},
		{"export a --to out --help", "help export"},
		{"export -h", "help export"},
		{"export -- --help", "export -- --help"},
		{"help", "help"},
		{"help help", "help"},
		{"-h", "help"},
		{"help export", "help export"},
		{"help export a --to", "help export"},
		{"--version export", "version"},
		{"-v", "version"},
	}
	for _, test := range tests {
		if got, err := arranged(strings.Fields(test.args)...); err != nil || got != test.want {
			t.Errorf("%q: %q, error %v, want %q", test.args, got, err, test.want)
		}
	}
}

func TestArrangeRefuses(t *testing.T) {
	tests := []struct{ args, want, hint string }{
		{"export --nonsense a", "unknown flag --nonsense", "see enrow-export export --help"},
		{"export --formats csv", "unknown flag --formats", "did you mean --format? See enrow-export export --help"},
		{"export --api-key=secret a", "unknown flag --api-key", "did you mean --api-key-file? See enrow-export export --help"},
		{"export a -x", "unknown flag -x", "see enrow-export export --help"},
		{"export a --to", "flag --to needs a value", "see enrow-export export --help"},
		{"export --to --force a", "flag --to needs a value, but --force follows", "write --to=--force if that is the value"},
		{"export --to --help", "flag --to needs a value, but --help follows", "write --to=--help if that is the value"},
		{"export --to --ids-file=x a", "flag --to needs a value, but --ids-file follows", "write --to=--ids-file=x if that is the value"},
		{"status --force", "unknown flag --force", "see enrow-export status --help"},
		{"exprot a", `unknown command "exprot"`, "did you mean export? See enrow-export --help"},
		{"Export a", `unknown command "Export"`, "did you mean export? See enrow-export --help"},
		{"physician", `unknown command "physician"`, "see enrow-export --help"},
		{"init", `unknown command "init"`, "see enrow-export --help"},
		{"help exprot", `unknown command "exprot"`, "did you mean export? See enrow-export --help"},
		{"--to out export a", "unknown flag --to before a command", "flags follow the command: enrow-export export --to out BATCH_ID"},
		{"-- export", "unknown flag -- before a command", "flags follow the command: enrow-export export --to out BATCH_ID"},
		{"export --wait-timeout 30", `--wait-timeout: "30" is not a duration with a unit`, "write 30s, 5m or 1h"},
		{"export --wait-timeout 90", `--wait-timeout: "90" is not a duration with a unit`, "write 90s, 90m or 90h"},
		{"export --wait-timeout 1d", `--wait-timeout: "1d" is not a duration with a unit`, "write hours: 24h is a day"},
		{"export --quiet=yes", `--quiet: "yes" is neither true nor false`, "write true or false"},
		{"export --concurrency many", `--concurrency: "many" is not a whole number`, "write a whole number, such as 4"},
		{"export --rate fast", `--rate: "fast" is not a number`, "write a number, such as 2 or 0.5"},
		{"export --format parqet", `--format: "parqet" is not one of parquet, ndjson, csv`, "did you mean parquet?"},
		{"export --kind phone", `--kind: "phone" is not one of email-find, email-verify, phone-find`, "did you mean phone-find?"},
		{"export --kind fax", `--kind: "fax" is not one of email-find, email-verify, phone-find`, ""},
		{"load-sql --dialect bigqery", `--dialect: "bigqery" is not one of bigquery, clickhouse, duckdb, postgres, redshift, snowflake`, "did you mean bigquery?"},
	}
	for _, test := range tests {
		got, err := arranged(strings.Fields(test.args)...)
		if err == nil || err.Error() != test.want || hint(err) != test.hint {
			t.Errorf("%q: got %q, error %v, hint %q, want %s, %s", test.args, got, err, hint(err), test.want, test.hint)
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
		commands := (&program{}).commands()
		call := func(args ...string) ([]string, error) {
			call, err := arrange(commands, append([]string{programName, "export"}, args...))
			if call.help {
				return nil, err
			}
			return call.args, err
		}
		args := strings.Split(typed, "\n")
		got, err := call(args...)
		if err != nil {
			if exitCode(err) != exitUsage {
				t.Fatalf("%q: %v", args, err)
			}
			return
		}
		if got == nil { // help
			return
		}
		end := slices.Index(got, "--")
		if end < 0 {
			t.Fatalf("%q: no end of the flags in %q", args, got)
		}
		for _, flag := range got[2:end] {
			if commandNamed(commands, "export").flag(strings.TrimLeft(flagName(flag), "-")) == nil || !strings.Contains(flag, "=") {
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

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompletions(t *testing.T) {
	tests := []struct {
		typed string // the last word is completed
		want  string
		paths pathKind
	}{
		{"ex", "export", noPath},
		{"ver", "verify version", noPath},
		{"--v", "--version", noPath},
		{"help com", "compact completion", noPath},
		{"nonsense ", "", noPath},
		{"completion ", "bash zsh fish powershell", noPath},
		{"completion f", "fish", noPath},
		{"completion --", "--help", noPath},
		{"export --for", "--format --force", noPath},
		{"export --force --for", "--format", noPath},
		{"export --format csv --for", "--format --force", noPath},
		{"export id --log", "--log-level --log-format", noPath},
		{"export --kind ", "email-find email-verify phone-find", noPath},
		{"export --kind phone", "phone-find", noPath},
		{"export --kind=email-v", "--kind=email-verify", noPath},
		{"export --nonsense=", "", noPath},
		{"export --format parquet,", "parquet,ndjson parquet,csv", noPath},
		{"export --compression csv=g", "csv=gzip", noPath},
		{"export --compression=parquet=zstd,csv=", "--compression=parquet=zstd,csv=none --compression=parquet=zstd,csv=gzip --compression=parquet=zstd,csv=zstd", noPath},
		{"export --quiet=", "--quiet=true --quiet=false", noPath},
		{"export --retries ", "", noPath},
		{"export --to ", "", directoryPath},
		{"export --to=o", "", directoryPath},
		{"export --ids-file ", "", filePath},
		{"status --s3-sse aws:", "aws:kms aws:kms:dsse", noPath},
		{"status --s3-ca-file ", "", filePath},
		{"status --single", "", noPath},
		{"prune --single", "--single-writer", noPath},
		{"export --shard a", "auto", noPath},
		{"export i", "", noPath},
		{"export -- --f", "", noPath},
		{"load-sql --dialect p", "postgres", noPath},
		{"demo ", "--to --help", noPath},
	}
	commands := (&program{}).commands()
	for _, test := range tests {
		candidates, paths := completions(commands, strings.Split(test.typed, " "))
		var words []string
		for _, c := range candidates {
			words = append(words, c.word)
		}
		if diff := cmp.Diff(strings.Fields(test.want), words); paths != test.paths || (len(words) > 0 || test.want != "") && diff != "" {
			t.Errorf("%q: paths %v, want %v; candidates (-want +got):\n%s", test.typed, paths, test.paths, diff)
		}
	}
	if candidates, _ := completions(commands, nil); len(candidates) < 15 {
		t.Errorf("no word at all: %d candidates", len(candidates))
	}
}

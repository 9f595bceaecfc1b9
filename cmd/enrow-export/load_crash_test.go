//go:build crash

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCrashOnlyNew kills load-sql --only-new, and the confirmation of what it has printed,
// at random moments. Nothing is called loaded that was not confirmed, and what was
// confirmed stays so.
func TestCrashOnlyNew(t *testing.T) {
	builtProgram(t)
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			ids := batchIDs(40)
			_, first := answersAPI(t, ids, 1)
			_, second := answersAPI(t, ids, 1000)
			p := open(t)()
			p.mustExport(t, first, ids...)
			random := rand.New(rand.NewPCG(rand.Uint64(), 0))
			c := &crasher{random: random}
			script := filepath.Join(t.TempDir(), "load.sql")
			load := []string{"--dialect", "duckdb", "--root-url", "s3://bucket"}
			// printed returns how many batches are new, by a run that nobody kills.
			var took time.Duration
			printed := func() int {
				t.Helper()
				cmd, stdout, stderr := p.call(t, "load-sql", append(load, "--only-new")...)
				start := time.Now()
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v\n%s", err, stderr)
				}
				took = max(took, time.Since(start))
				if err := os.WriteFile(script, stdout.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				return strings.Count(stdout.String(), ".parquet'")
			}
			confirmed := 0
			for !t.Failed() && c.kills < *crashKills {
				// Some are exported again with other rows.
				changed := ids[confirmed%7 : confirmed%7+5]
				url := []string{first, second}[confirmed%2]
				p.mustExport(t, url, append([]string{"--force"}, changed...)...)
				want := printed()
				if confirmed > 0 && (want == 0 || want > len(changed)) {
					t.Errorf("%d batches are new, %d were exported again", want, len(changed))
				}
				for killed := true; killed; {
					cmd, _, _ := p.call(t, "load-sql", append(load, "--only-new")...)
					var err error
					if killed, err = c.killed(cmd, time.Duration(random.Int64N(int64(took)))); err != nil {
						t.Fatal(err)
					}
				}
				if got := printed(); got != want {
					t.Errorf("after a kill of --only-new %d batches are new, want %d", got, want)
				}
				for killed := true; killed; {
					cmd, _, stderr := p.call(t, "load-sql", append(load, "--loaded", script)...)
					var err error
					if killed, err = c.killed(cmd, time.Duration(random.Int64N(int64(took)))); err != nil {
						t.Fatalf("%v\n%s", err, stderr)
					}
					var again []byte
					if again, err = os.ReadFile(script); err != nil {
						t.Fatal(err)
					}
					if got := printed(); got != 0 && got != want {
						t.Errorf("after a kill of --loaded %d batches are new, want 0 or %d", got, want)
					}
					if err := os.WriteFile(script, again, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if got := printed(); got != 0 {
					t.Errorf("%d batches are new after they were confirmed", got)
				}
				confirmed++
			}
			t.Logf("%d kills survived, %d confirmations", c.kills, confirmed)
		})
	}
}

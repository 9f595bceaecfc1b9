package engines

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// spellings are two loads of the same batches, each of which names the table in its
// own way.
var spellings = map[string][2][]string{
	"created, named alike":      {nil, nil},
	"created, with a namespace": {nil, {"--namespace", "SCHEMA"}},
	"there, named alike":        {{"--no-create"}, {"--no-create"}},
	"there, with a namespace":   {{"--no-create"}, {"--no-create", "--namespace", "SCHEMA"}},
	"there, and created":        {{"--no-create", "--namespace", "SCHEMA"}, nil},
}

// seen matches the statements of a load which others may notice, or which wait for
// others.
var seen = regexp.MustCompile(`(?m)^(BEGIN|CREATE TABLE|ALTER TABLE|LOCK TABLE|DELETE FROM|INSERT INTO ("\w+"\.)?"email_verify"|COMMIT|.* pg_advisory_xact_lock)`)

// twoLoads returns the first of two loads in steps, and the second one whole.
func (s *source) twoLoads(t *testing.T, e engine, to, schema string, flags [2][]string) (first []string, second string) {
	t.Helper()
	var scripts [2]string
	for i := range scripts {
		args := []string{"load-sql", "--dialect", e.dialect(), "--to", to}
		for _, flag := range flags[i] {
			args = append(args, strings.ReplaceAll(flag, "SCHEMA", schema))
		}
		scripts[i], _ = s.run(t, 0, args...)
	}
	whole := true // a step ends with a statement that others can see, or that locks
	for statement := range strings.SplitAfterSeq(strings.TrimSuffix(scripts[0], "\n"), ";\n") {
		if whole {
			first = append(first, "")
		}
		first[len(first)-1] += statement
		whole = seen.MatchString(statement)
	}
	if len(first) < 5 {
		t.Fatalf("%d statements:\n%s", len(first), scripts[0])
	}
	return first, scripts[1]
}

// newSmallSource returns a source with a few batches of one kind, exported.
func newSmallSource(t *testing.T, flags ...string) (s *source, to string) {
	t.Helper()
	s = newSource(t,
		batch{"some", "email-verify", manyRows("email-verify", 20, 3)},
		batch{"other", "email-verify", manyRows("email-verify", 5, 4)},
		batch{"none", "email-verify", nil})
	to = t.TempDir()
	s.export(t, to, flags...)
	return s, to
}

// One load stops at each of its steps, and another one of the same batches runs
// meanwhile. Neither is seen twice: whichever has failed has changed nothing, and can
// be run again.
func TestDuckDBLoadsAtOnce(t *testing.T) {
	s, to := newSmallSource(t)
	for name, flags := range spellings {
		t.Run(name, func(t *testing.T) {
			first, second := s.twoLoads(t, duck{}, to, "main", flags)
			for stop := range len(first) + 1 {
				d := newDuck(t)
				d.handle.SetMaxOpenConns(2)
				if flags[0] != nil {
					ddl, _ := s.run(t, 0, "schema", "--dialect", "duckdb", "--kind", "email-verify")
					if err := d.exec(ddl); err != nil {
						t.Fatal(err)
					}
				}
				session, err := d.handle.Conn(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { session.Close() })
				part := func(statements []string) error {
					if len(statements) == 0 {
						return nil
					}
					_, err := session.ExecContext(context.Background(), strings.Join(statements, ""))
					return err
				}
				failed := part(first[:stop])
				errSecond := d.exec(second)
				if failed == nil {
					failed = part(first[stop:])
				}
				if failed != nil && errSecond != nil {
					t.Errorf("stopped at %d: both fail: %v, %v", stop, failed, errSecond)
				}
				for _, err := range []error{failed, errSecond} {
					if err != nil && !strings.Contains(err.Error(), "conflict") {
						t.Errorf("stopped at %d: %v", stop, err)
					}
				}
				session.ExecContext(context.Background(), "ROLLBACK") // as the end of the session does
				s.compare(t, d, allColumns)
				if failed != nil {
					if err := d.exec(strings.Join(first, "")); err != nil {
						t.Errorf("stopped at %d: run again: %v", stop, err)
					}
				}
				if errSecond != nil {
					if err := d.exec(second); err != nil {
						t.Errorf("stopped at %d: run again: %v", stop, err)
					}
				}
				s.compare(t, d, allColumns)
			}
		})
	}
}

// The same for PostgreSQL, where the second load waits and both succeed, also when
// the database has transactions that see nothing new.
func TestPostgresLoadsInterleaved(t *testing.T) {
	s, to := newSmallSource(t, "--format", "ndjson")
	for name, flags := range spellings {
		t.Run(name, func(t *testing.T) {
			p := newPostgres(t)
			if _, err := p.server.Psql("postgres", "ALTER DATABASE "+p.name+" SET default_transaction_isolation = 'repeatable read'"); err != nil {
				t.Fatal(err)
			}
			first, second := s.twoLoads(t, p, to, "public", flags)
			reset := "DROP TABLE IF EXISTS email_verify;\n"
			if flags[0] != nil {
				ddl, _ := s.run(t, 0, "schema", "--dialect", "postgres", "--kind", "email-verify")
				reset += ddl
			}
			for stop := range len(first) + 1 {
				if _, err := p.handle.Exec(reset); err != nil {
					t.Fatal(err)
				}
				if err := p.interleave(t, first[:stop], second, first[stop:]); err != nil {
					t.Errorf("stopped at %d: %v", stop, err)
				}
				s.compare(t, p, allColumns)
			}
		})
	}
}

// interleave runs the beginning of a script, then another one until it ends or waits
// for the first, then the rest of the first.
func (p postgres) interleave(t *testing.T, begin []string, other string, rest []string) error {
	t.Helper()
	cmd := exec.Command("psql", "-X", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(p.server.Port), "-U", "postgres", "-d", p.name, "-f", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	cmd.Stderr = &told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(in, "%s\\echo stopped\n", strings.Join(begin, ""))
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "stopped" {
	}
	ended := make(chan error, 1)
	go func() { ended <- p.exec(other) }()
	var errOther error
	for waits := false; !waits; {
		select {
		case errOther = <-ended:
			ended, waits = nil, true
		default:
			if err := p.handle.QueryRow("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").Scan(&waits); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := io.WriteString(in, strings.Join(rest, "")); err != nil {
		t.Fatal(err)
	}
	in.Close()
	for lines.Scan() {
	}
	err = cmd.Wait()
	if ended != nil {
		errOther = <-ended
	}
	if err != nil || errOther != nil {
		return fmt.Errorf("%v: %s; the other: %v", err, told.String(), errOther)
	}
	return nil
}

// A script of no batches is one that runs.
func TestNothingLoads(t *testing.T) {
	s, to := newSmallSource(t, "--format", "parquet,ndjson")
	none := filepath.Join(t.TempDir(), "none.txt")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range []engine{newDuck(t), newPostgres(t)} {
		script, _ := s.run(t, 0, "load-sql", "--dialect", e.dialect(), "--to", to, "--ids-file", none)
		if !strings.Contains(script, "\nSELECT ") {
			t.Errorf("%s: the script has no statement:\n%s", e.dialect(), script)
		}
		if err := e.exec(script); err != nil {
			t.Errorf("%s: %v", e.dialect(), err)
		}
	}
}

// No value comes from the names of folders, in any format.
func TestDuckDBTakesNothingFromFolders(t *testing.T) {
	s := newSource(t, everything()...)
	s.add(t, batch{"other", "email-find", manyRows("email-find", 9, 8)})
	for _, format := range []string{"parquet", "ndjson", "csv"} {
		t.Run(format, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "custom=acme", "batch_id=other", "index=7", "extra=x")
			s.export(t, to, "--format", format)
			s.twice(t, newDuck(t), to, format+" in folders")
			d := newDuck(t)
			s.load(t, d, to)
			s.load(t, d, to, "email-find-few") // the rows of the batch other stay
			s.compare(t, d, allColumns)
		})
	}
}

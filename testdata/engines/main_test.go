package engines

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// program is the built program.
var program string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == duckdbName {
		if err := duckdbCommand(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code, err := func() (int, error) {
		dir, err := os.MkdirTemp("", "enrow-export-engines")
		if err != nil {
			return 1, err
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "enrow-export")
		build := exec.Command("go", "build", "-tags", "disable_grpc_modules", "-o", program, "./cmd/enrow-export")
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build: %w\n%s", err, out)
		}
		code := m.Run()
		if serverStarted {
			if s, err := server(); err == nil {
				err = s.Stop()
				if err != nil {
					return 1, err
				}
			}
		}
		return code, nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

var kinds = []string{"email-find", "email-verify", "phone-find"}

// source is an API and the batches that it has.
type source struct {
	api     *fakeapi.Server
	url     string
	batches []batch
}

func newSource(t *testing.T, batches ...batch) *source {
	t.Helper()
	s := &source{api: fakeapi.New(fakeapi.Options{})}
	server := httptest.NewServer(s.api)
	t.Cleanup(func() { s.api.Close(); server.Close() })
	s.url = server.URL
	s.add(t, batches...)
	return s
}

func (s *source) add(t *testing.T, batches ...batch) {
	for _, b := range batches {
		s.batches = slices.DeleteFunc(s.batches, func(old batch) bool { return old.id == b.id })
		s.batches = append(s.batches, b)
		b.add(t, s.api)
	}
}

// everything returns batches of all kinds: hostile, long, and empty ones.
func everything() []batch {
	var all []batch
	for _, kind := range kinds {
		all = append(all,
			batch{kind + "-hostile", kind, hostileRows(kind)},
			batch{kind + "-many", kind, manyRows(kind, 5000, 1)},
			batch{kind + "-few", kind, manyRows(kind, 3, 2)},
			batch{kind + "-none", kind, nil},
		)
	}
	return all
}

// run runs the program, which has to end with that code, and returns what it
// printed.
func (s *source) run(t testing.TB, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "ENROW_API_URL="+s.url, "ENROW_API_KEY=key-of-the-tests")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("%s ends with %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// export exports all batches of the source.
func (s *source) export(t *testing.T, to string, flags ...string) {
	t.Helper()
	for _, kind := range kinds {
		var ids []string
		for _, b := range s.batches {
			if b.kind == kind {
				ids = append(ids, b.id)
			}
		}
		if ids != nil {
			s.run(t, 0, append(append([]string{"export", "--to", to, "--kind", kind}, flags...), ids...)...)
		}
	}
}

// engine is a database that a script can be run in, and read from.
type engine interface {
	// exec runs a script that load-sql or schema has printed.
	exec(script string) error
	db() *sql.DB
	dialect() string
	// replace is what becomes of a text, nil when it stays as it is.
	replace() func(string) string
}

// load makes the load of what is in a root and runs it.
func (s *source) load(t *testing.T, e engine, to string, args ...string) {
	t.Helper()
	script, _ := s.run(t, 0, append([]string{"load-sql", "--dialect", e.dialect(), "--to", to}, args...)...)
	if err := e.exec(script); err != nil {
		t.Fatalf("%s: %v", e.dialect(), err)
	}
}

// contents returns all rows of a table, each as encodeRow has it, sorted.
func contents(t *testing.T, e engine, table *schema.Table) []string {
	t.Helper()
	quoted := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		quoted[i] = `"` + c.Name + `"`
	}
	rows, err := e.db().Query("SELECT " + strings.Join(quoted, ", ") + " FROM " + table.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		values := make([]any, len(quoted))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i := range values {
			values[i] = *values[i].(*any)
		}
		all = append(all, encodeRow(values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// checksum returns a short digest of rows.
func checksum(rows []string) string {
	sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
	return hex.EncodeToString(sum[:6])
}

// compare compares every value of every table with what the source's answers were
// made from.
func (s *source) compare(t *testing.T, e engine, columns func(batch) []string) (rows int, sum string) {
	t.Helper()
	var sums []string
	for _, table := range schema.Tables() {
		var want []string
		for _, b := range s.batches {
			if b.kind == table.Kind {
				want = append(want, b.want(columns(b), e.replace())...)
			}
		}
		if !slices.ContainsFunc(s.batches, func(b batch) bool { return b.kind == table.Kind }) {
			continue // there may be no such table
		}
		slices.Sort(want)
		got := contents(t, e, table)
		if !slices.Equal(want, got) {
			t.Errorf("%s, %s: %d rows, want %d; the first that differ (-want +got):\n%s", e.dialect(), table.Name, len(got), len(want), firstDifferences(want, got))
		}
		rows += len(got)
		sums = append(sums, checksum(got))
	}
	return rows, checksum(sums)
}

func allColumns(batch) []string { return nil }

func firstDifferences(want, got []string) string {
	short := func(all, other []string) (differing []string) {
		for _, r := range all {
			if _, ok := slices.BinarySearch(other, r); !ok && len(differing) < 3 {
				differing = append(differing, fmt.Sprintf("%.600q", r))
			}
		}
		return differing
	}
	return cmp.Diff(short(want, got), short(got, want))
}

// twice loads a root twice and compares every value after each load.
func (s *source) twice(t *testing.T, e engine, to, what string, args ...string) {
	t.Helper()
	s.load(t, e, to, args...)
	rows, first := s.compare(t, e, allColumns)
	s.load(t, e, to, args...)
	again, second := s.compare(t, e, allColumns)
	if rows != again || first != second {
		t.Errorf("%s: %d rows (%s) after the first load, %d (%s) after the second", what, rows, first, again, second)
	}
	fmt.Printf("%-9s %-28s %6d rows, checksum %s; loaded again: %6d rows, %s\n", e.dialect(), what, rows, first, again, second)
}

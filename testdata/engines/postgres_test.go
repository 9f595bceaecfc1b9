package engines

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"enrow-export/schema"
)

// server is one for all tests, each of which has a database of its own.
var (
	server        = sync.OnceValues(StartPostgres)
	serverStarted bool
)

// postgres is a database of PostgreSQL.
type postgres struct {
	server *Postgres
	name   string
	handle *sql.DB
}

var databases int

func newPostgres(t *testing.T) postgres {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	serverStarted = true
	databases++
	p := postgres{server: s, name: fmt.Sprintf("warehouse%d", databases)}
	if _, err := s.Psql("postgres", "CREATE DATABASE "+p.name); err != nil {
		t.Fatal(err)
	}
	if p.handle, err = sql.Open("pgx", fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s", s.Port, p.name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.handle.Close() })
	return p
}

func (p postgres) exec(script string) error {
	_, err := p.server.Psql(p.name, script)
	return err
}

func (p postgres) db() *sql.DB     { return p.handle }
func (p postgres) dialect() string { return "postgres" }

// replace is what the load says that it does: no text can have U+0000.
func (p postgres) replace() func(string) string {
	return func(text string) string { return strings.ReplaceAll(text, "\x00", "\x1a") }
}

// Every format that it reads in every compression, of all three kinds, loaded
// twice.
func TestPostgresLoads(t *testing.T) {
	s := newSource(t, everything()...)
	for _, format := range []string{"ndjson", "csv"} {
		for _, compression := range []string{"none", "gzip", "zstd"} {
			t.Run(format+"/"+compression, func(t *testing.T) {
				to := filepath.Join(t.TempDir(), "it's a \"root\" $HOME \\ `x`")
				s.export(t, to, "--format", format, "--compression", compression)
				script, _ := s.run(t, 0, "load-sql", "--dialect", "postgres", "--to", to)
				if !strings.Contains(script, "-- PostgreSQL cannot store the character U+0000 in text: it is replaced by U+001A (substitute).") {
					t.Error("the script does not say what becomes of U+0000")
				}
				s.twice(t, newPostgres(t), to, format+" "+compression)
			})
		}
	}
}

func TestPostgresSchema(t *testing.T) {
	s := newSource(t, everything()...)
	p := newPostgres(t)
	ddl, _ := s.run(t, 0, "schema", "--dialect", "postgres")
	for range 2 {
		if err := p.exec(ddl); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range schema.AllTables() {
		for _, c := range table.Columns {
			var kind, comment string
			var required bool
			err := p.handle.QueryRow(`SELECT format_type(atttypid, atttypmod), attnotnull, col_description(attrelid, attnum)
				FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2`, table.Name, c.Name).Scan(&kind, &required, &comment)
			want := "text"
			if c.Type == schema.Int64 {
				want = "bigint"
			}
			if err != nil || kind != want || required != c.Required || !strings.HasPrefix(comment, c.Doc) {
				t.Errorf("%s.%s is %s, required %v (%s), error %v", table.Name, c.Name, kind, required, comment, err)
			}
		}
	}
	to := t.TempDir()
	s.export(t, to, "--format", "ndjson")
	s.twice(t, p, to, "without creating tables", "--no-create")
	if err := p.exec("CREATE SCHEMA lake"); err != nil {
		t.Fatal(err)
	}
	s.load(t, p, to, "--namespace", "lake")
	var rows int
	if err := p.handle.QueryRow("SELECT count(*) FROM lake.email_find").Scan(&rows); err != nil || rows < 5000 {
		t.Errorf("%d rows in the schema, error %v", rows, err)
	}
}

func TestPostgresReplacesBatches(t *testing.T) {
	s := newSource(t, everything()...)
	to, p := t.TempDir(), newPostgres(t)
	s.export(t, to, "--format", "csv")
	s.load(t, p, to)
	s.add(t,
		batch{"email-find-many", "email-find", manyRows("email-find", 40, 9)},
		batch{"email-verify-few", "email-verify", nil})
	s.export(t, to, "--format", "csv", "--force")
	s.load(t, p, to, "email-find-many", "email-verify-few")
	s.compare(t, p, allColumns)
}

// Loads that meet wait for one another, also when there is no table yet.
func TestPostgresLoadsAtOnce(t *testing.T) {
	s := newSource(t, everything()...)
	to, p := t.TempDir(), newPostgres(t)
	s.export(t, to, "--format", "ndjson")
	script, _ := s.run(t, 0, "load-sql", "--dialect", "postgres", "--to", to)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := p.exec(script); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.compare(t, p, allColumns)
}

// A value with a line that is \. ends a CSV file for psql before version 18: then
// the load fails, and changes nothing. NDJSON has no such line.
func TestPostgresEndOfData(t *testing.T) {
	s := newSource(t, batch{"dot", "email-find", []row{{"email": "a"}, {"email": "x\n\\.\ny"}, {"email": "b"}}})
	to, p := t.TempDir(), newPostgres(t)
	s.export(t, to, "--format", "csv")
	script, _ := s.run(t, 0, "load-sql", "--dialect", "postgres", "--to", to)
	if err := p.exec(script); err == nil {
		s.compare(t, p, allColumns)
	} else {
		var n int
		if e := p.handle.QueryRow("SELECT count(*) FROM pg_class WHERE relname = 'email_find'").Scan(&n); e != nil || n != 0 {
			t.Errorf("after %v: %d tables, error %v", err, n, e)
		}
	}
	s.export(t, to, "--format", "ndjson")
	s.twice(t, p, to, "ndjson with a line \\.")
}

// A load that fails in the middle leaves all as it was.
func TestPostgresLoadFailsWhole(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file string){
		"a file is gone": func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
		"a file is cut": func(t *testing.T, file string) {
			data, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, data[:len(data)/2], 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"a row is gone": func(t *testing.T, file string) {
			data, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, data[:slices.Index(data, '\n')+1], 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource(t, everything()...)
			to, p := t.TempDir(), newPostgres(t)
			s.export(t, to, "--format", "ndjson")
			s.load(t, p, to)
			before := slices.Clone(s.batches)
			s.add(t, batch{"phone-find-few", "phone-find", manyRows("phone-find", 8, 5)}, batch{"email-find-few", "email-find", manyRows("email-find", 9, 5)})
			s.export(t, to, "--force", "--format", "ndjson")
			script, _ := s.run(t, 0, "load-sql", "--dialect", "postgres", "--to", to, "--kind", "phone-find")
			spoil(t, filepath.Join(to, "phone_find", "phone-find-few.ndjson"))
			if err := p.exec(script); err == nil {
				t.Error("the load has succeeded")
			}
			s.batches = before
			s.compare(t, p, allColumns)
		})
	}
}

package engines

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the driver

	"enrow-export/schema"
)

// duck is a DuckDB database in a file.
type duck struct{ handle *sql.DB }

func newDuck(t *testing.T) duck {
	t.Helper()
	return openDuck(t, filepath.Join(t.TempDir(), "warehouse.duckdb"))
}

func openDuck(t *testing.T, file string) duck {
	t.Helper()
	db, err := sql.Open("duckdb", file)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // a script is one session
	t.Cleanup(func() { db.Close() })
	return duck{db}
}

func (d duck) exec(script string) error {
	_, err := d.handle.Exec(script)
	if err != nil {
		d.handle.Exec("ROLLBACK") // as the end of the session does
	}
	return err
}

func (d duck) db() *sql.DB                  { return d.handle }
func (d duck) dialect() string              { return "duckdb" }
func (d duck) replace() func(string) string { return nil }

// Every format in every compression, of all three kinds, loaded twice.
func TestDuckDBLoads(t *testing.T) {
	s := newSource(t, everything()...)
	for format, compressions := range map[string][]string{
		"parquet": {"zstd", "snappy", "gzip", "none"}, "ndjson": {"none", "gzip", "zstd"}, "csv": {"none", "gzip", "zstd"},
	} {
		for _, compression := range compressions {
			t.Run(format+"/"+compression, func(t *testing.T) {
				to := filepath.Join(t.TempDir(), "it's a \"root\" [1]*?")
				s.export(t, to, "--format", format, "--compression", compression)
				s.twice(t, newDuck(t), to, format+" "+compression)
			})
		}
	}
}

// The tables are those that schema prints, with a comment on each column; the load
// finds them there.
func TestDuckDBSchema(t *testing.T) {
	s := newSource(t, everything()...)
	d := newDuck(t)
	ddl, _ := s.run(t, 0, "schema", "--dialect", "duckdb")
	for range 2 {
		if err := d.exec(ddl); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range schema.AllTables() {
		for _, c := range table.Columns {
			var kind, comment string
			err := d.handle.QueryRow("SELECT data_type, comment FROM duckdb_columns() WHERE table_name = ? AND column_name = ?", table.Name, c.Name).Scan(&kind, &comment)
			want := "VARCHAR"
			if c.Type == schema.Int64 {
				want = "BIGINT"
			}
			if err != nil || kind != want || !strings.HasPrefix(comment, c.Doc) {
				t.Errorf("%s.%s is %s (%s), error %v", table.Name, c.Name, kind, comment, err)
			}
		}
	}
	to := t.TempDir()
	s.export(t, to)
	s.twice(t, d, to, "without creating tables", "--no-create")
}

// A batch that was exported again has its new rows alone, fewer or none; chosen
// batches are loaded alone; what else is in the table stays.
func TestDuckDBReplacesBatches(t *testing.T) {
	s := newSource(t, everything()...)
	to, d := t.TempDir(), newDuck(t)
	s.export(t, to)
	s.load(t, d, to)
	s.add(t,
		batch{"email-find-many", "email-find", manyRows("email-find", 40, 9)},
		batch{"email-verify-few", "email-verify", nil},
		batch{"phone-find-none", "phone-find", manyRows("phone-find", 7, 9)})
	s.export(t, to, "--force")
	s.load(t, d, to, "email-find-many", "email-verify-few", "phone-find-none")
	s.compare(t, d, allColumns)
	s.twice(t, d, to, "after a re-export")
}

// Files of different columns, formats and compressions load by name, the columns
// that they lack as null.
func TestDuckDBChosenColumns(t *testing.T) {
	s := newSource(t, everything()...)
	to, d := t.TempDir(), newDuck(t)
	chosen := map[string][]string{"email-find-hostile": {"email", "index", "custom"}, "email-find-few": {"email"}}
	for id, columns := range chosen {
		format := map[bool]string{true: "csv", false: "ndjson"}[len(columns) == 1]
		s.run(t, 0, "export", "--to", to, "--columns", strings.Join(columns, ","), "--format", format, id)
	}
	rest := newSource(t)
	rest.url = s.url
	for _, b := range s.batches {
		if chosen[b.id] == nil {
			rest.batches = append(rest.batches, b)
		}
	}
	rest.export(t, to)
	for range 2 {
		s.load(t, d, to)
		s.compare(t, d, func(b batch) []string { return chosen[b.id] })
	}
}

// A compacted root loads as the one that it was made of, whole and in part; so does a new
// one after a batch has changed.
func TestDuckDBCompactedRoot(t *testing.T) {
	s := newSource(t, everything()...)
	for i := range 30 {
		s.add(t, batch{fmt.Sprintf("email-find-%02d", i), "email-find", manyRows("email-find", i*5, uint64(i))})
	}
	to, into, d := t.TempDir(), filepath.Join(t.TempDir(), "packed"), newDuck(t)
	s.export(t, to)
	s.run(t, 0, "compact", "--to", to, "--into", into, "--target-size", "40KiB")
	s.twice(t, d, into, "compacted")
	s.add(t, batch{"email-find-07", "email-find", manyRows("email-find", 11, 99)})
	s.export(t, to, "--force")
	s.run(t, 3, "compact", "--to", to, "--into", into)
	into = filepath.Join(t.TempDir(), "packed")
	s.run(t, 0, "compact", "--to", to, "--into", into)
	s.load(t, d, into, "email-find-07", "email-find-08")
	s.compare(t, d, allColumns)
	empty := newDuck(t)
	ddl, _ := s.run(t, 0, "schema", "--dialect", "duckdb")
	if err := empty.exec(ddl); err != nil {
		t.Fatal(err)
	}
	s.load(t, empty, into, "email-find-07", "email-find-08") // of files with others
	part := *s
	part.batches = slices.DeleteFunc(slices.Clone(s.batches), func(b batch) bool { return b.id != "email-find-07" && b.id != "email-find-08" })
	part.compare(t, empty, allColumns)
	// A reader of all packed files meets the same rows.
	var rows int
	if err := d.handle.QueryRow("SELECT count(*) FROM read_parquet('" + into + "/email_find/*.parquet')").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, d, &schema.EmailFind); rows != len(got) {
		t.Errorf("a glob finds %d rows, the table has %d", rows, len(got))
	}
}

// A load that meets files which are not what the manifest says changes nothing.
func TestDuckDBLoadFailsWhole(t *testing.T) {
	s := newSource(t, everything()...)
	to, d := t.TempDir(), newDuck(t)
	s.export(t, to, "--format", "ndjson")
	s.load(t, d, to)
	s.add(t, batch{"email-find-few", "email-find", manyRows("email-find", 8, 5)})
	before := s.batches
	s.export(t, to, "--force", "--format", "ndjson")
	script, _ := s.run(t, 0, "load-sql", "--dialect", "duckdb", "--to", to)
	name := filepath.Join(to, "email_find", "email-find-few.ndjson")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data[:strings.LastIndex(strings.TrimSuffix(string(data), "\n"), "\n")+1], 0o644); err != nil { // a row less
		t.Fatal(err)
	}
	err = d.exec(script)
	if err == nil || !strings.Contains(err.Error(), "the files do not have the") {
		t.Errorf("error %v", err)
	}
	s.batches = before
	s.add(t, batch{"email-find-few", "email-find", manyRows("email-find", 3, 2)}) // as it was loaded first
	s.compare(t, d, allColumns)
}

// The table of batches loads by name.
func TestDuckDBBatches(t *testing.T) {
	s := newSource(t, everything()...)
	to, d := t.TempDir(), newDuck(t)
	s.export(t, to, "--format", "parquet,csv")
	s.run(t, 0, "enqueue", "--to", to, "later")
	for _, format := range []string{"parquet", "ndjson", "csv"} {
		out := filepath.Join(t.TempDir(), "batches."+format)
		s.run(t, 0, "batches", "--to", to, "--out", out, "--format", format)
		ddl, _ := s.run(t, 0, "schema", "--dialect", "duckdb")
		if err := d.exec(ddl + "DELETE FROM batches;"); err != nil {
			t.Fatal(err)
		}
		reader := map[string]string{"parquet": "read_parquet", "ndjson": "read_json", "csv": "read_csv"}[format]
		options := map[string]string{"csv": ", all_varchar = true, allow_quoted_nulls = false"}[format]
		if err := d.exec("INSERT INTO batches BY NAME SELECT * FROM " + reader + "('" + out + "'" + options + ");"); err != nil {
			t.Fatal(err)
		}
		var rows, exported, total int
		var custom string
		err := d.handle.QueryRow(`SELECT count(*), count(*) FILTER (state = 'exported'), sum(row_count),
			any_value(batch_custom) FILTER (batch_id = 'phone-find-few') FROM batches`).Scan(&rows, &exported, &total, &custom)
		want := 0
		for _, b := range s.batches {
			want += len(b.rows)
		}
		if err != nil || rows != len(s.batches)+1 || exported != len(s.batches) || total != want || custom != `for "phone-find-few"` {
			t.Errorf("%s: %d batches, %d exported, %d rows of %d, custom %q, error %v", format, rows, exported, total, want, custom, err)
		}
	}
}

package engines

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// duckdbName is what the test binary has to be called as to be the command line of
// DuckDB, as far as the recipes need it: the module has the library alone.
const duckdbName = "duckdb"

// duckdbCommand runs the script on standard input in the database that is named
// last, and stops at the first error, as -bail says.
func duckdbCommand(args []string) error {
	db, err := sql.Open("duckdb", args[len(args)-1])
	if err != nil {
		return err
	}
	defer db.Close()
	script, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	session, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer session.Close()
	_, err = session.ExecContext(context.Background(), string(script))
	return err
}

// The commands of docs/warehouses.md for DuckDB and PostgreSQL, and those that need
// no warehouse, are run one after the other as they stand there.
func TestRecipes(t *testing.T) {
	page, err := os.ReadFile("../../docs/warehouses.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 6 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	s := newSource(t, everything()...)
	p := newPostgres(t)
	// Values for readers that take them from the names of folders.
	work := filepath.Join(t.TempDir(), "qualification=x", "batch_id=other", "custom=acme")
	if err := os.MkdirAll(work, 0o755); err != nil {
		t.Fatal(err)
	}
	s.export(t, filepath.Join(work, "out"), "--format", "parquet,ndjson")
	bin := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{duckdbName: exe, "enrow-export": program} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, block := range blocks {
		cmd := exec.Command("bash", "-euc", block[1])
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"),
			"PGHOST=127.0.0.1", fmt.Sprintf("PGPORT=%d", p.server.Port), "PGUSER=postgres", "PGDATABASE="+p.name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s%v\n%s", block[1], err, out)
		}
	}
	s.compare(t, p, allColumns)
	d := openDuck(t, filepath.Join(work, "warehouse.duckdb"))
	s.compare(t, d, allColumns)
	var batches int
	if err := d.handle.QueryRow("SELECT count(*) FROM batches").Scan(&batches); err != nil || batches != len(s.batches) {
		t.Errorf("%d batches, error %v", batches, err)
	}
	// The query of the page.
	query := regexp.MustCompile("(?ms)^```sql\n(SELECT.*?);\n```$").FindStringSubmatch(string(page))
	if query == nil {
		t.Fatal("the page shows no query")
	}
	var found int
	err = d.handle.QueryRow("SELECT count(*) FROM (" + strings.ReplaceAll(query[1], "'out/", "'"+work+"/out/") + ")").Scan(&found)
	if err != nil || found < 2 {
		t.Errorf("%d qualifications, error %v", found, err)
	}
}

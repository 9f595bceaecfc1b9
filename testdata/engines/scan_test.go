package engines

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"enrow-export/sources/fakeapi"
)

// BenchmarkScan compares queries over 2,000 files of 500 rows with the same over
// what compact makes of them.
func BenchmarkScan(b *testing.B) {
	const batches, rows = 2000, 500
	api := fakeapi.New(fakeapi.Options{})
	args := []string{"export", "--quiet", "--to", filepath.Join(b.TempDir(), "out")}
	to := args[3]
	for i := range batches {
		id := fmt.Sprintf("batch-%04d", i)
		api.Add(fakeapi.Generate(id, rows, uint64(i)))
		args = append(args, id)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	defer api.Close()
	s := source{api: api, url: server.URL}
	into := filepath.Join(b.TempDir(), "packed")
	s.run(b, 0, args...)
	told, _ := s.run(b, 0, "compact", "--to", to, "--into", into)
	b.Log(told)
	db, err := sql.Open("duckdb", "")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, query := range []struct{ name, sql string }{
		{"all rows", "SELECT max(n) FROM (SELECT count(DISTINCT info_company_domain) + max(length(email)) AS n FROM read_parquet('%s') GROUP BY qualification)"},
		{"one batch", "SELECT count(*) FROM read_parquet('%s') WHERE batch_id = 'batch-0777'"},
	} {
		for _, root := range []struct{ name, at string }{{"before", to}, {"after", into}} {
			b.Run(query.name+"/"+root.name, func(b *testing.B) {
				for b.Loop() {
					var n int
					if err := db.QueryRow(fmt.Sprintf(query.sql, root.at+"/email_find/*.parquet")).Scan(&n); err != nil || n == 0 {
						b.Fatal(n, err)
					}
				}
			})
		}
	}
}

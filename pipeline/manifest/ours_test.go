package manifest_test

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// encoded returns a file of rows of a batch, with some columns or all; as one of
// several batches if the id is not among the metadata.
func encoded(t *testing.T, table *schema.Table, id string, rows int, encoding string, columns ...string) []byte {
	t.Helper()
	table, err := table.Select(columns, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, table.Arrow(id))
	defer b.Release()
	for range rows {
		b.Field(0).(*array.StringBuilder).Append(id)
		for i := range table.Columns[1:] {
			b.Field(i + 1).AppendNull()
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	var buf bytes.Buffer
	enc := pipelinetest.NewConfig(t, nil, nil, encoding).Encodings[0]
	if err := enc.Encode(&buf, table, rec); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// mixed returns a Parquet file that says it is of the first batch, and has a row of each.
func mixed(t *testing.T, table *schema.Table, ids ...string) []byte {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, table.Arrow(ids[0]))
	defer b.Release()
	for _, id := range ids {
		b.Field(0).(*array.StringBuilder).Append(id)
		for i := range table.Columns[1:] {
			b.Field(i + 1).AppendNull()
		}
	}
	rec := b.NewRecord()
	defer rec.Release()
	var buf bytes.Buffer
	if err := pipelinetest.NewConfig(t, nil, nil, "parquet").Encodings[0].Encode(&buf, table, rec); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestWhoseFile(t *testing.T) {
	find, verify := &schema.EmailFind, &schema.EmailVerify
	raw := manifest.RawPath(find, "a")
	copied := func(body string) []byte { return []byte(pipelinetest.CopyOf(t, []byte(body))) }
	for _, test := range []struct {
		name, path string
		data       []byte
		want       manifest.Whose
	}{
		{"parquet", "x/a.parquet", encoded(t, find, "a", 2, "parquet"), manifest.Ours},
		{"parquet, other compression", "x/a.parquet", encoded(t, find, "a", 2, "parquet=snappy"), manifest.Ours},
		{"parquet without rows", "x/a.parquet", encoded(t, find, "a", 0, "parquet"), manifest.Ours},
		{"parquet of another batch", "x/a.parquet", encoded(t, find, "b", 2, "parquet"), manifest.Anothers},
		{"parquet of another batch, without rows", "x/a.parquet", encoded(t, find, "b", 0, "parquet"), manifest.Anothers},
		{"parquet of another table, without rows", "x/a.parquet", encoded(t, verify, "a", 0, "parquet"), manifest.Anothers},
		{"cut parquet", "x/a.parquet", encoded(t, find, "a", 2, "parquet")[:100], manifest.Nobodys},
		{"csv", "x/a.csv", encoded(t, find, "a", 2, "csv"), manifest.Ours},
		{"csv of few columns", "x/a.csv", encoded(t, find, "a", 2, "csv", "email"), manifest.Ours},
		{"csv of another batch", "x/a.csv", encoded(t, find, "b", 2, "csv"), manifest.Anothers},
		{"csv of another table", "x/a.csv", encoded(t, &schema.PhoneFind, "a", 2, "csv"), manifest.Anothers},
		{"csv without rows", "x/a.csv", encoded(t, find, "a", 0, "csv"), manifest.Anyones},
		{"compressed", "x/a.csv.zst", encoded(t, find, "a", 2, "csv=zstd"), manifest.Ours},
		{"otherwise compressed", "x/a.csv.gz", encoded(t, find, "a", 2, "csv=zstd"), manifest.Nobodys},
		{"no extension", "csv/a", encoded(t, find, "a", 2, "csv"), manifest.Ours},
		{"ndjson without rows", "x/a.ndjson", nil, manifest.Anyones},
		{"no file of a batch", "x/a.csv", []byte("batch_id,mine\na,1\n"), manifest.Nobodys},
		{"no id", "x/a.csv", []byte("batch_id,email\n?,1\n"), manifest.Nobodys},
		{"empty csv", "x/a.csv", nil, manifest.Nobodys},
		{"csv with a row of another batch", "x/a.csv", append(encoded(t, find, "a", 2, "csv"), bytes.SplitAfterN(encoded(t, find, "b", 1, "csv"), []byte("\n"), 2)[1]...), manifest.Nobodys},
		{"csv with a row of no batch", "x/a.csv", []byte("batch_id,email\na,1\n,2\n"), manifest.Nobodys},
		{"ndjson with a row of another batch", "x/a.ndjson", append(encoded(t, find, "a", 2, "ndjson"), encoded(t, find, "b", 1, "ndjson")...), manifest.Nobodys},
		{"parquet with a row of another batch", "x/a.parquet", mixed(t, find, "a", "b"), manifest.Nobodys},
		{"copy", raw, copied(pipelinetest.Finished("a", "x", 1)), manifest.Ours},
		{"copy of another", raw, copied(pipelinetest.Finished("b", "x", 1)), manifest.Anothers},
		{"no answer", raw, copied("{}"), manifest.Nobodys},
		{"no JSON", raw, copied("{"), manifest.Nobodys},
		{"no copy", raw, []byte("a"), manifest.Nobodys},
		{"copy that is too long", raw, copied(pipelinetest.Finished("a", "x", 1<<14)), manifest.Nobodys},
	} {
		if got := manifest.WhoseFile(find, "a", test.path, test.data, 1<<19); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// An entry is found by the path that it names, under whichever layout and table.
func TestOwners(t *testing.T) {
	pipelinetest.ForEachStore(t, "owners", func(t *testing.T, store sinks.Store) {
		put := func(table *schema.Table, id string, paths ...string) {
			m := manifest.Manifest{Store: store, Table: table}
			e := m.Next(nil, id)
			e.Replacing = make(map[string]manifest.File)
			for _, path := range paths {
				e.Replacing["csv"] = manifest.File{Path: path, Compression: "none"}.Describe([]byte("x"))
			}
			if _, err := m.Put(t.Context(), e, sinks.IfAbsent()); err != nil {
				t.Fatal(err)
			}
		}
		put(&schema.EmailFind, "ab-v2", "email_find/ab-v2.csv")
		put(&schema.EmailFind, "ab", "email_find/ab-v3.csv")
		put(&schema.EmailFind, "b")
		put(&schema.PhoneFind, "ab", "email_find/phone_find-ab.csv")
		pipelinetest.PutObject(t, store, "_manifest/email_find/cut.json", "{")
		owners := &manifest.Owners{Store: store}
		for _, test := range []struct {
			id, path string
			want     bool
		}{
			{"ab", "email_find/ab-v2.csv", true},
			{"ab-v2", "email_find/ab-v2.csv", false},
			{"ab-v3", "email_find/ab-v3.csv", true},
			{"ab-v3", "email_find/ab-v4.csv", false},
			{"ab", "email_find/ab-v3.csv", false},
			{"ab", "email_find/phone_find-ab.csv", true},
			{"x", "email_find/x/b.csv", false},
			{"x", "email_find/cut.csv", true}, // it may
		} {
			if got, err := owners.Another(t.Context(), &schema.EmailFind, test.id, test.path); got != test.want || err != nil {
				t.Errorf("another batch than %s names %s: %v, error %v", test.id, test.path, got, err)
			}
		}
	})
}

package answer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/xitongsys/parquet-go/reader"
	"github.com/xitongsys/parquet-go/source"

	"enrow-export/pipeline/answer"
	"enrow-export/schema"
	"enrow-export/sinks"
)

var update = flag.Bool("update", false, "write the golden files anew, to be read by a person")

// TestGolden turns each answer of testdata into files and compares: the text
// formats byte for byte, Parquet value by value with what NDJSON says, and the
// envelope with what the manifest will keep.
func TestGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, name string, table *schema.Table, _ []byte, a *answer.Answer) {
		files := make(map[string][]byte)
		for _, format := range sinks.Formats() {
			enc, err := sinks.NewEncoding(format.Name, "")
			if err != nil {
				t.Fatal(err)
			}
			out, err := encode(table, a.Record, enc)
			if err != nil {
				t.Fatal(err)
			}
			files[format.Name] = out
			contents, err := enc.Inspect(out)
			if want := sinks.ContentSHA256(a.Record); err != nil || contents.SHA256 != want {
				t.Errorf("%s holds rows with digest %s (%v), want %s", format.Name, contents.SHA256, err, want)
			}
		}
		dir := filepath.Join("../../testdata/batches", name)
		golden(t, filepath.Join(dir, "rows.ndjson"), files["ndjson"])
		golden(t, filepath.Join(dir, "rows.csv"), files["csv"])
		golden(t, filepath.Join(dir, "envelope.json"), append([]byte(a.Envelope), '\n'))
		if diff := cmp.Diff(ndjsonCells(t, table, files["ndjson"]), parquetCells(t, files["parquet"])); diff != "" {
			t.Errorf("Parquet differs from NDJSON (-ndjson +parquet):\n%s", diff)
		}
	})
}

// encode returns a file with the rows.
func encode(table *schema.Table, rec arrow.Record, enc sinks.Encoding) ([]byte, error) {
	var b bytes.Buffer
	err := enc.Encode(&b, table, rec)
	return b.Bytes(), err
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// ndjsonCells returns the cells of an NDJSON file by column: nil, string, or
// int64 in the one integer column.
func ndjsonCells(t *testing.T, table *schema.Table, data []byte) map[string][]any {
	t.Helper()
	cells := make(map[string][]any)
	for _, name := range table.ColumnNames() {
		cells[name] = nil
	}
	for line := range bytes.Lines(data) {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber()
		var row map[string]any
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		for name, value := range row {
			if n, ok := value.(json.Number); ok {
				v, err := n.Int64()
				if err != nil {
					t.Fatal(err)
				}
				value = v
			}
			cells[name] = append(cells[name], value)
		}
	}
	return cells
}

// parquetCells returns the cells of a Parquet file by column, read by a reader
// that shares no code with the writer.
func parquetCells(t *testing.T, data []byte) map[string][]any {
	t.Helper()
	r, err := reader.NewParquetColumnReader(parquetFile{bytes.NewReader(data)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.ReadStop()
	cells := make(map[string][]any)
	for i, info := range r.SchemaHandler.Infos[1:] {
		name := info.ExName // the name in the file; others are Go's
		values, _, _, err := r.ReadColumnByIndex(int64(i), r.GetNumRows())
		if err != nil {
			t.Fatal(err)
		}
		if len(values) == 0 {
			values = nil
		}
		for j, v := range values {
			if s, ok := v.(string); ok {
				values[j] = strings.Clone(s)
			}
		}
		cells[name] = values
	}
	return cells
}

// parquetFile serves a file in memory to the reader.
type parquetFile struct{ *bytes.Reader }

var errReadOnly = errors.New("read only")

func (f parquetFile) Open(string) (source.ParquetFile, error) {
	return parquetFile{bytes.NewReader(f.bytes())}, nil
}

func (parquetFile) Create(string) (source.ParquetFile, error) { return nil, errReadOnly }

func (parquetFile) Write([]byte) (int, error) { return 0, errReadOnly }

func (parquetFile) Close() error { return nil }

// bytes returns the whole content, wherever the file is read at.
func (f parquetFile) bytes() []byte {
	content := make([]byte, f.Size())
	_, _ = f.ReadAt(content, 0) // a short read shows as wrong content
	return content
}

package sinks_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

func TestInspect(t *testing.T) {
	for name, rows := range map[string][]row{
		"awkward rows": awkwardRows(),
		"many rows":    manyRows(2500),
		"no rows":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecord(t, people, rows...)
			eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
				got, err := e.Inspect(encode(t, e, people, rec))
				if err != nil {
					t.Fatal(err)
				}
				want := sinks.Contents{Rows: int64(len(rows)), Columns: people.ColumnNames(), SHA256: contentSHA256(rows)}
				if len(rows) == 0 && e.Format.Name == "ndjson" {
					want.Columns = nil
				}
				if len(rows) > 0 {
					want.First, _ = rows[0][0].(string)
					want.Mixed = slices.ContainsFunc(rows, func(r row) bool { return r[0] != rows[0][0] })
				}
				if e.Format.Name == "parquet" {
					want.Table, want.BatchID = people.Name, batchID
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("contents (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A file that is cut is an error, but for uncompressed text that is cut between
// two rows: only a count of the rows tells that.
func TestInspectCutFiles(t *testing.T) {
	rec := newRecord(t, people, append(awkwardRows(), manyRows(200)...)...)
	eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
		data := encode(t, e, people, rec)
		wholeRows := e.Compression == "none" && e.Format.Name != "parquet"
		step := max(1, len(data)/500)
		for n := 0; n < len(data); n++ {
			if n > 64 && n < len(data)-64 && n%step != 0 {
				continue
			}
			c, err := e.Inspect(data[:n])
			if wholeRows && (n == 0 || data[n-1] == '\n') {
				if err == nil && c.Rows >= rec.NumRows() {
					t.Errorf("%d of %d bytes: %d rows", n, len(data), c.Rows)
				}
				continue
			}
			if err == nil {
				t.Errorf("%d of %d bytes: no error", n, len(data))
			}
		}
	})
}

func TestInspectTrailingGarbage(t *testing.T) {
	rec := newRecord(t, people, awkwardRows()...)
	eachEncoding(t, func(t *testing.T, e sinks.Encoding) {
		data := encode(t, e, people, rec)
		for _, garbage := range []string{"x", "\n", "\x00", "{}", "{}\n", "x\n", ",,,,", "PAR1", strings.Repeat("\x00", 512)} {
			if _, err := e.Inspect(append(slices.Clip(data), garbage...)); err == nil {
				t.Errorf("%q behind the end: no error", garbage)
			}
		}
	})
}

// What is sealed with checksums shows any damage. In Parquet only pages are:
// damage to a name or to statistics passes, but never changes how many rows a
// file tells, and never brings down the process.
func TestInspectDamagedFiles(t *testing.T) {
	rec := newRecord(t, people, append(awkwardRows(), manyRows(30)...)...)
	for _, e := range encodings(t) {
		isParquet := e.Format.Name == "parquet"
		if e.Compression == "snappy" || e.Compression == "none" && isParquet {
			continue // nothing is sealed: the reader takes any number for a length
		}
		t.Run(e.Format.Name+"/"+e.Compression, func(t *testing.T) {
			data := encode(t, e, people, rec)
			want, err := e.Inspect(data)
			if err != nil {
				t.Fatal(err)
			}
			for i := range data {
				bits := [...]byte{0xff, 0x01}[i%2]
				if e.Compression == "none" {
					bits = 0xff // no letter any more
				}
				damaged := slices.Clone(data)
				damaged[i] ^= bits
				c, err := e.Inspect(damaged)
				if err != nil {
					continue
				}
				if c.Rows != want.Rows || !isParquet && !slices.Equal(c.Columns, want.Columns) {
					t.Errorf("byte %d xor %#x: %v", i, bits, c)
				}
			}
		})
	}
}

func TestInspectOfAnotherEncoding(t *testing.T) {
	rec := newRecord(t, people, awkwardRows()...)
	for _, written := range encodings(t) {
		data := encode(t, written, people, rec)
		for _, read := range encodings(t) {
			if read == written {
				continue
			}
			if _, err := read.Inspect(data); err == nil {
				t.Errorf("%s %s was read as %s %s", written.Format.Name, written.Compression, read.Format.Name, read.Compression)
			}
		}
	}
}

func TestInspectText(t *testing.T) {
	for _, test := range []struct{ format, text, wantErr string }{
		{"ndjson", "{\"a\":1,\"b\":null}\n{\"a\":\"x\",\"b\":-2.5e3}\n", ""},
		{"ndjson", "{\"a\":1}\n{\"b\":1}\n", "row 2: columns differ"},
		{"ndjson", "{\"a\":1,\"b\":2}\n{\"b\":2,\"a\":1}\n", "row 2: columns differ"},
		{"ndjson", "{\"a\":1}\n{}\n", "row 2: line is not"},
		{"ndjson", "{\"a\":1}\n\n", "row 2: line is not"},
		{"ndjson", "{\"a\":1}\n{\"a\":1}", "row 2: unexpected EOF"},
		{"ndjson", "{\"a\":1} {\"a\":1}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":\n1}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":[]}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":{\"secret\":1}}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":true}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":secret}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":\"secret\"x}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":\"secret\",}\n", "row 1: line is not"},
		{"ndjson", "{\"a\":\"secret\n", "row 1: line is not"},
		{"ndjson", "{\"a\":1}\n{\"a\":\"secret\xff\"}\n", "row 2: line is not valid UTF-8"},
		{"ndjson", "[\"secret\"]\n", "row 1: line is not"},
		{"ndjson", "\"secret\"\n", "row 1: line is not"},

		{"csv", "a,b\n1,2\n", ""},
		{"csv", "a,b\n\"x\ny\",\"\"\n", ""},
		{"csv", "", "last line: unexpected EOF"},
		{"csv", "a,b", "last line: unexpected EOF"},
		{"csv", "a,b\n1,secret", "last line: unexpected EOF"},
		{"csv", "\na,b\n", "row 0: line is empty"},
		{"csv", "a,b\n\n1,2\n", "row 1: line is empty"},
		{"csv", "a,b\n1,2\n\r\n", "row 2: field without quotes"},
		{"csv", "a,b\n1,2\nsecret\n", "row 2: has 1 fields, the header 2"},
		{"csv", "a,b\n\"x\ny\",2\n1,2,secret\n", "row 2: has 3 fields, the header 2"},
		{"csv", "a,b\n1,secret\"\n", "row 1: field without quotes"},
		{"csv", "a,b\n1,\"secret\"x\n", "row 1: field continues after"},
		{"csv", "a,b\n1,\"secret\n", "row 1: field in quotes is cut off"},
		{"csv", "a,b\n1,secret\xff\n", "file is not valid UTF-8"},
	} {
		_, err := newEncoding(t, test.format, "none").Inspect([]byte(test.text))
		switch {
		case test.wantErr == "":
			if err != nil {
				t.Errorf("%s %q: %v", test.format, test.text, err)
			}
		case err == nil || !strings.HasPrefix(err.Error(), test.wantErr) || strings.Contains(err.Error(), "secret"):
			t.Errorf("%s %q: error %v, want %s", test.format, test.text, err, test.wantErr)
		}
	}
}

package main

import (
	"strings"
	"testing"
)

// A name that says how a file is written decides that, and what contradicts it is
// refused.
func TestEncodingOfName(t *testing.T) {
	for _, test := range []struct {
		name, format, compression string
		want                      string // extension and compression, or a part of the error
	}{
		{"b.csv", "", "", "csv none"},
		{"b.csv.gz", "", "", "csv.gz gzip"},
		{"dir.parquet/B.CSV.ZST", "", "", "csv.zst zstd"},
		{"b.csv.zstd", "", "", "csv.zst zstd"},
		{"b.ndjson", "", "", "ndjson none"},
		{"b.jsonl", "", "", "ndjson none"},
		{"b.jsonl.gz", "ndjson", "gzip", "ndjson.gz gzip"},
		{"b.parquet", "", "", "parquet zstd"},
		{"b.parquet", "", "snappy", "parquet snappy"},
		{"b.parquet", "parquet", "none", "parquet none"},
		{"b.gz", "csv", "", "csv.gz gzip"},
		{"b", "", "", "parquet zstd"},
		{"-", "", "", "parquet zstd"},
		{"-", "csv", "gzip", "csv.gz gzip"},
		{"b.txt", "csv", "", "csv none"},
		{"/dev/stdout", "", "", "parquet zstd"},
		{".csv", "", "", "csv none"},

		{"b.csv", "parquet", "", "--format parquet contradicts --out b.csv"},
		{"b.parquet", "csv", "", "--format csv contradicts --out b.parquet"},
		{"b.csv", "", "gzip", "--compression gzip contradicts --out b.csv"},
		{"b.csv.gz", "csv", "none", "--compression none contradicts --out b.csv.gz"},
		{"b.csv.gz", "", "zstd", "--compression zstd contradicts --out b.csv.gz"},
		{"b.parquet.gz", "", "", "b.parquet.gz: the name does not tell the format"},
		{"b.zst", "", "", "b.zst: the name does not tell the format"},
		{"b.zst", "parquet", "", "--format parquet contradicts --out b.zst"},
		{"b.json", "", "", ".json is not the extension of a format"},
		{"b.csv", "avro", "", "unknown format"},
		{"b.csv", "csv", "snappy", "unknown compression"},
		{"b", "", "brotli", "unknown compression"},
	} {
		enc, err := encodingOf(test.name, test.format, test.compression)
		got := ""
		if err != nil {
			got = err.Error()
			if exitCode(err) != exitUsage {
				t.Errorf("%+v: exit code %d", test, exitCode(err))
			}
		} else {
			got = enc.Ext() + " " + enc.Compression
		}
		if err == nil && got != test.want || err != nil && !strings.Contains(got, test.want) {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

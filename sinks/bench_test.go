package sinks_test

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// searches returns n rows as a bulk search has them, a third without a result.
func searches(n int) []row {
	first := []string{"Ada", "Grace", "Edsger", "Barbara", "Łukasz", "Zoë", "Jean-Luc"}
	last := []string{"Lovelace", "Hopper", "Dijkstra", "Liskov", "Nowak", "O'Brien", "Müller", "Núñez", "Li"}
	rows := make([]row, n)
	for i := range rows {
		f, l := first[i%len(first)], last[i*7%len(last)]
		domain := fmt.Sprintf("company%d.example", i*31%997)
		company := fmt.Sprintf("Company %d, Inc.", i*31%997)
		r := row{
			batchID, "campaign_q2", int64(i), "valid", fmt.Sprintf("contact%d@%s", i, domain),
			domain, f + " " + l, f, l, []string{"female", "male"}[i%2], domain, company,
			f + " " + l, domain, company, fmt.Sprintf(`{"crm_id":"%08x","row":%d}`, i*2654435761%(1<<32), i), nil,
		}
		if i%3 == 2 {
			r[3] = "invalid"
			clear(r[4:12])
		}
		rows[i] = r
	}
	return rows
}

const benchRows = 5000

// reportRows reports how fast rows were encoded, and what memory that took. size
// is that of the file, 0 when there is none.
func reportRows(b *testing.B, size int64, encode func()) {
	b.ReportAllocs()
	b.SetBytes(size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		encode()
	}
	runtime.ReadMemStats(&after)
	rows := float64(benchRows) * float64(b.N)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/rows, "allocs/row")
	if size > 0 {
		b.ReportMetric(float64(size)/benchRows, "file-B/row")
	}
}

// BenchmarkEncode makes a file of each format and compression.
func BenchmarkEncode(b *testing.B) {
	rec := newRecord(b, &schema.EmailFind, searches(benchRows)...)
	for _, e := range encodings(b) {
		b.Run(e.Format.Name+"/"+e.Compression, func(b *testing.B) {
			size := int64(len(encode(b, e, &schema.EmailFind, rec)))
			reportRows(b, size, func() {
				if err := e.Encode(io.Discard, &schema.EmailFind, rec); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// BenchmarkContentSHA256 is the digest of the rows, whatever the format.
func BenchmarkContentSHA256(b *testing.B) {
	rec := newRecord(b, &schema.EmailFind, searches(benchRows)...)
	reportRows(b, 0, func() { sinks.ContentSHA256(rec) })
}

// BenchmarkPageLevels compresses what is in a Parquet file at the levels there
// are. The file is cut up, since its pages are no longer known.
func BenchmarkPageLevels(b *testing.B) {
	file := encode(b, newEncoding(b, "parquet", "none"), &schema.EmailFind, newRecord(b, &schema.EmailFind, searches(benchRows)...))
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression} {
		b.Run(level.String(), func(b *testing.B) {
			z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
			if err != nil {
				b.Fatal(err)
			}
			var buf []byte
			size := 0
			for b.Loop() {
				size = 0
				for page := range slices.Chunk(file, 64<<10) {
					buf = z.EncodeAll(page, buf[:0])
					size += len(buf)
				}
			}
			b.SetBytes(int64(len(file)))
			b.ReportMetric(float64(size)/benchRows, "file-B/row")
		})
	}
}

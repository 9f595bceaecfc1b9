package sinks_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// searches returns n rows as a bulk search has them, a third without a result:
// names that recur, and companies that do less so.
func searches(n int) []row {
	first := []string{"Ada", "Grace", "Edsger", "Barbara", "Łukasz", "Zoë", "Jean-Luc", "Susan", "Oscar", "Daniel", "Ingrid", "John", "Emily"}
	last := []string{"Lovelace", "Hopper", "Dijkstra", "Liskov", "Nowak", "O'Brien", "Müller", "Núñez", "Li", "Esposito", "Carter", "Ramirez"}
	words := []string{"Juno", "Rapid", "Quantum", "Falcon", "Vertex", "Blue", "North", "Delta", "Iron", "Silver", "Cedar", "Atlas", "Nova"}
	trades := []string{"Logistics", "Analytics", "Labs", "Works", "Travel", "Networks", "Foods", "Energy", "Robotics", "Media"}
	forms := []string{"", "", "", ", Inc.", " GmbH & Co. KG", " \"Group\""}
	endings := []string{"com", "net", "de", "eu", "io"}
	random := rand.New(rand.NewPCG(1, 2)) // the same rows in every run
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	rows := make([]row, n)
	for i := range rows {
		f, l, word, trade := pick(first), pick(last)+pick([]string{"", "", "son", "-Smith"}), pick(words), pick(trades)
		domain := fmt.Sprintf("%s%s%d.%s", strings.ToLower(word), strings.ToLower(trade), random.IntN(40), pick(endings))
		company := word + " " + trade + pick(forms)
		email := fmt.Sprintf("%s%d@%s", strings.ToLower(f[:1]), random.IntN(10_000), domain)
		r := row{
			batchID, "campaign_q2", int64(i), "valid", email, domain, nil, f, l, nil, nil, company,
			f + " " + l, domain, nil, fmt.Sprintf("lead_046_%05d", i), nil,
		}
		if random.IntN(3) == 0 {
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

package pipeline_test

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
	"enrow-export/sources/fakeapi"
)

const benchRows = 5000

// fixed is a Source with one answer for every batch.
type fixed []byte

func (f fixed) Fetch(_ context.Context, _ *schema.Table, _ string, buf []byte) ([]byte, error) {
	return append(buf[:0], f...), nil
}

func reportRows(b *testing.B, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkFlatten is the stage from an answer's bytes to Arrow records.
func BenchmarkFlatten(b *testing.B) {
	batch := fakeapi.Generate("bench", benchRows, 1)
	for b.Loop() {
		a, err := pipeline.Flatten(memory.DefaultAllocator, &schema.EmailFind, batch.ID, batch.Body, 1<<30)
		if err != nil {
			b.Fatal(err)
		}
		a.Release()
	}
	reportRows(b, batch.Body)
}

// BenchmarkExport is the whole path after the fetch: flatten, write, digest and
// publish, with everything that makes it safe.
func BenchmarkExport(b *testing.B) {
	batch := fakeapi.Generate("bench", benchRows, 1)
	layout, err := pipeline.ParseLayout(pipeline.DefaultLayout)
	if err != nil {
		b.Fatal(err)
	}
	folder, err := local.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for _, format := range sinks.Formats() {
		for name, store := range map[string]sinks.Store{"memory": sinks.NewMemory(), "local": folder} {
			b.Run(format.Name+"/"+name, func(b *testing.B) {
				enc, err := sinks.NewEncoding(format.Name, "")
				if err != nil {
					b.Fatal(err)
				}
				cfg := pipeline.Config{
					Table: &schema.EmailFind, Source: fixed(batch.Body), Store: store,
					Encodings: []sinks.Encoding{enc}, Layout: layout, Force: true,
				}
				for b.Loop() {
					s, err := pipeline.Run(b.Context(), cfg, []string{batch.ID}, nil)
					if err != nil || s.Exported != 1 {
						b.Fatalf("summary %+v, error %v", s, err)
					}
				}
				reportRows(b, batch.Body)
			})
		}
	}
}

package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
	"enrow-export/sources"
	"enrow-export/sources/fakeapi"
)

const benchRows = 5000

// numbered is a Source that has an answer for every batch of benchIDs: the same
// one but for the id.
type numbered struct {
	body []byte
	at   int // where the id stands
}

func benchID(n int) string { return fmt.Sprintf("bench-%08d", n) }

func newNumbered() numbered {
	batch := fakeapi.Generate(benchID(0), benchRows, 1)
	return numbered{batch.Body, bytes.Index(batch.Body, []byte(batch.ID))}
}

func (s numbered) Fetch(_ context.Context, _ *schema.Table, id string, buf []byte) ([]byte, error) {
	body := append(buf[:0], s.body...)
	copy(body[s.at:], id)
	return body, nil
}

// ServeHTTP is the API with these answers.
func (s numbered) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", fmt.Sprint(len(s.body)))
	for _, part := range [][]byte{s.body[:s.at], []byte(r.URL.Query().Get("id")), s.body[s.at+len(benchID(0)):]} {
		if _, err := w.Write(part); err != nil {
			return // whoever asked has gone
		}
	}
}

// reportRows reports how many rows a second run has made of b.N answers of body,
// and how often it allocated for each. run is what is measured.
func reportRows(b *testing.B, body []byte, run func()) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	run()
	b.StopTimer()
	runtime.ReadMemStats(&after)
	rows := float64(benchRows * b.N)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/rows, "allocs/row")
}

// BenchmarkFlatten is the stage from an answer's bytes to Arrow records: of an
// answer as the API sends them, and of one where every row has a key that the
// table does not declare, which is read by the JSON library alone.
func BenchmarkFlatten(b *testing.B) {
	usual := newNumbered().body
	for name, body := range map[string][]byte{
		"usual":   usual,
		"unknown": bytes.ReplaceAll(usual, []byte(`{"index"`), []byte(`{"new":1,"index"`)),
	} {
		b.Run(name, func(b *testing.B) {
			reportRows(b, body, func() {
				for range b.N {
					a, err := pipeline.Flatten(memory.DefaultAllocator, &schema.EmailFind, benchID(0), body, 1<<30)
					if err != nil {
						b.Fatal(err)
					}
					a.Release()
				}
			})
		})
	}
}

// BenchmarkRun is the whole path of b.N batches, with everything that makes it
// safe: without a network to a store in memory, and over HTTP into a folder, as
// users run it. Its processor time is that of the server too.
func BenchmarkRun(b *testing.B) {
	layout, err := pipeline.ParseLayout(pipeline.DefaultLayout)
	if err != nil {
		b.Fatal(err)
	}
	answers := newNumbered()
	server := httptest.NewServer(answers)
	defer server.Close()
	client, err := sources.NewClient(sources.Config{BaseURL: server.URL, Key: "key"})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var all []sinks.Encoding
	for _, format := range sinks.Formats() {
		enc, err := sinks.NewEncoding(format.Name, "")
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, enc)
	}
	run := func(name string, encodings []sinks.Encoding) {
		for _, over := range []string{"memory", "http-folder"} {
			b.Run(name+"/"+over, func(b *testing.B) {
				cfg := pipeline.Config{
					Table: &schema.EmailFind, Source: answers, Store: sinks.NewMemory(), Encodings: encodings, Layout: layout,
				}
				if over == "http-folder" {
					folder, err := local.Open(b.TempDir())
					if err != nil {
						b.Fatal(err)
					}
					defer folder.Close()
					cfg.Source, cfg.Store = client, folder
				}
				ids := make([]string, b.N)
				for i := range ids {
					ids[i] = benchID(i)
				}
				reportRows(b, answers.body, func() {
					if s, err := pipeline.Run(b.Context(), cfg, ids, nil); err != nil || s.Exported != b.N {
						b.Fatalf("summary %+v, error %v", s, err)
					}
				})
			})
		}
	}
	for _, enc := range all {
		run(enc.Format.Name, []sinks.Encoding{enc})
	}
	run("all", all)
}

package export_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
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
	Body []byte
	at   int // where the id stands
}

func benchID(n int) string { return fmt.Sprintf("bench-%08d", n) }

func newNumbered() numbered {
	batch := fakeapi.Generate(benchID(0), benchRows, 1)
	return numbered{batch.Body, bytes.Index(batch.Body, []byte(batch.ID))}
}

func (s numbered) Fetch(_ context.Context, _ *schema.Table, id string, buf []byte) ([]byte, error) {
	body := append(buf[:0], s.Body...)
	copy(body[s.at:], id)
	return body, nil
}

// ServeHTTP is the API with these answers.
func (s numbered) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", fmt.Sprint(len(s.Body)))
	for _, part := range [][]byte{s.Body[:s.at], []byte(r.URL.Query().Get("id")), s.Body[s.at+len(benchID(0)):]} {
		if _, err := w.Write(part); err != nil {
			return // whoever asked has gone
		}
	}
}

// BenchmarkRun is the whole path of b.N batches, with everything that makes it
// safe: without a network to a store in memory, and over HTTP into a folder, as
// users run it. Its processor time is that of the server too.
func BenchmarkRun(b *testing.B) {
	layout, err := manifest.ParseLayout(manifest.DefaultLayout)
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
				cfg := export.Config{
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
				pipelinetest.ReportRows(b, benchRows, answers.Body, func() {
					if s, err := export.Run(b.Context(), cfg, ids, nil); err != nil || s.Exported != b.N {
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

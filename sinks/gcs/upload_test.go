package gcs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
)

// recorder notes the uploads that it hands on, as "uploadType bytes".
type recorder struct {
	http.Handler
	mu      sync.Mutex
	uploads []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodPost {
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(body))
		what := req.URL.Query().Get("uploadType")
		if req.URL.Query().Has("upload_id") {
			what = fmt.Sprintf("chunk of %d", len(body))
		}
		r.mu.Lock()
		r.uploads = append(r.uploads, what)
		r.mu.Unlock()
	}
	r.Handler.ServeHTTP(w, req)
}

// Short objects take one request, longer ones a resumable upload in chunks of a
// mebibyte at most.
func TestUploadRequests(t *testing.T) {
	const mebibyte = 1 << 20
	for _, c := range []struct {
		size int
		want []string
	}{
		{0, []string{"multipart"}},
		{1, []string{"multipart"}},
		{chunkUnit - 1, []string{"multipart"}},
		{chunkUnit, []string{"multipart"}},
		{mebibyte - 1, []string{"multipart"}},
		{mebibyte, []string{"resumable", "chunk of 1048576", "chunk of 0"}},
		{mebibyte + 1, []string{"resumable", "chunk of 1048576", "chunk of 1"}},
		{5 * mebibyte / 2, []string{"resumable", "chunk of 1048576", "chunk of 1048576", "chunk of 524288"}},
	} {
		r := &recorder{Handler: newServer(t)}
		serve(t, r)
		s := open(t, "")
		if _, err := s.Put(t.Context(), "a", make([]byte, c.size), sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, r.uploads); diff != "" {
			t.Errorf("%d bytes: requests (-want +got):\n%s", c.size, diff)
		}
	}
}

// cutter cancels a context when so many bytes of uploads have arrived, before
// they take effect.
type cutter struct {
	http.Handler
	cancel context.CancelFunc
	mu     sync.Mutex
	left   int
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		c.Handler.ServeHTTP(w, r)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(c.left)))
	c.left -= len(body)
	if c.left == 0 {
		c.cancel()
		_, _ = io.Copy(io.Discard, r.Body) // until the client has hung up
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.Handler.ServeHTTP(w, r)
}

// However much of an upload has arrived when it is cancelled, no object is there.
func TestCancelLeavesNoObject(t *testing.T) {
	for _, size := range []int{100, 700 << 10, 3 << 20} {
		for _, after := range []int{1, 50, 300, size / 2, size, size + 20} {
			t.Run(fmt.Sprintf("%d of %d bytes", after, size), func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				server := newServer(t)
				serve(t, &cutter{Handler: server, cancel: cancel, left: after})
				_, err := open(t, "").Put(ctx, "a", make([]byte, size), sinks.IfAbsent())
				if !errors.Is(err, context.Canceled) {
					t.Errorf("put: error %v, want context.Canceled", err)
				}
				serve(t, server)
				if _, err := open(t, "").Stat(t.Context(), "a"); !errors.Is(err, sinks.ErrNotExist) {
					t.Errorf("stat: error %v, want ErrNotExist", err)
				}
			})
		}
	}
}

func TestContentTypes(t *testing.T) {
	server := newServer(t)
	serve(t, server)
	s := open(t, "")
	for name, want := range map[string]string{
		"t/b.parquet":        "application/vnd.apache.parquet",
		"t/b.ndjson":         "application/x-ndjson",
		"t/b.csv":            "text/csv",
		"t/b.csv.gz":         "application/gzip",
		"t/b.ndjson.zst":     "application/zstd",
		"_manifest/t/b.json": "application/json",
		"other":              "application/octet-stream",
	} {
		if _, err := s.Put(t.Context(), name, []byte("x"), sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		bucket, err := s.bucket(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		attrs, err := bucket.Object(name).Attrs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(attrs.ContentType, want) || attrs.ContentEncoding != "" {
			t.Errorf("%s: content type %q, encoding %q; want %q and none", name, attrs.ContentType, attrs.ContentEncoding, want)
		}
	}
}

// tamper changes what the service answers.
type tamper struct {
	http.Handler
	method  string
	change  func([]byte) []byte
	changed bool
}

func (s *tamper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	s.Handler.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if r.Method == s.method {
		body = s.change(body)
		s.changed = s.changed || !bytes.Equal(body, answer.Body.Bytes())
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	w.Write(body)
}

// A service that has stored something else than was sent, or sends something
// else than it has stored, is not believed.
func TestChecksumsAreCompared(t *testing.T) {
	server := newServer(t)
	serve(t, server)
	data := []byte("some content that is long enough")
	info, err := open(t, "").Put(t.Context(), "a", data, sinks.IfAbsent())
	if err != nil {
		t.Fatal(err)
	}

	write := &tamper{Handler: server, method: http.MethodPost, change: func(answer []byte) []byte {
		return bytes.Replace(answer, []byte(`"crc32c":"`), []byte(`"crc32c":"AAAA`), 1)
	}}
	serve(t, write)
	if _, err := open(t, "").Put(t.Context(), "b", data, sinks.IfAbsent()); err == nil || !write.changed {
		t.Errorf("put that is confirmed with another checksum: error %v", err)
	}

	read := &tamper{Handler: server, method: http.MethodGet, change: func(answer []byte) []byte {
		return bytes.Replace(answer, []byte("content"), []byte("contend"), 1)
	}}
	serve(t, read)
	got, _, err := open(t, "").Get(t.Context(), "a")
	if err == nil || got != nil || !read.changed {
		t.Errorf("get of %v that was changed on the way: %q, error %v", info, got, err)
	}
}

// BenchmarkPut shows, by the bytes allocated, that an upload takes a chunk's
// memory however long the object is. (The service's is counted too.)
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20, 8 << 20} {
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			service := httptest.NewServer(discard{})
			defer service.Close()
			b.Setenv(emulatorEnv, service.URL)
			s, err := Open(Config{Bucket: testBucket})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			data := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				// What the service makes of it has another checksum, of course.
				if _, err := s.Put(b.Context(), "a", data, sinks.IfAbsent()); err == nil {
					b.Fatal("no error")
				}
			}
		})
	}
}

// discard takes uploads and keeps nothing.
type discard struct{}

func (discard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	query := r.URL.Query()
	switch {
	case query.Get("uploadType") == "resumable" && !query.Has("upload_id"):
		w.Header().Set("Location", "http://"+r.Host+r.URL.Path+"?uploadType=resumable&upload_id=1")
	case query.Has("upload_id") && strings.HasSuffix(r.Header.Get("Content-Range"), "/*"):
		w.Header().Set("X-Http-Status-Code-Override", "308")
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", n-1))
	}
	io.WriteString(w, `{"name":"a","bucket":"b","size":"1","generation":"1"}`)
}

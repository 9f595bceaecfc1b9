package s3

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/s3/s3test"
)

// A put is one request with the content's length, type and checksum, and what the
// configuration asks for, whatever the size.
func TestPutRequest(t *testing.T) {
	server := newServer(t, s3test.Options{})
	cfg := testConfig(server.URL())
	cfg.SSE, cfg.KMSKey, cfg.BucketOwner = "aws:kms", "alias/files", "123456789012"
	s := open(t, cfg)
	for _, size := range []int{0, 9, 3 << 20, 20 << 20} {
		server.ResetRequests()
		name := fmt.Sprintf("t/%d.csv.gz", size)
		info, err := s.Put(t.Context(), name, bytes.Repeat([]byte("x"), size), sinks.IfAbsent())
		if err != nil {
			t.Fatal(err)
		}
		if n := server.Requests(); len(n) != 1 || n[s3test.Put] != 1 {
			t.Errorf("%d bytes: requests %v", size, n)
		}
		header := server.Header(testBucket, name)
		for key, want := range map[string]string{
			"Content-Length": fmt.Sprint(size), "Content-Type": "application/gzip", "Content-Encoding": "",
			"X-Amz-Checksum-Crc32c": encodeSum(info.CRC32C), "If-None-Match": "*", "If-Match": "",
			"X-Amz-Server-Side-Encryption": "aws:kms", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "alias/files",
			"X-Amz-Expected-Bucket-Owner": "123456789012", "X-Amz-Trailer": "", "Expect": "", "X-Amz-Sdk-Checksum-Algorithm": "",
		} {
			if got := header.Get(key); got != want {
				t.Errorf("%d bytes: %s is %q, want %q", size, key, got, want)
			}
		}
		if agent := header.Get("User-Agent"); !strings.Contains(agent, "enrow-export/test") {
			t.Errorf("user agent %q", agent)
		}
		if _, err := s.Put(t.Context(), name, nil, sinks.IfVersion(info.Version)); err != nil {
			t.Fatal(err)
		}
		if header := server.Header(testBucket, name); header.Get("If-Match") != info.Version || header.Get("If-None-Match") != "" {
			t.Errorf("%d bytes: replaced under %q, %q; want %q", size, header.Get("If-Match"), header.Get("If-None-Match"), info.Version)
		}
	}
}

func TestContentTypes(t *testing.T) {
	server := newServer(t, s3test.Options{})
	s := open(t, testConfig(server.URL()))
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
		if got := server.Header(testBucket, name).Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: content type %q, want %q", name, got, want)
		}
	}
}

// tamper changes what the service answers.
type tamper struct {
	http.Handler
	method  string
	change  func(http.Header, []byte) []byte
	changed int
}

func (s *tamper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	s.Handler.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if r.Method == s.method {
		body = s.change(answer.Header(), body)
		s.changed++
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(body)
}

// A service that has stored something else than was sent, or sends something else than it
// has stored, is not believed.
func TestChecksumsAreCompared(t *testing.T) {
	data := []byte("some content that is long enough")
	damage := func(_ http.Header, body []byte) []byte {
		return bytes.Replace(body, []byte("content"), []byte("contend"), 1)
	}
	for name, c := range map[string]struct {
		options s3test.Options
		tamper  tamper
		put     bool // fails
	}{
		"other checksum of a put": {s3test.Options{}, tamper{method: http.MethodPut, change: func(h http.Header, body []byte) []byte {
			h.Set("X-Amz-Checksum-Crc32c", "AAAAAA==")
			return body
		}}, true},
		"other content, by checksum":               {s3test.Options{}, tamper{method: http.MethodGet, change: damage}, false},
		"no checksum, other digest, other content": {s3test.Options{NoChecksums: true, UniqueETags: true}, tamper{method: http.MethodGet, change: damage}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s3test.Environment(t)
			fake := s3test.New(c.options, testBucket)
			t.Cleanup(fake.Close)
			c.tamper.Handler = fake
			server := httptest.NewServer(&c.tamper)
			t.Cleanup(server.Close)
			s := open(t, testConfig(server.URL))
			_, err := s.Put(t.Context(), "a", data, sinks.IfAbsent())
			if (err != nil) != c.put {
				t.Fatalf("put: error %v", err)
			}
			if !c.put {
				if got, _, err := s.Get(t.Context(), "a"); err == nil || got != nil || !strings.Contains(err.Error(), "checksum") {
					t.Errorf("get: %q, error %v", got, err)
				}
			}
			if c.tamper.changed == 0 {
				t.Error("nothing was changed")
			}
		})
	}
}

// A checksum of parts, which another program may have left, is none of the content: the
// object is read.
func TestCompositeChecksum(t *testing.T) {
	s3test.Environment(t)
	fake := s3test.New(s3test.Options{}, testBucket)
	t.Cleanup(fake.Close)
	server := httptest.NewServer(&tamper{Handler: fake, method: http.MethodHead, change: func(h http.Header, body []byte) []byte {
		h.Set("X-Amz-Checksum-Crc32c", "AAAAAA==-2")
		h.Set("X-Amz-Checksum-Type", "COMPOSITE")
		return body
	}})
	t.Cleanup(server.Close)
	fake.Store(testBucket, "a", []byte("123456789"))
	info, err := open(t, testConfig(server.URL)).Stat(t.Context(), "a")
	if err != nil || info.CRC32C != 0xe3069283 {
		t.Errorf("stat: %+v, error %v", info, err)
	}
}

// A listing that cannot be believed is an error, and ends.
func TestOddListings(t *testing.T) {
	page := func(more string, keys ...string) string {
		text := "<ListBucketResult>"
		for _, key := range keys {
			text += "<Contents><Key>" + key + `</Key><ETag>"1"</ETag><Size>1</Size></Contents>`
		}
		return text + more + "</ListBucketResult>"
	}
	const truncated = "<IsTruncated>true</IsTruncated>"
	for name, c := range map[string]struct {
		pages []string // the last one again and again
		want  string
	}{
		"repeated token": {[]string{page(truncated+"<NextContinuationToken>t</NextContinuationToken>", "a"), page(truncated + "<NextContinuationToken>t</NextContinuationToken>")}, "repeats a page"},
		"repeated page":  {[]string{page(truncated+"<NextContinuationToken>t</NextContinuationToken>", "a"), page(truncated+"<NextContinuationToken>u</NextContinuationToken>", "a")}, "in the order"},
		"no token":       {[]string{page(truncated, "a")}, "repeats a page"},
		"no order":       {[]string{page("", "b", "a")}, "in the order"},
		"no key":         {[]string{page("<EncodingType>url</EncodingType>", "%zz")}, "cannot be decoded"},
		"no ETag":        {[]string{strings.ReplaceAll(page("", "a"), `<ETag>"1"</ETag>`, "")}, "no ETag"},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			s := open(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, c.pages[min(n, len(c.pages)-1)])
				n++
			})))
			if err := operations["list"](t.Context(), s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("list: error %v, want %s", err, c.want)
			}
			if n > len(c.pages) {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Keys that are no names of objects, such as the "folders" of the console, are passed over.
func TestForeignKeys(t *testing.T) {
	server := newServer(t, s3test.Options{})
	for _, key := range []string{"dir/", "dir/a", "dir//b", "dir/../c", "dir/d\x01", "other/e", "dirt"} {
		server.Store(testBucket, key, nil)
	}
	cfg := testConfig(server.URL())
	cfg.Prefix = "dir"
	var names []string
	for info, err := range open(t, cfg).List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	if fmt.Sprint(names) != "[a]" {
		t.Errorf("names %q", names)
	}
}

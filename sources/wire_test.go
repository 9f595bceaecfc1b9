package sources

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

func TestRequest(t *testing.T) {
	var got *http.Request
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`{"general":{}}`))
	}))
	tests := []struct{ prefix, want string }{
		{"", "/email/find/bulk?id=a%26b%3D1"},
		{"/", "/email/find/bulk?id=a%26b%3D1"},
		{"/enrow/v1", "/enrow/v1/email/find/bulk?id=a%26b%3D1"},
		{"/a%2Fb/", "/a%2Fb/email/find/bulk?id=a%26b%3D1"},
	}
	for _, tt := range tests {
		c := newClient(t, Config{BaseURL: url + tt.prefix, UserAgent: "enrow-export/1"})
		if _, err := c.Fetch(t.Context(), &schema.EmailFind, "a&b=1", nil); err != nil {
			t.Fatal(err)
		}
		if got.Method != "GET" || got.RequestURI != tt.want {
			t.Errorf("prefix %q: request is %s %s, want GET %s", tt.prefix, got.Method, got.RequestURI, tt.want)
		}
	}
	want := http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"enrow-export/1"}, "X-Api-Key": {testKey},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

// counted counts the bytes of the bodies that a handler sends, before they can
// have arrived.
type counted struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (w counted) Write(p []byte) (int, error) {
	w.bytes.Add(int64(len(p)))
	return w.ResponseWriter.Write(p)
}

func TestAnswersComeCompressed(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	b := fakeapi.Generate("b", 1000, 1)
	api.Add(b)
	var sent atomic.Int64
	c := newClient(t, Config{BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.ServeHTTP(counted{w, &sent}, r)
	}))})
	body, err := c.Fetch(t.Context(), &schema.EmailFind, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(body, b.Body) {
		t.Error("another body")
	}
	if n := sent.Load(); n == 0 || n > int64(len(body)/2) {
		t.Errorf("%d bytes were sent for a body of %d", n, len(body))
	}
}

func TestMaxBody(t *testing.T) {
	size := int64(len(fakeapi.Sample().Body))
	bomb := append(bytes.Repeat([]byte(" "), 4<<20), "{}"...)
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	if _, err := zw.Write(bomb); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	plain := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(fakeapi.Sample().Body)
	}
	chunked := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		plain(w, r)
	}
	announced := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000000000")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	compressed := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped.Bytes())
	}
	tests := []struct {
		name    string
		api     http.HandlerFunc
		max     int64
		tooLong bool
	}{
		{"as long as allowed", plain, size, false},
		{"one byte longer", plain, size - 1, true},
		{"unknown length, as long as allowed", chunked, size, false},
		{"unknown length, one byte longer", chunked, size - 1, true},
		{"announced, nothing is read", announced, 1 << 30, true},
		{"no limit to speak of", plain, math.MaxInt64, false},
		{"compressed", newAPI(t, "").ServeHTTP, size, false},
		{"compressed, one byte longer", newAPI(t, "").ServeHTTP, size - 1, true},
		{"bomb", compressed, 1 << 20, true},
		{"bomb longer than compressed alone", compressed, int64(zipped.Len()), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var requests atomic.Int32
			c := newClient(t, Config{MaxBody: tt.max, Retries: 3, BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				tt.api(w, r)
			}))})
			err := fetchSample(t.Context(), t, c)
			if requests.Load() != 1 {
				t.Errorf("%d requests, want 1", requests.Load())
			}
			if !tt.tooLong {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err)
			want := fmt.Sprintf("response is longer than %d bytes", tt.max)
			if e.Class != pipeline.Transient || e.Err.Error() != want || e.Hint != "raise --max-body" {
				t.Errorf("error is of class %d, %v (%s); want %s", e.Class, e.Err, e.Hint, want)
			}
		})
	}
}

func TestBrokenCompression(t *testing.T) {
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	if _, err := zw.Write(fakeapi.Sample().Body); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	whole := zipped.Bytes()
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-6] ^= 1 // of the checksum
	bodies := [][]byte{[]byte("no gzip at all"), whole[:5], whole[:len(whole)-1], flipped, whole}
	tries := 0
	c := newClient(t, Config{Retries: len(bodies) - 1, BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bodies[tries])
		tries++
	}))})
	if err := fetchSample(t.Context(), t, c); err != nil || tries != len(bodies) {
		t.Errorf("error is %v after %d tries", err, tries)
	}
}

func TestOtherSuccessIsTriedAgain(t *testing.T) {
	tries := 0
	c := newClient(t, Config{Retries: 2, BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries++
		w.WriteHeader([]int{204, 206, 200}[tries-1])
		if tries != 1 {
			_, _ = w.Write(fakeapi.Sample().Body)
		}
	}))})
	if err := fetchSample(t.Context(), t, c); err != nil || tries != 3 {
		t.Errorf("error is %v after %d tries", err, tries)
	}
}

func TestConnectionIsReused(t *testing.T) {
	api := newAPI(t, "ok,503:html,429:old=0,500:empty,400,ok")
	var conns atomic.Int32
	server := httptest.NewUnstartedServer(api)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := newClient(t, Config{BaseURL: server.URL, Retries: 5})
	for _, refused := range []bool{false, true, false, false} {
		if err := fetchSample(t.Context(), t, c); (err != nil) != refused {
			t.Error(err)
		}
	}
	if got := conns.Load(); got != 1 {
		t.Errorf("%d connections for %d requests", got, api.Requests(""))
	}
}

func TestHTTP2(t *testing.T) {
	api := newAPI(t, "truncate:60,drop,503,ok")
	protocols := map[string]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols[r.Proto]++
		api.ServeHTTP(w, r)
	}))
	var conns atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	c := newClient(t, Config{BaseURL: server.URL, Retries: 3})
	c.transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	for range 2 {
		if err := fetchSample(t.Context(), t, c); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(map[string]int{"HTTP/2.0": 5}, protocols); diff != "" {
		t.Errorf("requests by protocol (-want +got):\n%s", diff)
	}
	if got := conns.Load(); got != 1 {
		t.Errorf("%d connections, want one for all requests", got)
	}
}

// However many batches are fetched at a time, the next ones find the connections
// of these.
func TestManyConnectionsAreReused(t *testing.T) {
	const many = 150
	var conns atomic.Int32
	var asking sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asking.Done()
		asking.Wait() // so that each needs a connection of its own
		_, _ = w.Write(fakeapi.Sample().Body)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := newClient(t, Config{BaseURL: server.URL})
	for range 3 {
		asking.Add(many)
		for _, err := range fetchMany(t, c, many) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := conns.Load(); got > many {
		t.Errorf("%d connections for %d batches at a time", got, many)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := 0
	other := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		for location, named := range map[string]string{
			other + "/path?x=secret":         " to " + other,
			"https://u:secret@h.test/secret": " to https://h.test",
			"//h.test/secret":                " to http://h.test",
			"mailto:secret":                  "",
			"%zz://secret":                   "",
			"":                               "",
		} {
			requests := 0
			c := newClient(t, Config{Retries: 3, BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				if location != "" {
					w.Header().Set("Location", location)
				}
				w.WriteHeader(status)
			}))})
			e := asError(t, fetchSample(t.Context(), t, c))
			want := fmt.Sprintf("API returned %d %s, a redirect%s", status, http.StatusText(status), named)
			if e.Class != pipeline.Fatal || e.Err.Error() != want || !strings.Contains(e.Hint, "--api-url") {
				t.Errorf("%d to %q: error is of class %d, %v (%s); want %s", status, location, e.Class, e.Err, e.Hint, want)
			}
			if requests != 1 {
				t.Errorf("%d to %q: %d requests", status, location, requests)
			}
		}
	}
	if elsewhere != 0 {
		t.Errorf("%d requests were sent elsewhere", elsewhere)
	}
}

// TestKeyIsNeverTold has a server that does its worst to bring the key back.
func TestKeyIsNeverTold(t *testing.T) {
	reply := func(status int, body string) string {
		return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", status, testKey, len(body), body)
	}
	tests := map[string]string{
		"message, fatal":       reply(401, `{"message":"apikey `+testKey+` is not valid"}`),
		"message, not retried": reply(400, `{"reason":"`+strings.ToUpper(testKey)+`"}`),
		"message, retried":     reply(500, `{"message":"`+testKey+testKey+`"}`),
		"page":                 reply(503, "<html><p>"+testKey+"</p><a href=\"/?k=sk-Live%2F1234%2Babcd\"></html>"),
		"other JSON":           reply(503, `{"x-api-key":"sk-Live\/1234+abcd and `+testKey+`"}`),
		"cut by the quote":     reply(502, strings.Repeat("a", 190)+testKey),
		"redirect":             "HTTP/1.1 302 " + testKey + "\r\nLocation: https://" + testKey + ".test/" + testKey + "?" + testKey + "\r\nContent-Length: 0\r\n\r\n",
		"redirect to nowhere":  "HTTP/1.1 302 Found\r\nLocation: :" + testKey + "\r\nContent-Length: 0\r\n\r\n",
		"malformed answer":     testKey + "\r\n\r\n",
		"malformed status":     "HTTP/1.1 " + testKey + "\r\n\r\n",
		"malformed header":     "HTTP/1.1 200 OK\r\n" + testKey + "\r\n\r\n",
		"malformed length":     "HTTP/1.1 200 OK\r\nContent-Length: " + testKey + "\r\n\r\n",
		"malformed encoding":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + testKey + "\r\n\r\n",
		"malformed chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + testKey + "\r\n",
		"body that breaks off": "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"" + testKey,
		"wait":                 "HTTP/1.1 429 Slow\r\nRetry-After: " + testKey + "\r\nContent-Length: 0\r\n\r\n",
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := newClient(t, Config{
				Retries: 1, Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					_, _ = conn.Write([]byte(raw))
				})),
			})
			err := fetchSample(t.Context(), t, c)
			if err == nil {
				t.Fatal("no error")
			}
			said := log.String()
			for e := err; e != nil; e = errors.Unwrap(e) {
				said += e.Error() + pipeline.Hint(e) + fmt.Sprintf("%+v", e)
			}
			// Half of it would be too much too.
			for _, secret := range []string{testKey, "Live", "1234", "abcd"} {
				if strings.Contains(strings.ToLower(said), strings.ToLower(secret)) {
					t.Errorf("%q is told in %s", secret, said)
				}
			}
		})
	}
}

func TestRetriesAreLogged(t *testing.T) {
	var log bytes.Buffer
	handler := slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	c := newClient(t, Config{BaseURL: serve(t, newAPI(t, "503:empty,500,ok")), Retries: 3, Log: slog.New(handler)})
	if err := fetchSample(t.Context(), t, c); err != nil {
		t.Fatal(err)
	}
	line := `level=INFO msg="trying again" batch=` + fakeapi.Sample().ID
	want := line + ` attempt=1 reason="API returned 503 Service Unavailable" delay=0s` + "\n" +
		line + ` attempt=2 reason="API returned 500 Internal Server Error" delay=0s` + "\n"
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

package fakeapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"enrow-export/sources/fakeapi"
)

// TestErrors plays every status and variant that the API documents.
func TestErrors(t *testing.T) {
	const ongoing = `{"general":{"id":"b","status":"ongoing"},"stats":{"finished":45,"requested":90}}`
	tests := []struct {
		step   string
		status int
		body   string
		header string // one "Name: value"
	}{
		{"400", 400, `{"message":"Could not retrieve bulk search results"}`, ""},
		{"400:verification", 400, `{"message":"Could not retrieve bulk verification results"}`, ""},
		{"400:missing", 400, `{"message":"Missing id in the query params"}`, ""},
		{"401", 401, `{"message":"This apikey is not valid"}`, ""},
		{"401:missing", 401, `{"message":"No apikey found in the x-api-key headers"}`, ""},
		{"402", 402, `{"message":"Not enough credits"}`, ""},
		{"402:reason", 402, `{"reason":"Not enough credits","success":false}`, ""},
		{"403", 403, `{"message":"Forbidden"}`, ""},
		{"404", 404, `{"message":"Bulk search not found"}`, ""},
		{"422", 422, `{"message":"Not enough credits"}`, ""},
		{"422:reason", 422, `{"reason":"Not enough credits","success":false}`, ""},
		{"429", 429, `{"message":"Too Many Requests"}`, ""},
		{"429;retry-after=7", 429, `{"message":"Too Many Requests"}`, "Retry-After: 7"},
		{"429:old", 429, `{"error":"rate_limit_exceeded","message":"Too Many Requests","retry_after":300,"status":429}`, ""},
		{"429:old=2;retry-after=3", 429, `{"error":"rate_limit_exceeded","message":"Too Many Requests","retry_after":2,"status":429}`, "Retry-After: 3"},
		{"500", 500, `{"message":"Internal Server Error"}`, ""},
		{"500:empty", 500, ``, ""},
		{"503;retry-after=Mon, 23 Nov 2026 10:00:00 GMT", 503, `{"message":"Service Unavailable"}`, "Retry-After: Mon, 23 Nov 2026 10:00:00 GMT"},
		{"599", 599, `{"message":"Error 599"}`, ""},
		{"redirect:https://elsewhere.test/a?b=c", 302, `{"message":"Found"}`, "Location: https://elsewhere.test/a?b=c"},
		{"ongoing", 200, ongoing, ""},
		{"ongoing:200", 200, ongoing, ""},
		{"ongoing:202", 202, ongoing, ""},
		{"failed", 200, `{"general":{"id":"b","status":"failed"},"stats":{"finished":0,"requested":90}}`, ""},
		{"page", 200, "<html>\r\n<head><title>200 OK</title></head>\r\n<body>\r\n<center><h1>200 OK</h1></center>\r\n</body>\r\n</html>\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.step, func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{})
			b := fakeapi.Generate("b", 90, 1)
			b.Script = parse(t, tt.step)
			api.Add(b)
			c := serve(t, api)
			got := c.get("b")
			if got.status != tt.status || got.body != tt.body {
				t.Errorf("answered %d %s; want %d %s", got.status, got.body, tt.status, tt.body)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok && got.header.Get(name) != value {
				t.Errorf("header %s is %q", name, got.header.Get(name))
			}
			if got := c.get("b"); got.body != string(b.Body) {
				t.Errorf("after the script: %d, %d bytes", got.status, len(got.body))
			}
		})
	}
}

func TestHTMLError(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	api.Script("b", parse(t, "503:html")...)
	got := serve(t, api).get("b")
	if got.status != 503 || got.header.Get("Content-Type") != "text/html" || !strings.HasPrefix(got.body, "<html>") {
		t.Errorf("answered %d %s %s", got.status, got.header.Get("Content-Type"), got.body)
	}
}

func TestStepsForUnknownBatch(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	api.Script("a<b", parse(t, "ongoing,failed,ok")...)
	c := serve(t, api)
	for _, want := range []string{
		`{"general":{"id":"a\u003cb","status":"ongoing"},"stats":{"finished":0,"requested":0}}`,
		`{"general":{"id":"a\u003cb","status":"failed"},"stats":{"finished":0,"requested":0}}`,
		`{"message":"Could not retrieve bulk search results"}`,
	} {
		if got := c.get("a%3Cb"); got.body != want {
			t.Errorf("answered %d %s; want %s", got.status, got.body, want)
		}
	}
}

func TestTruncatedAndCut(t *testing.T) {
	b := fakeapi.Generate("b", 50, 1)
	full := len(b.Body)
	tests := []struct {
		step    string
		bytes   int
		length  int
		failure error
	}{
		{"truncate:0", 0, full, io.ErrUnexpectedEOF},
		{"truncate:100", 100, full, io.ErrUnexpectedEOF},
		{"truncate:1000000", full - 1, full, io.ErrUnexpectedEOF},
		{"cut:0", 0, 0, nil},
		{"cut:100", 100, 100, nil},
		{"cut:1000000", full, full, nil},
	}
	for _, tt := range tests {
		t.Run(tt.step, func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{})
			b.Script = parse(t, tt.step)
			api.Add(b)
			c := serve(t, api)
			got, err := c.do(c.request("b"))
			if err != nil {
				t.Fatal(err)
			}
			if got.status != 200 || got.body != string(b.Body[:tt.bytes]) || got.length != int64(tt.length) || !errors.Is(got.err, tt.failure) {
				t.Errorf("answered %d with %d of %d bytes, %v; want 200 with %d of %d, %v",
					got.status, len(got.body), got.length, got.err, tt.bytes, tt.length, tt.failure)
			}
		})
	}
}

func TestTruncateCountsBytesOnTheWire(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	b := fakeapi.Generate("b", 50, 1)
	b.Script = parse(t, "ok,truncate:100,cut:100")
	api.Add(b)
	c := serve(t, api)
	r := c.request("b")
	r.Header.Set("Accept-Encoding", "gzip")
	whole, err := c.do(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range []error{io.ErrUnexpectedEOF, nil} {
		got, err := c.do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got.body != whole.body[:100] || !errors.Is(got.err, failure) {
			t.Errorf("got %d bytes, %v; want the first 100 compressed ones, %v", len(got.body), got.err, failure)
		}
	}
}

func TestDrop(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	api.Script("", parse(t, "drop")...)
	c := serve(t, api)
	if got, err := c.do(c.request("b")); !errors.Is(err, io.EOF) {
		t.Errorf("answered %d, %v; want no answer", got.status, err)
	}
	if got := api.Requests("b"); got != 1 {
		t.Errorf("%d requests counted, want 1", got)
	}
}

func TestHangEndsWithItsClient(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	api.Script("b", parse(t, "hang")...)
	arrived, ended := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		defer close(ended)
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	c := serve(t, api)
	c.url = server.URL
	if got, err := c.do(c.request("b").WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("answered %d, %v", got.status, err)
	}
	<-ended
}

func TestHangEndsWithItsServer(t *testing.T) {
	tests := map[string]func(*fakeapi.Server, *fakeapi.Listener) error{
		"server":   func(s *fakeapi.Server, _ *fakeapi.Listener) error { s.Close(); s.Close(); return nil },
		"listener": func(_ *fakeapi.Server, l *fakeapi.Listener) error { return l.Close() },
	}
	for name, closeIt := range tests {
		t.Run(name, func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{})
			api.Script("b", parse(t, "hang")...)
			listener, err := api.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			c := serve(t, api)
			c.url = listener.URL()

			sent := make(chan struct{})
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
			})
			failed := make(chan error)
			r := c.request("b").WithContext(ctx)
			go func() {
				_, err := c.do(r)
				failed <- err
			}()
			<-sent
			if err := closeIt(api, listener); err != nil {
				t.Error(err)
			}
			if err := <-failed; err == nil {
				t.Error("the request that hung was answered")
			}
		})
	}
}

func TestScriptOrder(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	b := fakeapi.Sample()
	b.Script = parse(t, "ok")
	api.Script(b.ID, parse(t, "500")...)
	api.Add(b)
	api.Script(b.ID, parse(t, "501x2")...)
	api.Script("", parse(t, "429, 503")...)
	c := serve(t, api)
	var got []int
	for _, id := range []string{b.ID, "other", b.ID, b.ID, b.ID, "other", b.ID, b.ID} {
		got = append(got, c.get(id).status)
	}
	if want := "[429 503 500 200 501 400 501 200]"; fmt.Sprint(got) != want {
		t.Errorf("answers are %v, want %s", got, want)
	}
}

package fakeapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sources/fakeapi"
)

func TestRefusals(t *testing.T) {
	const results = "/email/find/bulk"
	tests := []struct {
		name              string
		opts              fakeapi.Options
		method, path, key string
		status            int
		body              string
	}{
		{"no key", fakeapi.Options{}, "GET", results + "?id=a", "", 401, `{"message":"No apikey found in the x-api-key headers"}`},
		{"wrong key", fakeapi.Options{Keys: []string{"b", "c"}}, "GET", results + "?id=a", "d", 401, `{"message":"This apikey is not valid"}`},
		{"one of the keys", fakeapi.Options{Keys: []string{"b", "c"}}, "GET", results + "?id=a", "c", 400, `{"message":"Could not retrieve bulk search results"}`},
		{"any key", fakeapi.Options{}, "GET", results + "?id=a", "d", 400, `{"message":"Could not retrieve bulk search results"}`},
		{"unknown id, older API", fakeapi.Options{UnknownStatus: 404}, "GET", results + "?id=a", "d", 404, `{"message":"Bulk search not found"}`},
		{"unknown verification", fakeapi.Options{}, "GET", "/email/verify/bulk?id=a", "d", 400, `{"message":"Could not retrieve bulk verification results"}`},
		{"unknown phone search", fakeapi.Options{}, "GET", "/phone/bulk?id=a", "d", 400, `{"message":"Could not retrieve bulk search results"}`},
		{"no id", fakeapi.Options{}, "GET", results, "d", 400, `{"message":"Missing id in the query params"}`},
		{"empty id", fakeapi.Options{}, "GET", results + "?id=", "d", 400, `{"message":"Missing id in the query params"}`},
		{"no key before no id", fakeapi.Options{}, "GET", results, "", 401, `{"message":"No apikey found in the x-api-key headers"}`},
		{"other method", fakeapi.Options{}, "PUT", results + "?id=a", "d", 405, `{"message":"Method Not Allowed"}`},
		{"account", fakeapi.Options{}, "GET", "/account/info", "d", 200, `{"credits":1250.75,"webhooks":[]}`},
		{"account without a key", fakeapi.Options{}, "GET", "/account/info", "", 401, `{"message":"No apikey found in the x-api-key headers"}`},
		{"account of a wrong key", fakeapi.Options{Keys: []string{"b"}}, "GET", "/account/info", "d", 401, `{"message":"This apikey is not valid"}`},
		{"other method for the account", fakeapi.Options{}, "POST", "/account/info", "d", 405, `{"message":"Method Not Allowed"}`},
		{"other path", fakeapi.Options{}, "GET", "/email/find?id=a", "d", 404, `{"message":"Not Found"}`},
		{"root", fakeapi.Options{}, "GET", "/", "d", 404, `{"message":"Not Found"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, fakeapi.New(tt.opts))
			r, err := http.NewRequestWithContext(t.Context(), tt.method, c.url+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.key != "" {
				r.Header.Set("x-api-key", tt.key)
			}
			got, err := c.do(r)
			if err != nil {
				t.Fatal(err)
			}
			if got.status != tt.status || got.body != tt.body || got.err != nil {
				t.Errorf("answered %d %s, %v; want %d %s", got.status, got.body, got.err, tt.status, tt.body)
			}
			if ct := got.header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("content type is %q", ct)
			}
		})
	}
}

func TestSampleIsServedAsItIs(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	sample := fakeapi.Sample()
	api.Add(sample)
	c := serve(t, api)
	got := c.get(sample.ID)
	if got.status != 200 || got.body != string(sample.Body) {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestOngoingPolls(t *testing.T) {
	for _, status := range []int{0, 200, 202} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{OngoingStatus: status})
			b := fakeapi.Generate("b", 90, 1)
			b.OngoingPolls = 3
			api.Add(b)
			c := serve(t, api)
			want := status
			if want == 0 {
				want = 200
			}
			for _, finished := range []int{45, 60, 67} {
				got := c.get("b")
				body := fmt.Sprintf(`{"general":{"id":"b","status":"ongoing"},"stats":{"finished":%d,"requested":90}}`, finished)
				if got.status != want || got.body != body {
					t.Errorf("answered %d %s; want %d %s", got.status, got.body, want, body)
				}
			}
			for range 2 {
				if got := c.get("b"); got.status != 200 || got.body != string(b.Body) {
					t.Errorf("finished batch is answered with %d, %d bytes", got.status, len(got.body))
				}
			}
		})
	}
}

func TestRequestedOfBody(t *testing.T) {
	for body, want := range map[string]int{
		`{"stats":{"requested":12}}`:   12,
		`{"stats":{"requested":"12"}}`: 0,
		`not JSON`:                     0,
	} {
		api := fakeapi.New(fakeapi.Options{})
		api.Add(fakeapi.Batch{ID: "b", Body: []byte(body), OngoingPolls: 1})
		got := serve(t, api).get("b").body
		if !strings.HasSuffix(got, fmt.Sprintf(`"requested":%d}}`, want)) {
			t.Errorf("body %s: ongoing answer is %s", body, got)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	api.Add(fakeapi.Batch{ID: "a", Body: []byte("{}"), Script: parse(t, "503")})
	c := serve(t, api)
	c.get("a")
	c.get("a")
	c.get("unknown")
	noKey := c.request("a")
	noKey.Header.Del("x-api-key")
	if _, err := c.do(noKey); err != nil {
		t.Fatal(err)
	}
	put := c.request("a")
	put.Method = http.MethodPut
	if _, err := c.do(put); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{"a": api.Requests("a"), "unknown": api.Requests("unknown"), "never": api.Requests("never"), "": api.Requests("")}
	want := map[string]int{"a": 3, "unknown": 1, "never": 0, "": 4}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestGzip(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	b := fakeapi.Generate("b", 100, 1)
	api.Add(b)
	api.Script("unknown", parse(t, "500,500:empty")...)
	c := serve(t, api)
	tests := []struct {
		accept string
		zipped bool
	}{
		{"", false},
		{"identity", false},
		{"gzip", true},
		{"br, GZIP", true},
		{"deflate, gzip;q=0.5", true},
		{"gzip;q=0", false},
		{"gzip; q=0.0", false},
		{"xgzip", false},
	}
	for _, tt := range tests {
		r := c.request("b")
		r.Header.Set("Accept-Encoding", tt.accept)
		got, err := c.do(r)
		if err != nil || got.err != nil {
			t.Fatal(err, got.err)
		}
		body := got.body
		if tt.zipped {
			if len(body) > len(b.Body)/2 {
				t.Errorf("%q: %d of %d bytes on the wire", tt.accept, len(body), len(b.Body))
			}
			body = string(gunzip(t, strings.NewReader(body)))
		}
		if encoding := got.header.Get("Content-Encoding"); (encoding == "gzip") != tt.zipped {
			t.Errorf("%q: content encoding is %q", tt.accept, encoding)
		}
		if body != string(b.Body) {
			t.Errorf("%q: another body", tt.accept)
		}
		if got.length != int64(len(got.body)) {
			t.Errorf("%q: length %d announced for %d bytes", tt.accept, got.length, len(got.body))
		}
	}

	r := c.request("unknown")
	r.Header.Set("Accept-Encoding", "gzip")
	got, err := c.do(r)
	if err != nil || got.err != nil {
		t.Fatal(err, got.err)
	}
	if body := gunzip(t, strings.NewReader(got.body)); string(body) != `{"message":"Internal Server Error"}` {
		t.Errorf("compressed error is %s", body)
	}
	got, err = c.do(r)
	if err != nil || got.err != nil {
		t.Fatal(err, got.err)
	}
	if got.body != "" || got.header.Get("Content-Encoding") != "" {
		t.Errorf("empty body is sent as %q, encoding %q", got.body, got.header.Get("Content-Encoding"))
	}
}

func TestChangesWhileServing(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	c := serve(t, api)
	var wg sync.WaitGroup
	for i := range 8 {
		id := fakeapi.GenerateID(1, i)
		steps := parse(t, "429")
		wg.Go(func() {
			api.Add(fakeapi.Batch{ID: id, Body: []byte("{}")})
			api.Script(id, steps...)
			for _, want := range []int{429, 200} {
				if got, err := c.do(c.request(id)); err != nil || got.status != want {
					t.Errorf("answered %d, %v; want %d", got.status, err, want)
				}
			}
		})
	}
	wg.Wait()
	if got := api.Requests(""); got != 16 {
		t.Errorf("%d requests counted, want 16", got)
	}
}

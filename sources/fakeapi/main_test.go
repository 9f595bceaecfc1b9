package fakeapi_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"enrow-export/sources/fakeapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "a-key"

// caller asks a Server over TCP, one connection for each request so that no
// request is ever made twice, and as the bytes come: nothing is decompressed and
// no redirect is followed.
type caller struct {
	t    *testing.T
	url  string
	http *http.Client
}

// serve makes api reachable until the end of the test.
func serve(t *testing.T, api *fakeapi.Server) *caller {
	t.Helper()
	listener, err := api.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	return &caller{t: t, url: listener.URL(), http: &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// request returns a request for the results of id.
func (c *caller) request(id string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+"/email/find/bulk?id="+id, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("x-api-key", testKey)
	return r
}

// reply is an answer, as far as it came.
type reply struct {
	status int
	header http.Header
	length int64 // the length announced
	body   string
	err    error // of reading the body
}

// do sends r and returns what came; the error is one of getting no answer.
func (c *caller) do(r *http.Request) (reply, error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, resp.ContentLength, string(body), err}, nil
}

// get returns the answer for id, which must come whole.
func (c *caller) get(id string) reply {
	c.t.Helper()
	got, err := c.do(c.request(id))
	if err != nil {
		c.t.Fatal(err)
	}
	if got.err != nil {
		c.t.Fatalf("read body: %v", got.err)
	}
	return got
}

func gunzip(t *testing.T, r io.Reader) []byte {
	t.Helper()
	zr, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func parse(t *testing.T, script string) []fakeapi.Step {
	t.Helper()
	steps, err := fakeapi.ParseScript(script)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

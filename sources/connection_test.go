package sources

import (
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"enrow-export/pipeline"
)

// proxyTo is a proxy that answers with a status, and connects to a server, whichever
// was asked for, if that is 200. It counts what it was asked.
func proxyTo(t *testing.T, server string, status int) (proxy *url.URL, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	text := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodConnect || r.Header.Get("x-api-key") != "" {
			t.Errorf("proxy got %s with headers %v", r.Method, r.Header)
		}
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		there, err := net.Dial("tcp", server)
		if err != nil {
			t.Error(err)
			return
		}
		defer there.Close()
		w.WriteHeader(http.StatusOK)
		here, read, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer here.Close()
		go func() { _, _ = io.Copy(there, read); there.Close() }() // the server may have read the first byte
		_, _ = io.Copy(here, there)
	}))
	proxy, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return proxy, asked
}

// What is wrong with a connection and stays so ends a run at the first try, is told
// whole, and says what to do.
func TestLastingFaultsEndTheRun(t *testing.T) {
	server := httptest.NewUnstartedServer(newAPI(t, ""))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	var connections atomic.Int64
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "https://")
	_, port, _ := strings.Cut(address, ":")

	for _, c := range []struct {
		name       string
		url        string
		trusted    bool
		proxy      int // status that one answers with, 0 for none
		want, hint string
		tries      int64
	}{
		{"trusted", server.URL, true, 0, "", "", 1},
		{"unknown authority", server.URL, false, 0, "no connection to " + address + ": the certificate is signed by an unknown authority", "SSL_CERT_FILE", 1},
		{"other host", "https://localhost:" + port, true, 0, "no connection to localhost:" + port + ": the certificate is for example.com, *.example.com, 127.0.0.1 and 1 more, not for localhost", "check the URL", 1},
		{"through a proxy", "https://example.com", true, 200, "", "", 1},
		{"through a proxy, unknown authority", "https://example.com", false, 200, "no connection to example.com: the certificate is signed by an unknown authority", "SSL_CERT_FILE", 1},
		{"through a proxy, other host", "https://api.enrow.invalid", true, 200, "no connection to api.enrow.invalid: the certificate is for example.com, *.example.com, 127.0.0.1 and 1 more, not for api.enrow.invalid", "check the URL", 1},
		{"proxy wants a user", "https://example.com", true, 407, " returned 407 Proxy Authentication Required", "user and password into HTTPS_PROXY", 1},
		{"proxy forbids", "https://example.com", true, 403, " returned 403 Forbidden", "NO_PROXY", 1},
		{"proxy finds nobody", "https://example.com", true, 502, "returned 502 Bad Gateway", reachHint, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newClient(t, Config{BaseURL: c.url, Retries: 3})
			transport := client.transport.(*http.Transport)
			if transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone(); !c.trusted {
				transport.TLSClientConfig.RootCAs = x509.NewCertPool()
			}
			transport.Proxy = nil
			tries := &connections
			if c.proxy != 0 {
				var proxy *url.URL
				proxy, tries = proxyTo(t, address, c.proxy)
				transport.Proxy = http.ProxyURL(proxy)
			}
			before := tries.Load()
			err := fetchSample(t.Context(), t, client)
			if n := tries.Load() - before; n != c.tries {
				t.Errorf("%d connections, want %d", n, c.tries)
			}
			if c.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			e := asError(t, err)
			if e.Class != pipeline.Fatal || !strings.Contains(e.Error(), c.want) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("class %v: %v\n%s\nwant %v: %s\n%s", e.Class, e, e.Hint, pipeline.Fatal, c.want, c.hint)
			}
		})
	}
}

// What a library says is not cut where it gets to the point.
func TestLibraryErrorsAreWhole(t *testing.T) {
	client := newClient(t, Config{BaseURL: "http://127.0.0.1"})
	long := strings.Repeat("words and ", 60)
	client.transport = roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("%sthe cause of %s", long, testKey)
	})
	if err := fetchSample(t.Context(), t, client); !strings.HasSuffix(err.Error(), "words and the cause of [redacted]") {
		t.Errorf("error %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

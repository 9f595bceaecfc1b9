package s3

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
	"enrow-export/sinks/s3/s3test"
)

// serveTLS starts a server with a certificate that no authority of the system has signed.
// It returns a file with the certificate, and counts connections.
func serveTLS(t *testing.T, handler http.Handler) (serverURL, caFile string, connections *atomic.Int64) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	connections = new(atomic.Int64)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, caFile, connections
}

// A store with an authority of its own is trusted with --s3-ca-file, or by the variable
// of the client library.
func TestOwnAuthority(t *testing.T) {
	server := newServer(t, s3test.Options{})
	serverURL, caFile, _ := serveTLS(t, server)
	cfg := testConfig(serverURL)
	cfg.CAFile = caFile
	if err := open(t, cfg).Check(t.Context()); err != nil {
		t.Errorf("check with a file of authorities: %v", err)
	}
	t.Setenv("AWS_CA_BUNDLE", caFile)
	if err := open(t, testConfig(serverURL)).Check(t.Context()); err != nil {
		t.Errorf("check with AWS_CA_BUNDLE: %v", err)
	}
}

// What is wrong with a connection and stays so is found once, whatever was being done, and
// says what to do.
func TestLastingFaults(t *testing.T) {
	check := func(t *testing.T, cfg Config, tries *atomic.Int64, want, hint string) {
		t.Helper()
		for op, do := range operations {
			before := tries.Load()
			err := do(t.Context(), open(t, cfg))
			var fault *network.Fault
			if !errors.Is(err, sinks.ErrUnreachable) || !errors.As(err, &fault) || !strings.Contains(err.Error(), want) || !strings.Contains(fault.Hint, hint) {
				t.Errorf("%s: error %v, want %s, %s", op, err, want, hint)
			}
			if n := tries.Load() - before; n != 1 {
				t.Errorf("%s: %d tries", op, n)
			}
		}
	}
	t.Run("certificate", func(t *testing.T) {
		s3test.Environment(t)
		serverURL, _, connections := serveTLS(t, http.NotFoundHandler())
		check(t, testConfig(serverURL), connections, "no connection to S3: the certificate is signed by an unknown authority", "SSL_CERT_FILE")
	})
	t.Run("certificate of the token endpoint", func(t *testing.T) {
		environment(t, "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/somebody", "AWS_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1")
		write(t, "AWS_WEB_IDENTITY_TOKEN_FILE", "a token")
		serverURL, _, connections := serveTLS(t, http.NotFoundHandler())
		t.Setenv("AWS_ENDPOINT_URL_STS", serverURL)
		check(t, testConfig("http://127.0.0.1:1"), connections, "no connection to S3: the certificate is signed by an unknown authority", "SSL_CERT_FILE")
	})
	t.Run("no TLS", func(t *testing.T) {
		server := newServer(t, s3test.Options{})
		err := operations["check"](t.Context(), open(t, testConfig(strings.Replace(server.URL(), "http:", "https:", 1))))
		if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "does not speak TLS") {
			t.Errorf("check: error %v", err)
		}
	})
}

// The connections of a store are used again, and closed with it.
func TestConnectionsAreKept(t *testing.T) {
	server := newServer(t, s3test.Options{})
	serverURL, caFile, connections := serveTLS(t, server)
	cfg := testConfig(serverURL)
	cfg.CAFile = caFile
	s := open(t, cfg)
	for range 5 {
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// Close closes the connections, and not the server.
func TestCloseClosesConnections(t *testing.T) {
	s3test.Environment(t)
	fake := s3test.New(s3test.Options{}, testBucket)
	t.Cleanup(fake.Close)
	closed := make(chan struct{})
	server := httptest.NewUnstartedServer(fake)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed) // of the only connection
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	s := open(t, testConfig(server.URL))
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection is still open")
	}
}

// A proxy that refuses is told from the store.
func TestProxyRefuses(t *testing.T) {
	s3test.Environment(t)
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(proxy.Close)
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	for endpoint, want := range map[string]string{
		"https://s3.invalid": " returned 407 Proxy Authentication Required",
		"http://s3.invalid":  "the proxy wants a user and password", // which takes no CONNECT
	} {
		for op, do := range operations {
			s := open(t, testConfig(endpoint))
			if _, err := s.connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			// The library reads the environment once in a process.
			s.http.Transport.(*http.Transport).Proxy = http.ProxyURL(proxyURL)
			before := asked.Load()
			err := do(t.Context(), s)
			if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), want) || !strings.Contains(hintOf(err), "user and password into HTTPS_PROXY") {
				t.Errorf("%s: error %v, want %s", op, err, want)
			}
			if asked.Load() == before {
				t.Errorf("%s: the proxy was not asked", op)
			}
		}
	}
}

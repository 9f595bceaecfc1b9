package gcs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
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

	"enrow-export/sinks"
	"enrow-export/sinks/network"
)

// untrusted starts a server whose certificate nobody has signed, and counts its
// connections.
func untrusted(t *testing.T) (serverURL string, connections *atomic.Int64) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	connections = new(atomic.Int64)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, connections
}

// through sends what is asked by the library through a proxy.
func through(t *testing.T, proxy string) {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	standard := http.DefaultTransport.(*http.Transport)
	before := standard.Proxy
	standard.Proxy = http.ProxyURL(u)
	t.Cleanup(func() { standard.Proxy = before })
}

// What is wrong with a connection and stays so is found once, whatever was being done,
// and says what to do.
func TestLastingFaults(t *testing.T) {
	check := func(t *testing.T, tries *atomic.Int64, want, hint string) {
		t.Helper()
		for op, do := range operations {
			before := tries.Load()
			err := do(t.Context(), open(t, ""))
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
		server, connections := untrusted(t)
		t.Setenv(emulatorEnv, server)
		check(t, connections, "no connection to Cloud Storage: the certificate is signed by an unknown authority", "SSL_CERT_FILE")
	})
	t.Run("certificate of the token endpoint", func(t *testing.T) {
		server, connections := untrusted(t)
		t.Setenv(emulatorEnv, "")
		t.Setenv(credentialsEnv, serviceAccount(t, server))
		check(t, connections, "no connection to Cloud Storage: the certificate is signed by an unknown authority", "SSL_CERT_FILE")
	})
	t.Run("proxy", func(t *testing.T) {
		var asked atomic.Int64
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(http.StatusProxyAuthRequired)
		}))
		t.Cleanup(proxy.Close)
		through(t, proxy.URL)
		t.Setenv(emulatorEnv, "https://storage.invalid")
		check(t, &asked, " returned 407 Proxy Authentication Required", "user and password into HTTPS_PROXY")
		t.Setenv(emulatorEnv, "http://storage.invalid") // which takes no CONNECT
		check(t, &asked, "the proxy wants a user and password", "user and password into HTTPS_PROXY")
	})
}

// serviceAccount writes the key file of an account that gets its tokens at a server.
func serviceAccount(t *testing.T, server string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "somebody@example.com", "private_key_id": "1", "token_uri": server,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A setting that the client library would misread is refused before anything is asked.
func TestOpenChecksTheEnvironment(t *testing.T) {
	for _, c := range []struct{ name, value, variable string }{
		{emulatorEnv, "127.0.0.1:9023", ""},
		{emulatorEnv, "http://127.0.0.1:9023/", ""},
		{emulatorEnv, "emulator", ""},
		{emulatorEnv, "http://127.0.0.1:9023/secret", emulatorEnv},
		{emulatorEnv, "http://127.0.0.1:9023?secret", emulatorEnv},
		{emulatorEnv, "http://user:secret@127.0.0.1:9023", emulatorEnv},
		{emulatorEnv, "gs://secret", emulatorEnv},
		{emulatorEnv, "http://", emulatorEnv},
		{emulatorEnv, "sec%ret", emulatorEnv},
		{emulatorEnv, "secret host", emulatorEnv},
		{emulatorEnv, "127.0.0.1:99999", emulatorEnv},
		{"HTTPS_PROXY", "http://user:secret%ss@proxy", "HTTPS_PROXY"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Setenv(c.name, c.value)
			_, err := Open(Config{Bucket: testBucket})
			var setting *network.SettingError
			switch {
			case (c.variable == "") != (err == nil), err != nil && (!errors.As(err, &setting) || setting.Variable != c.variable):
				t.Errorf("error %v, want one of %q", err, c.variable)
			case err != nil && (strings.Contains(err.Error(), "secret") || setting.Hint == ""):
				t.Errorf("error %v, hint %q", err, setting.Hint)
			}
		})
	}
}

// A file of credentials is not read without end.
func TestEndlessCredentials(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		return // none on this system
	}
	t.Setenv(emulatorEnv, "")
	if _, err := Open(Config{Bucket: testBucket, CredentialsFile: "/dev/zero"}); !errors.Is(err, ErrCredentialsFile) {
		t.Errorf("open: error %v", err)
	}
	t.Setenv(credentialsEnv, "/dev/zero")
	_, err := open(t, "").Stat(t.Context(), "a")
	if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), credentialsEnv+": /dev/zero is not a file of Google credentials") {
		t.Errorf("stat: error %v", err)
	}
}

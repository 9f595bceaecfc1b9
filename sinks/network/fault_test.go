package network

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// certificate makes one that signs itself.
func certificate(t *testing.T, template x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(1)
	template.BasicConstraintsValid, template.IsCA = true, true
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// serveTLS serves with a configuration until the end of the test.
func serveTLS(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = cfg
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// answering listens, and sends to each that connects and has sent a line.
func answering(t *testing.T, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := bufio.NewReader(conn).ReadByte(); err == nil {
					_, _ = io.WriteString(conn, text)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// ask makes one request, with one authority trusted, through a proxy if there is one.
func ask(t *testing.T, target, proxy string, trusted *x509.Certificate) error {
	t.Helper()
	transport := &http.Transport{OnProxyConnectResponse: OnProxyConnectResponse, TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
	defer transport.CloseIdleConnections()
	if trusted != nil {
		transport.TLSClientConfig.RootCAs.AddCert(trusted)
	}
	if proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		transport.Proxy = http.ProxyURL(u)
	}
	resp, err := (&http.Client{Transport: transport}).Get(target)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestLastingFaults(t *testing.T) {
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("host%d.example.com", i))
	}
	elsewhere := certificate(t, x509.Certificate{DNSNames: many})
	here := x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	strange := here
	strange.Subject.CommonName = "A Gateway\x1b"
	nobody := certificate(t, strange)
	old := here
	old.NotAfter = time.Now().Add(-time.Hour)
	expired, good := certificate(t, old), certificate(t, here)
	proxy := func(answer string) string { return answering(t, "HTTP/1.1 "+answer+"\r\nContent-Length: 0\r\n\r\n") }

	for _, c := range []struct {
		name          string
		target, proxy string
		trusted       *x509.Certificate
		want, hint    string // parts; nothing that lasts, if empty
	}{
		{"unknown authority", serveTLS(t, &tls.Config{Certificates: []tls.Certificate{nobody}}), "", nil, `the certificate is signed by an unknown authority ("A Gateway?")`, "SSL_CERT_FILE"},
		{"other host", serveTLS(t, &tls.Config{Certificates: []tls.Certificate{elsewhere}}), "", elsewhere.Leaf, "the certificate is for host0.example.com, host1.example.com, host2.example.com and 57 more, not for 127.0.0.1", "check the URL"},
		{"expired", serveTLS(t, &tls.Config{Certificates: []tls.Certificate{expired}}), "", expired.Leaf, "the certificate has expired or is not yet valid: current time", "clock"},
		{"old version", serveTLS(t, &tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS10}), "", good.Leaf, "TLS handshake failed: ", "check the URL"},
		{"wants a certificate", serveTLS(t, &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert}), "", good.Leaf, "TLS handshake failed: certificate required", "check the URL"},
		{"speaks HTTP", "https://" + answering(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), "", nil, "the server does not speak TLS", "HTTPS_PROXY"},
		{"speaks something", "https://" + answering(t, "220 smtp.example.com ESMTP\r\n"), "", nil, "the server does not speak TLS", "HTTPS_PROXY"},
		{"breaks off", "https://" + answering(t, ""), "", nil, "", ""},
		{"nobody there", "https://127.0.0.1:1", "", nil, "", ""},

		{"proxy wants a user", "https://api.invalid", "http://" + proxy("407 Who Are You"), nil, " returned 407 Proxy Authentication Required", "put the user and password into HTTPS_PROXY"},
		{"proxy wants another user", "https://api.invalid", "http://ada:secret@" + proxy("407 No"), nil, " returned 407 Proxy Authentication Required", "check the user and password in HTTPS_PROXY"},
		{"proxy forbids", "https://api.invalid", "http://" + proxy("403 No"), nil, " returned 403 Forbidden", "allow api.invalid:443 at the proxy, or name the host in NO_PROXY"},
		{"proxy is busy", "https://api.invalid", "http://" + proxy("429 No"), nil, "", ""},
		{"proxy finds nobody", "https://api.invalid", "http://" + proxy("502 No"), nil, "", ""},
		{"no proxy there", "https://api.invalid", "http://127.0.0.1:1", nil, "", ""},
		{"proxy is not trusted", "https://api.invalid", serveTLS(t, &tls.Config{Certificates: []tls.Certificate{nobody}}), nil, "the certificate of the proxy is signed by an unknown authority", "SSL_CERT_FILE"},
		{"proxy does not speak TLS", "https://api.invalid", "https://" + answering(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), nil, "the server of the proxy does not speak TLS", "HTTPS_PROXY"},
		{"proxy accepts no user", "https://api.invalid", "socks5://" + answering(t, "\x05\xff"), nil, "the proxy does not accept the user", "HTTPS_PROXY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := ask(t, c.target, c.proxy, c.trusted)
			if err == nil {
				t.Fatal("no error")
			}
			got := Lasting(fmt.Errorf("ask: %w", err))
			switch {
			case c.want == "" && got != nil:
				t.Errorf("%v lasts: %v", err, got)
			case c.want == "":
			case got == nil:
				t.Errorf("%v does not last, want %s", err, c.want)
			case !strings.Contains(got.Text, c.want) || !strings.Contains(got.Hint, c.hint):
				t.Errorf("%v is\n%s\n%s\nwant\n%s\n%s", err, got.Text, got.Hint, c.want, c.hint)
			case strings.ContainsAny(got.Text+got.Hint, "\n\x1b") || strings.Contains(got.Text+got.Hint, "secret"):
				t.Errorf("%q shows what it must not", got.Text)
			}
		})
	}
	if got := Lasting(errors.New("tls: protocol is shutdown")); got != nil {
		t.Errorf("a connection that was closed lasts: %v", got)
	}
	if got := Lasting(nil); got != nil {
		t.Errorf("no error lasts: %v", got)
	}
}

func TestServerTextIsBounded(t *testing.T) {
	got := certified(&x509.Certificate{DNSNames: []string{strings.Repeat("é", 1000)}})
	if len(got) > maxText+len("…") || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

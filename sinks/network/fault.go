package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Fault is a failure of a connection that another try would meet again: a certificate
// that is not trusted, a server without TLS, a proxy that refuses. It ends a run.
type Fault struct {
	Text string // what is wrong, on one line
	Hint string // what to do about it, one line
}

func (f *Fault) Error() string { return f.Text }

// proxyRefusal is the answer of a proxy that makes no connection.
type proxyRefusal struct {
	proxy, target string // hosts
	status        int
	hasUser       bool // that the proxy was told
}

func (e *proxyRefusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("proxy %s returned %d %s", e.proxy, e.status, http.StatusText(e.status)))
}

// OnProxyConnectResponse is that of an http.Transport. It keeps the status of a proxy
// that refuses to connect, of which the library tells the server's own words alone.
func OnProxyConnectResponse(_ context.Context, proxy *url.URL, request *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyRefusal{proxy.Host, request.URL.Opaque, response.StatusCode, proxy.User != nil}
}

// Hints for what more than one client meets.
const (
	ProxyUserHint = "put the user and password into HTTPS_PROXY, as in http://user:password@host:port"
	checkHost     = "check the URL, and HTTPS_PROXY if you use a proxy"
)

// Lasting returns what is wrong with a connection that failed with err, nil if it may
// come about the next time.
func Lasting(err error) *Fault {
	var refusal *proxyRefusal
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	if errors.As(err, &refusal) {
		return refusal.lasting()
	}
	of := ""
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		of = " of the proxy"
	}
	switch {
	case errors.As(err, &certificate):
		return distrust(certificate.Err, of)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return &Fault{"the server" + of + " does not speak TLS", checkHost}
	case op != nil && op.Op == "socks connect" && strings.Contains(op.Error(), "authentication"):
		return &Fault{"the proxy does not accept the user and password", ProxyUserHint}
	}
	_, alert, isTLS := strings.Cut(fmt.Sprint(err), "tls: ")
	if isTLS && slices.ContainsFunc(lastingAlerts, func(part string) bool { return strings.Contains(alert, part) }) {
		return &Fault{"TLS handshake" + of + " failed: " + printable(alert), checkHost}
	}
	return nil
}

// lastingAlerts are parts of what both sides of a TLS handshake say when they cannot
// come together. The library does not export the alerts of the other side.
var lastingAlerts = []string{
	"certificate", "handshake failure", "protocol version", "cipher suite",
	"insufficient security", "unrecognized name", "access denied", "no application protocol",
}

func (e *proxyRefusal) lasting() *Fault {
	switch {
	case e.status == http.StatusProxyAuthRequired && e.hasUser:
		return &Fault{e.Error(), "check the user and password in HTTPS_PROXY"}
	case e.status == http.StatusProxyAuthRequired:
		return &Fault{e.Error(), ProxyUserHint}
	case e.status == http.StatusRequestTimeout, e.status == http.StatusTooEarly, e.status == http.StatusTooManyRequests,
		e.status >= 500:
		return nil
	}
	return &Fault{e.Error(), "allow " + e.target + " at the proxy, or name the host in NO_PROXY to connect without the proxy"}
}

// shownNames is how many hosts of a certificate are named: some have a hundred.
const shownNames = 3

// distrust returns what is wrong with a certificate.
func distrust(err error, of string) *Fault {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	what := "the certificate" + of
	switch {
	case errors.As(err, &authority):
		what += " is signed by an unknown authority"
		if authority.Cert != nil {
			if name := printable(authority.Cert.Issuer.CommonName); name != "" {
				what += fmt.Sprintf(" (%q)", name)
			}
		}
		return &Fault{what, "if the server is a gateway or proxy of your own, name a file with its root certificate in " + certFile}
	case errors.As(err, &host):
		return &Fault{
			what + " is for " + certified(host.Certificate) + ", not for " + printable(host.Host),
			checkHost,
		}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		detail := ""
		if invalid.Detail != "" {
			detail = ": " + printable(invalid.Detail)
		}
		return &Fault{what + " has expired or is not yet valid" + detail, "check the clock of this machine; if the clock is right, ask the operator of the server to renew the certificate"}
	}
	return &Fault{what + " is not trusted: " + printable(err.Error()), "check the URL, and " + certFile + " if the certificate belongs to a gateway or proxy of your own"}
}

// certified returns the hosts that a certificate is for.
func certified(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no host"
	}
	more := len(names) - shownNames
	if more > 0 {
		names = names[:shownNames]
	}
	text := printable(strings.Join(names, ", "))
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// maxText bounds what a server says in its certificate, in bytes.
const maxText = 300

// printable returns what a server says of itself, on one line of limited length.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

package service

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of a listener: clients that are slow, or many, or send much, get no more than that.
const (
	headerLimit   = 5 * time.Second
	requestLimit  = 15 * time.Second
	responseLimit = 60 * time.Second
	idleLimit     = 60 * time.Second
	lastRequests  = 3 * time.Second // for the requests under way at the end
	mostHeader    = 16 << 10        // bytes; the library allows a few more
	mostConns     = 256             // at a time; others wait to be accepted
)

// Server serves HTTP on one address.
type Server struct {
	http   *http.Server
	ln     net.Listener
	served sync.WaitGroup
}

// Listen takes an address, for HTTP with TLS if certificate is not nil. Clients wait until
// Serve is called. The caller calls Shutdown.
func Listen(ctx context.Context, addr string, certificate func() (*tls.Certificate, error)) (*Server, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	ln = netutil.LimitListener(ln, mostConns)
	if certificate != nil {
		ln = tls.NewListener(ln, &tls.Config{
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"http/1.1"},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() },
		})
	}
	return &Server{ln: ln, http: &http.Server{
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       requestLimit,
		WriteTimeout:      responseLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    mostHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // it would be told of every scan, with paths that may hold the secret
	}}, nil
}

// Serve begins to serve clients by handler. It returns at once, and is called once.
func (s *Server) Serve(handler http.Handler) {
	s.http.Handler = handler
	s.served.Go(func() { _ = s.http.Serve(s.ln) }) // always an error: that it was closed
}

// Addr returns the address, with the port that the system has chosen if it was to.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Shutdown accepts no more connections, and gives the requests under way a little time. Then
// it cuts them off, as a client may be slow on purpose. A nil s does nothing.
func (s *Server) Shutdown(ctx context.Context) {
	if s == nil {
		return
	}
	_ = s.ln.Close() // the library does not know it before Serve; it may be closed already
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRequests)
	defer cancel()
	if s.http.Shutdown(limited) != nil {
		_ = s.http.Close()
	}
	s.served.Wait()
}

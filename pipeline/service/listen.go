package service

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of a listener: clients that are slow, or many, or send much, get no more than that.
const (
	headerLimit   = 5 * time.Second
	requestLimit  = 15 * time.Second
	responseLimit = 60 * time.Second
	idleLimit     = 60 * time.Second
	mostHeader    = 16 << 10 // bytes; the library allows a few more
	mostConns     = 256      // at a time; others wait to be accepted
)

// Server serves HTTP on one address.
type Server struct {
	http   *http.Server
	ln     net.Listener
	served chan struct{}
}

// Listen serves on an address, with TLS if certificate is not nil, until the Server is shut
// down.
func Listen(ctx context.Context, addr string, certificate func() (*tls.Certificate, error), handler http.Handler) (*Server, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{ln: ln, served: make(chan struct{})}
	ln = netutil.LimitListener(ln, mostConns)
	if certificate != nil {
		ln = tls.NewListener(ln, &tls.Config{
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"http/1.1"},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() },
		})
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       requestLimit,
		WriteTimeout:      responseLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    mostHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // it would be told of every scan, with paths that may hold the secret
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(ln) // always an error: that it was closed
	}()
	return s, nil
}

// Addr returns the address, with the port that the system has chosen if it was to.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Shutdown accepts no more connections, and waits for the requests under way until ctx is
// done. Then it cuts them off.
func (s *Server) Shutdown(ctx context.Context) {
	if err := s.http.Shutdown(ctx); errors.Is(err, ctx.Err()) {
		_ = s.http.Close()
	}
	<-s.served
}

package fakeapi

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// readHeaderTimeout is how long a client may take for the head of a request.
const readHeaderTimeout = 10 * time.Second

// Listener is a Server that is reached over TCP.
type Listener struct {
	http   *http.Server
	addr   net.Addr
	served chan struct{}  // closed when nothing is accepted any more
	conns  sync.WaitGroup // the connections that are open
}

// Listen serves on addr, "127.0.0.1:0" for a free port of the loopback
// interface, until the Listener is closed.
func (s *Server) Listen(addr string) (*Listener, error) {
	ln, err := net.Listen("tcp", addr) //nolint:noctx // listening waits for nothing
	if err != nil {
		return nil, err
	}
	l := &Listener{addr: ln.Addr(), served: make(chan struct{})}
	l.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnState:         l.track,
	}
	go func() {
		defer close(l.served)
		_ = l.http.Serve(ln) // always an error: that it was closed
	}()
	return l, nil
}

// track is called for a new connection before Serve goes on to the next, so no
// connection comes up once Serve has returned.
func (l *Listener) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		l.conns.Done()
	}
}

// URL returns the base URL of the API. A Listener on all interfaces is named by
// its loopback address, which clients accept without TLS.
func (l *Listener) URL() string {
	addr, err := netip.ParseAddrPort(l.addr.String())
	if err != nil || !addr.Addr().IsUnspecified() {
		return "http://" + l.addr.String()
	}
	return "http://" + netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr.Port()).String()
}

// Close cuts all connections, also those of answers that hang, and returns when
// their handlers have. It may be called more than once.
func (l *Listener) Close() error {
	err := l.http.Close()
	<-l.served
	l.conns.Wait()
	return err
}

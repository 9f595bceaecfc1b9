package sources

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "sk-Live/1234+abcd"

// newClient returns a Client that does not wait before retries, unless cfg says
// so. It is closed at the end of the test.
func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	cfg.Key = orDefault(cfg.Key, testKey)
	if cfg.BackoffBase == 0 {
		cfg.BackoffBase, cfg.BackoffMax = 1, 1
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve makes api reachable until the end of the test and returns its URL.
func serve(t testing.TB, api http.Handler) string {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return server.URL
}

// newAPI returns an API that knows the sample and answers a script first.
func newAPI(t *testing.T, script string) *fakeapi.Server {
	t.Helper()
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	t.Cleanup(api.Close)
	api.Add(fakeapi.Sample())
	if script != "" {
		steps, err := fakeapi.ParseScript(script)
		if err != nil {
			t.Fatal(err)
		}
		api.Script("", steps...)
	}
	return api
}

// overPipes returns a Client of api over connections in memory, so that time
// can be that of a synctest bubble, in which it must be called.
func overPipes(t *testing.T, api http.Handler, cfg Config) *Client {
	t.Helper()
	conns := pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: api}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(conns)
	}()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	cfg.BaseURL = "http://127.0.0.1"
	c := newClient(t, cfg)
	c.transport.(*http.Transport).DialContext = conns.dial
	return c
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// fetchSample asks for the sample and returns the error, having checked that
// the answer is there whole if there is none.
func fetchSample(ctx context.Context, t *testing.T, c *Client) error {
	t.Helper()
	body, err := c.Fetch(ctx, &schema.EmailFind, fakeapi.Sample().ID, nil)
	if (err == nil) != (string(body) == string(fakeapi.Sample().Body)) {
		t.Errorf("Fetch returned %d bytes with error %v", len(body), err)
	}
	return err
}

// asError returns err as the *pipeline.Error that every error of a Fetch for
// the sample is.
func asError(t *testing.T, err error) *pipeline.Error {
	t.Helper()
	var e *pipeline.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, no *pipeline.Error", err)
	}
	if e.Op != "fetch" && e.Op != "" || e.Batch != fakeapi.Sample().ID {
		t.Errorf("error is of %q, batch %q", e.Op, e.Batch)
	}
	return e
}

// stopwatch returns a function that returns the time since.
func stopwatch() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

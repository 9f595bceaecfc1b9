package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/service"
	"enrow-export/sinks"
)

// A service is ready when the root and the key can be used and runs succeed; each reason why
// it is not is told, and goes away by itself.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{took: time.Second}
		var gone error
		h := &service.Health{Look: func(context.Context) error { return gone }, Stall: time.Hour}
		begin(t, s)
		h.Loop = s.loop
		expect := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, h.Ready(t.Context())); diff != "" {
				t.Errorf("%s (-want +reasons):\n%s", what, diff)
			}
		}
		expect("at first", "the first run has not ended yet")
		time.Sleep(time.Second)
		expect("after the first run")
		gone = errors.New("the volume is not there")
		expect("within two seconds one look is enough")
		time.Sleep(3 * time.Second)
		expect("root lost", "the destination cannot be used: the volume is not there")
		time.Sleep(3 * time.Second)
		expect("root still lost", "the destination cannot be used: the volume is not there")
		gone = nil
		time.Sleep(3 * time.Second)
		expect("root back")
		s.mu.Lock()
		s.fails = &pipeline.Error{Class: pipeline.Fatal, Err: errors.New("the key is not valid"), OfKey: true}
		s.mu.Unlock()
		time.Sleep(15 * time.Minute)
		expect("key expired", "the key is not valid")
		s.mu.Lock()
		s.fails = fmt.Errorf("%w: out/email_find: permission denied", sinks.ErrUnreachable)
		s.mu.Unlock()
		time.Sleep(time.Minute)
		expect("a run sees more than a look", "the destination cannot be used: out/email_find: permission denied")
		s.mu.Lock()
		s.fails = errors.New("the API cannot be reached")
		s.mu.Unlock()
		time.Sleep(4 * time.Minute)
		expect("runs may fail for a while")
		time.Sleep(30 * time.Minute)
		expect("too old", "the last run that succeeded was 50m9s ago: the API cannot be reached")
		s.mu.Lock()
		s.fails = nil
		s.mu.Unlock()
		time.Sleep(16 * time.Minute)
		expect("all well again")
		h.End()
		expect("end", "the service is being stopped")
		close(s.stop)
	})
}

// A process whose run does nothing for too long is not alive; the runs of a backlog are.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{took: 3 * time.Hour}
		begin(t, s)
		h := &service.Health{Loop: s.loop, Look: func(context.Context) error { return nil }, Stall: time.Hour}
		time.Sleep(59 * time.Minute)
		s.loop.Beat()
		time.Sleep(time.Hour)
		if err := h.Alive(); err != nil {
			t.Error(err)
		}
		web := httptest.NewRecorder()
		time.Sleep(time.Second)
		h.Handler().ServeHTTP(web, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if web.Code != http.StatusServiceUnavailable || web.Body.String() != "the run has done nothing for 1h0m1s\n" {
			t.Errorf("%d %s", web.Code, web.Body)
		}
		time.Sleep(2 * time.Hour) // the run has ended
		web = httptest.NewRecorder()
		h.Handler().ServeHTTP(web, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if web.Code != http.StatusOK || web.Body.String() != "OK\n" {
			t.Errorf("%d %s", web.Code, web.Body)
		}
		close(s.stop)
	})
}

// The overview is read once, however many ask, and again when it is old: the older the
// longer reading takes.
func TestFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, reads := time.Second, 0
		var fails error
		f := &service.Figures{
			Read: func(context.Context) (*overview.Overview, error) {
				reads++
				time.Sleep(took)
				if fails != nil {
					return nil, fails
				}
				return &overview.Overview{At: time.Now()}, nil
			},
			Log: pipeline.NoLog,
		}
		ask := func() *overview.Overview {
			o, _ := f.Last(t.Context())
			return o
		}
		for range 5 {
			if o := ask(); o != nil {
				t.Errorf("there are figures at %v", o.At)
			}
		}
		f.Wait()
		first := ask()
		if first == nil || reads != 1 {
			t.Fatalf("figures %v after %d reads", first, reads)
		}
		time.Sleep(19 * time.Second)
		if ask(); reads != 1 {
			t.Error("reading takes more than a twentieth of the time")
		}
		time.Sleep(2 * time.Second)
		fails = errors.New("broken")
		if ask() != first {
			t.Error("nobody waits for new figures")
		}
		f.Wait()
		if o, err := f.Last(t.Context()); o != first || !errors.Is(err, fails) || reads != 2 {
			t.Errorf("figures %v, error %v, %d reads", o, err, reads)
		}
		fails = nil
		time.Sleep(time.Minute)
		ask()
		f.Wait()
		if o, err := f.Last(t.Context()); o == first || err != nil {
			t.Errorf("figures %v, error %v", o, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		time.Sleep(time.Hour)
		if f.Last(ended); reads != 3 {
			t.Error("figures are read at the end")
		}
	})
}

// Clients of an address wait until it is served. One that never is can be shut down.
func TestListenerWaits(t *testing.T) {
	for _, serves := range []bool{true, false} {
		s, err := service.Listen(t.Context(), "127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		want := ""
		if serves {
			want = "HTTP/1.1 404 Not Found"
			s.Serve(http.NotFoundHandler())
		} else {
			s.Shutdown(t.Context())
		}
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if status, _, _ := strings.Cut(string(answer), "\r\n"); status != want {
			t.Errorf("serves: %v, answer %q", serves, answer)
		}
		s.Shutdown(t.Context())
		if conn, err := net.Dial("tcp", s.Addr()); err == nil {
			conn.Close()
			t.Error("the address is still taken")
		}
	}
}

// Slow clients, huge heads and many connections get no more than their share.
func TestListenerIsBounded(t *testing.T) {
	s, err := service.Listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(t.Context())
	s.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	if _, err := service.Listen(t.Context(), s.Addr(), nil); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a second listener on the address: %v", err)
	}
	send := func(request string) string {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, request)
		answer, _ := io.ReadAll(conn)
		status, _, _ := strings.Cut(string(answer), "\r\n")
		return status
	}
	const head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	if got := send(head + "\r\n"); got != "HTTP/1.1 200 OK" {
		t.Errorf("an ordinary request: %q", got)
	}
	if got := send(head + "X: " + strings.Repeat("x", 32<<10) + "\r\n\r\n"); got != "HTTP/1.1 431 Request Header Fields Too Large" {
		t.Errorf("a huge head: %q", got)
	}
	var clients sync.WaitGroup // more than may be served at a time
	for range 300 {
		clients.Go(func() {
			if got := send(head + "\r\n"); got != "HTTP/1.1 200 OK" {
				t.Errorf("one of many: %q", got)
			}
		})
	}
	clients.Wait()
}

// A supervisor is told of the start, of a reload and of the end, and that the process is
// alive for as long as it is.
func TestSupervisor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	receive := func() string {
		buf := make([]byte, 1024)
		n, err := socket.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	var supervisor service.Supervisor
	supervisor.Ready()
	supervisor.Reloading()
	supervisor.Stopping()
	if got := receive(); got != "READY=1" {
		t.Errorf("told %q", got)
	}
	if got := receive(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("told %q", got)
	}
	if got := receive(); got != "STOPPING=1" {
		t.Errorf("told %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	asked, stuck := 0, make(chan struct{})
	watching.Go(func() {
		supervisor.Watch(ctx, func() error {
			if asked++; asked < 3 {
				return nil
			}
			if asked == 5 {
				close(stuck)
			}
			return errors.New("stuck")
		})
	})
	for range 2 {
		if got := receive(); got != "WATCHDOG=1" {
			t.Errorf("told %q", got)
		}
	}
	<-stuck
	supervisor.Stopping()
	if got := receive(); got != "STOPPING=1" {
		t.Errorf("a process that is stuck tells %q", got)
	}
	cancel()
	watching.Wait()

	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	supervisor.Ready() // nobody is there
	supervisor.Watch(t.Context(), func() error { return nil })
}

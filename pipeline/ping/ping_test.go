package ping_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"enrow-export/pipeline/ping"
)

const secret = "5f0c2a51-aaaa-4bbb-8ccc-0123456789ab"

// monitor is a server that notes what it gets.
type monitor struct {
	*httptest.Server
	mu    sync.Mutex
	pings []string // path and text
	ids   map[string]bool
}

func newMonitor(t *testing.T, reply http.HandlerFunc) *monitor {
	m := &monitor{ids: make(map[string]bool)}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		m.pings = append(m.pings, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(text)))
		m.ids[r.URL.Query().Get("rid")] = true
		m.mu.Unlock()
		reply(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

// got returns the pings so far.
func (m *monitor) got() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pings
}

func fine(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "OK") }

// pinged tells of a run, and returns which pings have failed, without the host.
func pinged(t *testing.T, url string, exitCode int, text string) []string {
	t.Helper()
	return pingedWithin(t, time.Second, url, exitCode, text)
}

func pingedWithin(t *testing.T, timeout time.Duration, url string, exitCode int, text string) []string {
	t.Helper()
	var mu sync.Mutex
	var list []string
	run, err := ping.Begin(t.Context(), ping.Config{URL: url, UserAgent: "enrow-export/test", Timeout: timeout, OnFailure: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, err.Error())
	}})
	if err != nil {
		t.Fatal(err)
	}
	run.End(t.Context(), exitCode, text)
	for i, text := range list {
		if strings.Contains(text, secret) || strings.Contains(text, "rid") {
			t.Errorf("the URL is in %q", text)
		}
		_, list[i], _ = strings.Cut(text, " with ")
	}
	return list
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// What is told depends on the exit code: what the next run goes on with is no failure.
func TestPings(t *testing.T) {
	for exitCode, path := range map[int]string{0: "", 1: "/fail", 3: "/fail", 75: "/log", 143: "/fail"} {
		m := newMonitor(t, fine)
		expect(t, "failures", pinged(t, m.URL+"/ping/"+secret+"?create=1", exitCode, "2 batches"))
		expect(t, fmt.Sprint("pings of ", exitCode), m.got(), "POST /ping/"+secret+"/start", "POST /ping/"+secret+path+" 2 batches")
		m.Close()
		if len(m.ids) != 1 {
			t.Errorf("ids of a run: %v", m.ids)
		}
		for id := range m.ids {
			if _, err := uuid.Parse(id); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestPingIsShort(t *testing.T) {
	m := newMonitor(t, fine)
	expect(t, "failures", pinged(t, m.URL, 1, strings.Repeat("x", 10<<10-1)+"ü and more"))
	if got, want := m.got()[1], "POST /fail "+strings.Repeat("x", 10<<10-1); got != want {
		t.Errorf("%d bytes were sent", len(got))
	}
}

func TestPingFails(t *testing.T) {
	replies := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	for _, test := range []struct {
		name, want string
		reply      http.HandlerFunc
		tries      int
	}{
		{"error", "the monitor returned 500 Internal Server Error", replies(500, ""), 2},
		{"busy", "the monitor returned 429 Too Many Requests", replies(429, ""), 2},
		{"unknown", "the monitor returned 404 Not Found", replies(404, ""), 1},
		{"unknown in words", "the monitor knows no check with this URL", replies(200, "OK (not found)"), 1},
		{"ignored", "the monitor ignores the ping: there were too many", replies(200, "OK (rate limited)"), 1},
		{"redirect", "the monitor returned 308 Permanent Redirect, a redirect, which is not followed", replies(308, ""), 1},
		{"broken", "EOF", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMonitor(t, test.reply)
			expect(t, "failures", pinged(t, m.URL+"/"+secret, 0, ""), "/start: "+test.want, "success: "+test.want)
			var want []string
			for _, path := range []string{"/start", ""} {
				for range test.tries {
					want = append(want, "POST /"+secret+path)
				}
			}
			expect(t, "pings", m.got(), want...)
		})
	}
}

// A second try is worth it.
func TestPingAgain(t *testing.T) {
	var failed sync.Once
	m := newMonitor(t, func(w http.ResponseWriter, _ *http.Request) {
		failed.Do(func() { w.WriteHeader(503) })
	})
	expect(t, "failures", pinged(t, m.URL, 0, ""))
	expect(t, "pings", m.got(), "POST /start", "POST /start", "POST /")
}

// A monitor that does not reply holds up the end of a run for a bounded time.
func TestPingHangs(t *testing.T) {
	over := make(chan struct{})
	m := newMonitor(t, func(http.ResponseWriter, *http.Request) { <-over })
	defer close(over)
	const timeout = 40 * time.Millisecond
	begin := time.Now()
	got := pingedWithin(t, timeout, m.URL+"/"+secret, 0, "")
	if took := time.Since(begin); took < 3*timeout {
		t.Errorf("it was over after %v", took)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "/start: no reply ") || got[1] != "success: no reply within 40ms" {
		t.Errorf("failures %q", got)
	}
}

// Nobody listens, and one listens who speaks no HTTP and repeats what was said.
func TestPingReachesNoMonitor(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			said, _ := bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, said)
			conn.Close()
		}
	}()
	url := "http://" + listener.Addr().String() + "/" + secret
	expect(t, "failures", pinged(t, url, 0, ""), "/start: the reply is not HTTP", "success: the reply is not HTTP")
	listener.Close()
	<-echoed
	for _, text := range pinged(t, url, 0, "") {
		if !strings.HasSuffix(text, "connection refused") {
			t.Errorf("failure %q", text)
		}
	}
}

// A run that was stopped is told of, though its context is done.
func TestPingOfAStoppedRun(t *testing.T) {
	m := newMonitor(t, fine)
	ctx, cancel := context.WithCancelCause(t.Context())
	run, err := ping.Begin(ctx, ping.Config{URL: m.URL, OnFailure: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	cancel(errors.New("stopped"))
	run.End(ctx, 143, "")
	expect(t, "pings", m.got(), "POST /start", "POST /fail")
}

func TestCheckURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://hc-ping.com/" + secret:                  "",
		"http://user:password@[::1]:8000/ping/" + secret: "",
		"hc-ping.com/" + secret:                          "does not begin with https:// or http://",
		secret:                                           "does not begin with https:// or http://",
		"ftp://hc-ping.com/" + secret:                    "does not begin with https:// or http://",
		"https:hc-ping.com/" + secret:                    "is not a URL",
		"https:///" + secret:                             "names no host",
		"https://hc-ping.com:port/" + secret:             "is not a URL",
		"https://hc-ping.com:99999/" + secret:            "has an invalid port",
		"https://hc-ping.com/" + secret + "%zz":          "is not a URL",
		"https://hc-ping.com/" + secret + "\n":           "is not a URL",
		"https://hc-ping.com/" + secret + "#x":           "has a fragment, which no server gets",
		"":                                               "does not begin with https:// or http://",
	} {
		got := ""
		if err := ping.CheckURL(url); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
		if want == "" {
			continue
		}
		if _, err := ping.Begin(t.Context(), ping.Config{URL: url}); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %q", url, err, want)
		}
	}
}

package sources

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

const goneHint = "nothing that was exported is lost: check the network and run again"

// line is what leads to an API, and may be cut.
type line struct {
	client *Client
	cut    atomic.Pointer[func(context.Context) error] // what becomes of new connections
	dials  atomic.Int64
}

// lineOf returns the line of a Client that has not asked for anything yet.
func lineOf(c *Client) *line {
	l := &line{client: c}
	t := c.transport.(*http.Transport)
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		l.dials.Add(1)
		if cut := l.cut.Load(); cut != nil {
			return nil, (*cut)(ctx)
		}
		return dial(ctx, network, addr)
	}
	return l
}

// fail lets connections fail, those that are idle too; nil mends the line.
func (l *line) fail(with func(context.Context) error) {
	if with == nil {
		l.cut.Store(nil)
		return
	}
	l.cut.Store(&with)
	l.client.Close()
}

func refuses(context.Context) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// An API that has answered and cannot be reached any more is a reason to end the
// run, once a batch has used up its retries without anybody having had an answer.
func TestFetchGone(t *testing.T) {
	cuts := map[string]struct {
		cut  func(context.Context) error
		want string
	}{
		"nobody listens": {refuses, "no response from 127.0.0.1: dial tcp: connection refused"},
		"no such name": {func(context.Context) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api.enrow.io", IsNotFound: true}}
		}, "no response from 127.0.0.1: dial tcp: lookup api.enrow.io: no such host"},
		"nothing comes back": {func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, "no response from 127.0.0.1 within 5s"},
	}
	for name, tt := range cuts {
		for _, answer := range []string{"ok", "400", "cut:10"} {
			t.Run(name+"/"+answer, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := overPipes(t, newAPI(t, answer+",okx9"), Config{Retries: 5, RequestTimeout: 5 * time.Second})
					l := lineOf(c)
					_ = fetchSample(t.Context(), t, c) // it is reached, that is all
					l.fail(tt.cut)
					before := c.requests.Load()
					e := asError(t, fetchSample(t.Context(), t, c))
					if want := "the API can no longer be reached: " + tt.want; e.Class != pipeline.Fatal || e.Err.Error() != want || e.Hint != goneHint {
						t.Errorf("error is of class %d, %v (%s); want %s", e.Class, e.Err, e.Hint, want)
					}
					if got := c.requests.Load() - before; got != 6 {
						t.Errorf("%d requests, want 6", got)
					}
				})
			})
		}
	}
}

// With few retries a batch alone does not show that the API is gone, several in a
// row do. Any answer in between shows that it is not.
func TestFetchGoneWithFewRetries(t *testing.T) {
	for retries, batches := range []int{6, 3, 2, 2, 2, 1} {
		synctest.Test(t, func(t *testing.T) {
			c := overPipes(t, newAPI(t, ""), Config{Retries: retries})
			l := lineOf(c)
			for range 2 {
				l.fail(nil)
				if err := fetchSample(t.Context(), t, c); err != nil {
					t.Error(err)
				}
				l.fail(refuses)
				for range batches - 1 {
					if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != pipeline.Transient {
						t.Errorf("%d retries: error is of class %d, %v", retries, e.Class, e)
					}
				}
			}
			if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != pipeline.Fatal || e.Hint != goneHint {
				t.Errorf("%d retries: after %d batches the error is of class %d, %v", retries, batches, e.Class, e)
			}
		})
	}
}

// While others are answered, a batch that cannot connect fails alone, however
// often it tries.
func TestFetchOthersAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := overPipes(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-release
			w.Header().Set("Connection", "close") // the next batch needs one of its own
			_, _ = w.Write(fakeapi.Sample().Body)
		}), Config{Retries: 9})
		l := lineOf(c)
		answered := make(chan error)
		go func() {
			_, err := c.Fetch(t.Context(), &schema.EmailFind, "other", nil)
			answered <- err
		}()
		synctest.Wait()
		l.fail(func(ctx context.Context) error {
			if l.dials.Load() == 4 { // the third of this batch
				close(release)
				if err := <-answered; err != nil {
					t.Error(err)
				}
			}
			return refuses(ctx)
		})
		e := asError(t, fetchSample(t.Context(), t, c))
		if e.Class != pipeline.Transient || !strings.HasPrefix(e.Err.Error(), "gave up after 10 tries: no response from") {
			t.Errorf("error is of class %d, %v", e.Class, e)
		}
	})
}

// Somebody is there who closes the connections of a batch. That may be because of
// the batch, and would end every run if it were fatal; of several in a row it is
// not.
func TestFetchDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drops atomic.Bool
		api := newAPI(t, "")
		c := overPipes(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if drops.Load() {
				panic(http.ErrAbortHandler)
			}
			api.ServeHTTP(w, r)
		}), Config{Retries: 9})
		for range 2 {
			drops.Store(false)
			if err := fetchSample(t.Context(), t, c); err != nil {
				t.Error(err)
			}
			drops.Store(true)
			for range 2 {
				if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != pipeline.Transient {
					t.Errorf("error is of class %d, %v", e.Class, e)
				}
			}
		}
		if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != pipeline.Fatal || e.Hint != goneHint {
			t.Errorf("after three batches the error is of class %d, %v (%s)", e.Class, e, e.Hint)
		}
	})
}

// What is no answer of the API, over and over, ends the run when it is the same for
// some batches in a row, and soon: in the time that one batch takes for its retries.
func TestFetchGivesNoAnswers(t *testing.T) {
	const hint = "nothing that was exported is lost: Enrow or a proxy on the way has trouble, or --api-url is not the API's; run again later"
	for _, answer := range []string{"502", "500:html", "503:empty", "404:html", "405:empty", "page", "cut:10", "truncate:100", "hang", "429"} {
		t.Run(answer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := overPipes(t, newAPI(t, answer+"x9999"), Config{Retries: 5, BackoffBase: defaultBackoffBase, BackoffMax: defaultBackoffMax})
				elapsed := stopwatch()
				failed := make(chan error)
				for range 4 { // as many as are asked for at a time
					go func() { failed <- fetchSample(t.Context(), t, c) }()
				}
				var fatal *pipeline.Error
				for n := 1; n <= 4; n++ {
					e := asError(t, <-failed)
					if fatal == nil && (e.Class == pipeline.Fatal) != (n == failedAfter) {
						t.Errorf("batch %d: error is of class %d, %v", n, e.Class, e)
					}
					if e.Class == pipeline.Fatal {
						fatal = e
					}
				}
				if took := elapsed(); took > 10*time.Minute || answer != "hang" && took > 3*time.Minute {
					t.Errorf("took %s", took)
				}
				if fatal == nil || !strings.HasPrefix(fatal.Err.Error(), "the API returned no usable response about email-find batches in ") || fatal.Hint != hint {
					t.Errorf("error %v", fatal)
				}
			})
		})
	}
}

// A batch that the API has trouble with fails alone, however often, while others are
// answered, if only that they are unknown. JSON that the API does not document is trouble
// like any other.
func TestFetchTroubleWithOneBatch(t *testing.T) {
	for _, answer := range []string{"ok", "400", "404", "ongoing", "failed"} {
		synctest.Test(t, func(t *testing.T) {
			c := overPipes(t, newAPI(t, strings.Repeat("502x6,405,"+answer+",", 3)+"502x6,409,502x6"), Config{Retries: 5})
			fails := func(class pipeline.Class) {
				t.Helper()
				if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != class {
					t.Errorf("%s: error is of class %d, %v", answer, e.Class, e)
				}
			}
			for range 3 {
				for range 2 {
					fails(pipeline.Transient)
				}
				_, _ = c.Fetch(t.Context(), &schema.EmailFind, fakeapi.Sample().ID, nil)
			}
			for range 2 {
				fails(pipeline.Transient)
			}
			fails(pipeline.Fatal)
		})
	}
}

// A run that is cut off says so, not that the API is gone.
func TestFetchGoneCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := overPipes(t, newAPI(t, ""), Config{Retries: 5})
		l := lineOf(c)
		if err := fetchSample(t.Context(), t, c); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		before := l.dials.Load()
		l.fail(func(ctx context.Context) error {
			if l.dials.Load() == before+6 {
				cancel()
			}
			return refuses(ctx)
		})
		if e := asError(t, fetchSample(ctx, t, c)); e.Class == pipeline.Fatal || !errors.Is(e, context.Canceled) {
			t.Errorf("error is of class %d, %v", e.Class, e)
		}
	})
}

// What this machine has no more of, it has for no batch: nobody is asked again.
func TestShortageEndsTheRun(t *testing.T) {
	for name, err := range map[string]error{
		"socket":  &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)},
		"system":  &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.ENFILE)},
		"look-up": &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Name: "api", Err: "dial udp 127.0.0.53:53: socket: too many open files"}},
		"buffers": &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ENOBUFS)},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{BaseURL: "http://127.0.0.1:1", Retries: 5})
			tries := 0
			c.transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
				tries++
				return nil, err
			}
			e := asError(t, fetchSample(t.Context(), t, c))
			if e.Class != pipeline.Fatal || !strings.Contains(e.Error(), "no request was sent to 127.0.0.1:1: ") || !strings.HasPrefix(e.Hint, "nothing that was exported is lost: ") || tries != 1 {
				t.Errorf("error of class %d, %v (%s) after %d tries", e.Class, e, e.Hint, tries)
			}
		})
	}
}

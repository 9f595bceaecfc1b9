package sources

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

const reachHint = "check --api-url and the network"

// TestFetchAnswers has every answer that the API documents, and what a gateway
// may say in its place, over connections of a real network.
func TestFetchAnswers(t *testing.T) {
	const (
		orProxy     = "; or the response is from a proxy: it is not Enrow's JSON"
		keyHint     = "check the API key"
		refused     = "the API key was refused: "
		maybe       = "a request with the API key was refused: "
		creditsHint = "check the credits and the subscription of your Enrow account"
		otherHint   = "this is no response about the batch: check --api-url, and any proxy on the way"
		idHint      = "check the batch id; if the batch is not of kind email-find, export or enqueue it with --kind email-verify or --kind phone-find"
	)
	tests := []struct {
		script   string
		class    pipeline.Class
		want     string // of the error; that there is none when empty
		hint     string
		requests int
	}{
		{"ok", 0, "", "", 1},
		{"500,503:html,429:empty,ok", 0, "", "", 4},
		{"408,425,500,ok", 0, "", "", 4},
		{"599,502,504,ok", 0, "", "", 4},
		{"truncate:0,truncate:100,cut:0,ok", 0, "", "", 4},
		{"cut:100x3,ok", 0, "", "", 4},
		{"drop,500,truncate:50,ok", 0, "", "", 4},

		{"400", pipeline.Refused, "API returned 400 Bad Request: Could not retrieve bulk search results", idHint, 1},
		{"400:verification", pipeline.Refused, "API returned 400 Bad Request: Could not retrieve bulk verification results", idHint, 1},
		{"404", pipeline.Refused, "API returned 404 Not Found: Bulk search not found", idHint, 1},
		{"400:html,404:html,ok", 0, "", "", 3},
		{"page,405:html,ok", 0, "", "", 3},
		{"400:missing", pipeline.Transient, "API returned 400 Bad Request: Missing id in the query params", otherHint, 1},
		{"405", pipeline.Transient, "API returned 405 Method Not Allowed", otherHint, 1},
		{"409", pipeline.Transient, "API returned 409 Conflict", otherHint, 1},
		{"404:htmlx9", pipeline.Transient, "gave up after 4 tries: API returned 404 Not Found: <html>", "", 4},
		{"400:emptyx9", pipeline.Transient, "gave up after 4 tries: API returned 400 Bad Request", "", 4},
		{"410:emptyx9", pipeline.Transient, "gave up after 4 tries: API returned 410 Gone", "", 4},
		{"pagex9", pipeline.Transient, "gave up after 4 tries: response is not from the API: status 200, but no JSON object with general", "", 4},
		{"503,400", pipeline.Refused, "API returned 400 Bad Request: Could not retrieve bulk search results", idHint, 2},

		{"401", pipeline.Fatal, refused + "API returned 401 Unauthorized: This apikey is not valid", keyHint, 1},
		{"401:missing", pipeline.Fatal, refused + "API returned 401 Unauthorized: No apikey found in the x-api-key headers", keyHint, 1},
		{"403:html", pipeline.Fatal, "API returned 403 Forbidden: <html> <head><title>403 Forbidden</title></head> <body> <center><h1>403 Forbidden</h1></center> </body> </html>", keyHint + orProxy, 1},
		{"401:empty", pipeline.Fatal, maybe + "API returned 401 Unauthorized", keyHint + orProxy, 1},
		{"402:empty", pipeline.Fatal, "API returned 402 Payment Required", creditsHint + orProxy, 1},
		{"422:empty", pipeline.Fatal, "API returned 422 Unprocessable Entity", creditsHint + orProxy, 1},
		{"402", pipeline.Fatal, "API returned 402 Payment Required: Not enough credits", creditsHint, 1},
		{"402:reason", pipeline.Fatal, "API returned 402 Payment Required: Not enough credits", creditsHint, 1},
		{"422", pipeline.Fatal, "API returned 422 Unprocessable Entity: Not enough credits", creditsHint, 1},
		{"422:reason", pipeline.Fatal, "API returned 422 Unprocessable Entity: Not enough credits", creditsHint, 1},
		{"503x2,401", pipeline.Fatal, refused + "API returned 401 Unauthorized: This apikey is not valid", keyHint, 3},

		{"429x9", pipeline.Transient, "gave up after 4 tries: API returned 429 Too Many Requests", "", 4},
		{"408x9", pipeline.Transient, "gave up after 4 tries: API returned 408 Request Timeout", "", 4},
		{"425x9", pipeline.Transient, "gave up after 4 tries: API returned 425 Too Early", "", 4},
		{"500:emptyx9", pipeline.Transient, "gave up after 4 tries: API returned 500 Internal Server Error", "", 4},
		{"502,503,504,599", pipeline.Transient, "gave up after 4 tries: API returned 599: Error 599", "", 4},
		{"cut:100x9", pipeline.Transient, "gave up after 4 tries: response breaks off after", "", 4},
		{"truncate:100x9", pipeline.Transient, "gave up after 4 tries: response breaks off after", "", 4},
		{"500,dropx9", pipeline.Transient, "gave up after 4 tries: no response from 127.0.0.1", "", -1},

		{"429;retry-after=301", pipeline.Fatal, "API returned 429 Too Many Requests: it asks for a pause of 5m1s, and the longest pause is 5m0s", "run again after that time", 1},
		{"503;retry-after=99999999999999999999", pipeline.Fatal, "API returned 503 Service Unavailable: it asks for a pause of 2562047h47m16s, and the longest pause is 5m0s", "run again after that time", 1},
		{"429:old=301;retry-after=1", pipeline.Fatal, "API returned 429 Too Many Requests: it asks for a pause of 5m1s, and the longest pause is 5m0s", "run again after that time", 1},
		{"503,429:old=3600", pipeline.Fatal, "API returned 429 Too Many Requests: it asks for a pause of 1h0m0s, and the longest pause is 5m0s", "run again after that time", 2},
		{"400;retry-after=3600", pipeline.Refused, "API returned 400 Bad Request: Could not retrieve bulk search results", idHint, 1},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			api := newAPI(t, tt.script)
			c := newClient(t, Config{BaseURL: serve(t, api), Retries: 3})
			err := fetchSample(t.Context(), t, c)
			// A client asks again by itself when a connection that it had
			// used before is dropped, so those requests are not counted.
			if got := api.Requests(""); got != tt.requests && tt.requests >= 0 {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := asError(t, err)
			want := fmt.Sprintf("fetch batch %s: %s", fakeapi.Sample().ID, tt.want)
			if strings.Contains(tt.want, "was refused") { // it is not about the batch
				want = tt.want
			}
			if e.Class != tt.class || !strings.HasPrefix(e.Error(), want) || e.Hint != tt.hint {
				t.Errorf("error is of class %d, %v (%s); want %d, %s (%s)", e.Class, e, e.Hint, tt.class, want, tt.hint)
			}
			if toldToWait := strings.Contains(tt.want, "asks for a pause"); e.Class == pipeline.Fatal && (!e.OneBatch || (e.Kind == "") != toldToWait) {
				t.Error("what was answered about one batch is said of all")
			}
		})
	}
}

func TestFetchReducedAnswers(t *testing.T) {
	for _, status := range []int{200, 202} {
		api := fakeapi.New(fakeapi.Options{OngoingStatus: status})
		b := fakeapi.Sample()
		b.OngoingPolls = 1
		api.Add(b)
		steps, err := fakeapi.ParseScript("failed")
		if err != nil {
			t.Fatal(err)
		}
		api.Script("", steps...)
		c := newClient(t, Config{BaseURL: serve(t, api)})
		for _, want := range []string{
			`{"general":{"id":"` + b.ID + `","status":"failed"},"stats":{"finished":0,"requested":3}}`,
			`{"general":{"id":"` + b.ID + `","status":"ongoing"},"stats":{"finished":1,"requested":3}}`,
			string(b.Body),
		} {
			body, err := c.Fetch(t.Context(), &schema.EmailFind, b.ID, nil)
			if err != nil || string(body) != want {
				t.Errorf("status %d: answered %s, %v; want %s", status, body, err, want)
			}
		}
	}
}

func TestFetchWithoutRetries(t *testing.T) {
	api := newAPI(t, "503")
	c := newClient(t, Config{BaseURL: serve(t, api)})
	e := asError(t, fetchSample(t.Context(), t, c))
	if e.Class != pipeline.Transient || e.Err.Error() != "API returned 503 Service Unavailable" || api.Requests("") != 1 {
		t.Errorf("error is of class %d, %v, after %d requests", e.Class, e, api.Requests(""))
	}
}

// TestFetchWaits measures the time that retries take, which is exactly what is
// demanded: the backoff itself is next to nothing.
func TestFetchWaits(t *testing.T) {
	tests := []struct {
		script string
		want   time.Duration
	}{
		{"503,ok", 0},
		{"429;retry-after=7,ok", 7 * time.Second},
		{"503;retry-after=7,503,503;retry-after=2,ok", 9 * time.Second},
		{"429;retry-after=Sat, 01 Jan 2000 00:00:40 GMT,ok", 40 * time.Second},
		{"429;retry-after=Fri, 31 Dec 1999 23:59:00 GMT,ok", 0},
		{"429:old,ok", 5 * time.Minute},
		{"429:old=3;retry-after=2,ok", 3 * time.Second},
		{"429:old=2;retry-after=3,ok", 3 * time.Second},
		{"429;retry-after=soon,ok", 0},
		{"hang,ok", time.Minute},
		{"hangx2,429;retry-after=30,ok", 2*time.Minute + 30*time.Second},
		{"503;retry-after=300x4,ok", 20 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := overPipes(t, newAPI(t, tt.script), Config{Retries: 4})
				elapsed := stopwatch()
				if err := fetchSample(t.Context(), t, c); err != nil {
					t.Error(err)
				}
				if got := elapsed(); got != tt.want {
					t.Errorf("took %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestFetchBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, "503x9")
		c := overPipes(t, api, Config{Retries: 6, BackoffBase: time.Second, BackoffMax: 4 * time.Second})
		elapsed := stopwatch()
		if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != pipeline.Transient {
			t.Error(e)
		}
		if got := elapsed(); got == 0 || got > (1+2+4+4+4+4)*time.Second {
			t.Errorf("retries took %s", got)
		}
		if got := api.Requests(""); got != 7 {
			t.Errorf("%d requests, want 7", got)
		}
	})
}

func TestFetchTimeouts(t *testing.T) {
	hanging := func(t *testing.T) http.Handler { return newAPI(t, "hangx9") }
	stalled := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"general":`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	tests := []struct {
		name string
		api  func(*testing.T) http.Handler // made within the bubble
		want string
	}{
		{"before the answer", hanging, "gave up after 3 tries: no response from 127.0.0.1 within 5s"},
		{"within the body", func(*testing.T) http.Handler { return stalled }, "gave up after 3 tries: response is not complete after 5s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := overPipes(t, tt.api(t), Config{Retries: 2, RequestTimeout: 5 * time.Second})
				elapsed := stopwatch()
				e := asError(t, fetchSample(t.Context(), t, c))
				if e.Class != pipeline.Transient || e.Err.Error() != tt.want || elapsed() != 15*time.Second {
					t.Errorf("error is of class %d, %v, after %s; want %s", e.Class, e.Err, elapsed(), tt.want)
				}
			})
		})
	}
}

func TestFetchCancelled(t *testing.T) {
	for _, script := range []string{"hang", "429;retry-after=60", "503,429;retry-after=60"} {
		t.Run(script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, script)
				c := overPipes(t, api, Config{Retries: 5})
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(errors.New("interrupted")) })
				elapsed := stopwatch()
				err := fetchSample(ctx, t, c)
				if !errors.Is(err, context.Canceled) || elapsed() != time.Second {
					t.Errorf("error is %v after %s", err, elapsed())
				}
				requests := api.Requests("")
				if err := fetchSample(ctx, t, c); !errors.Is(err, context.Canceled) || api.Requests("") != requests {
					t.Errorf("error is %v after %d more requests", err, api.Requests("")-requests)
				}
			})
		})
	}
}

func TestFetchDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := overPipes(t, newAPI(t, "hang"), Config{Retries: 5})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := fetchSample(ctx, t, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestFetchNeverReached(t *testing.T) {
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	c := newClient(t, Config{BaseURL: "http://" + unused.Addr().String(), Retries: 2})
	e := asError(t, fetchSample(t.Context(), t, c))
	if e.Class != pipeline.Fatal || !strings.HasPrefix(e.Err.Error(), "the API was never reached: no response from "+unused.Addr().String()+": dial tcp") || e.Hint != reachHint {
		t.Errorf("error is of class %d, %v (%s)", e.Class, e, e.Hint)
	}
}

func TestFetchNobodyAnswers(t *testing.T) {
	api := newAPI(t, "dropx9")
	c := newClient(t, Config{BaseURL: serve(t, api), Retries: 2})
	if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != pipeline.Fatal || e.Hint != reachHint {
		t.Errorf("error is of class %d, %v (%s)", e.Class, e, e.Hint)
	}
	if got := api.Requests(""); got != 3 {
		t.Errorf("%d requests, want 3", got)
	}
}

// TestFetchUnconnectable has a network that swallows everything: connecting
// takes longer than a try may.
func TestFetchUnconnectable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, Config{Retries: 1, RequestTimeout: 5 * time.Second})
		c.transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		e := asError(t, fetchSample(t.Context(), t, c))
		if want := "the API was never reached: no response from api.enrow.io within 5s"; e.Class != pipeline.Fatal || e.Err.Error() != want {
			t.Errorf("error is of class %d, %v; want %s", e.Class, e.Err, want)
		}
	})
}

func TestFetchReachedEarlier(t *testing.T) {
	for _, answer := range []string{"ok", "503", "cut:10"} {
		t.Run(answer, func(t *testing.T) {
			api := newAPI(t, answer)
			listener, err := api.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			c := newClient(t, Config{BaseURL: listener.URL()})
			first := fetchSample(t.Context(), t, c)
			if (first == nil) != (answer == "ok") {
				t.Error(first)
			}
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
			e := asError(t, fetchSample(t.Context(), t, c))
			if e.Class != pipeline.Transient || !strings.HasPrefix(e.Err.Error(), "no response from 127.0.0.1:") {
				t.Errorf("error is of class %d, %v", e.Class, e)
			}
		})
	}
}

func TestFetchConcurrently(t *testing.T) {
	api := newAPI(t, "")
	c := newClient(t, Config{BaseURL: serve(t, api), Retries: 3})
	steps, err := fakeapi.ParseScript("503,truncate:40,cut:30")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	want := map[string]bool{}
	for i := range 16 {
		b := fakeapi.Generate(fakeapi.GenerateID(1, i), 20, uint64(i))
		b.Script = steps
		api.Add(b)
		want[string(b.Body)] = true
		go func() {
			body, err := c.Fetch(t.Context(), &schema.EmailFind, b.ID, nil)
			if err != nil {
				t.Error(err)
			}
			got <- string(body)
		}()
	}
	bodies := map[string]bool{}
	for range want {
		bodies[<-got] = true
	}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	if got := api.Requests(""); got != 16*4 {
		t.Errorf("%d requests, want %d", got, 16*4)
	}
}

// JSON of another form than the API's may be a proxy's: its status alone does not say
// that something is wrong with the account.
func TestFetchRefusedByAProxy(t *testing.T) {
	for _, status := range []int{401, 402, 403, 422} {
		url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"error":"blocked by policy"}`))
		}))
		e := asError(t, fetchSample(t.Context(), t, newClient(t, Config{BaseURL: url})))
		if e.Class != pipeline.Fatal || !strings.Contains(e.Hint, "; or the response is from a proxy") || !strings.Contains(e.Error(), "blocked by policy") {
			t.Errorf("%d: error of class %d, %v (%s)", status, e.Class, e, e.Hint)
		}
	}
}

// Every request for a batch is told with its status and counted, also one without a
// response.
func TestRequestsAreCounted(t *testing.T) {
	var mu sync.Mutex
	told := make(map[int]int64)
	c := newClient(t, Config{
		BaseURL: serve(t, newAPI(t, "drop,503x2,429,ok")), Retries: 9,
		OnRequest: func(status int, elapsed time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if told[status]++; elapsed <= 0 {
				t.Errorf("a request took %v", elapsed)
			}
		},
	})
	if err := fetchSample(t.Context(), t, c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fetch(t.Context(), &schema.EmailFind, "unknown", nil); err == nil {
		t.Error("there is no such batch")
	}
	want := map[int]int64{0: 1, 200: 1, 400: 1, 429: 1, 503: 2}
	if diff := cmp.Diff(want, c.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.Requests(), told); diff != "" {
		t.Errorf("requests (-counted +told):\n%s", diff)
	}
}

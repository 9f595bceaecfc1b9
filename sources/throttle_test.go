package sources

import (
	"context"
	"errors"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
)

// timed notes when, after the start, each request came to an API.
type timed struct {
	api http.Handler

	mu    sync.Mutex
	start time.Time
	came  []time.Duration
}

func (h *timed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.came = append(h.came, time.Since(h.start))
	h.mu.Unlock()
	h.api.ServeHTTP(w, r)
}

// throttled returns a Client of an API with a script, and the times at which
// requests come to that.
func throttled(t *testing.T, script string, cfg Config) (*Client, *timed) {
	t.Helper()
	api := &timed{api: newAPI(t, script), start: time.Now()}
	return overPipes(t, api, cfg), api
}

// times returns numbers of seconds as durations.
func times(all ...float64) []time.Duration {
	var durations []time.Duration
	for _, s := range all {
		durations = append(durations, time.Duration(s*float64(time.Second)))
	}
	return durations
}

// fetchMany asks for the sample from so many goroutines at once, and returns
// their errors.
func fetchMany(t *testing.T, c *Client, n int) []error {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = fetchSample(t.Context(), t, c) })
	}
	all.Wait()
	return errs
}

// While the API wants no requests nobody sends one, and whoever has only waited
// has all its retries left.
func TestPauseIsShared(t *testing.T) {
	for script, pause := range map[string]float64{
		"429;retry-after=60": 60, "503;retry-after=300": 300, "429:old=7": 7,
	} {
		t.Run(script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, api := throttled(t, script, Config{})
				if e := asError(t, fetchSample(t.Context(), t, c)); e.Class != pipeline.Transient {
					t.Errorf("without retries: error %v", e)
				}
				time.Sleep(time.Second)
				for _, err := range fetchMany(t, c, 3) {
					if err != nil {
						t.Errorf("after the pause: %v", err)
					}
				}
				if diff := cmp.Diff(times(0, pause, pause, pause), api.came); diff != "" {
					t.Errorf("requests came at (-want +got):\n%s", diff)
				}
				if c.requests.Load() != 4 || c.Retries() != 0 {
					t.Errorf("%d requests, %d of them retries; want 4 and none", c.requests.Load(), c.Retries())
				}
			})
		})
	}
}

// An answer that has nothing to do with too many requests holds up its own batch
// alone, whatever it demands.
func TestOtherFailuresAreNotShared(t *testing.T) {
	for _, script := range []string{"500;retry-after=60", "408;retry-after=60", "cut:10"} {
		synctest.Test(t, func(t *testing.T) {
			c, api := throttled(t, script, Config{})
			asError(t, fetchSample(t.Context(), t, c))
			if err := fetchSample(t.Context(), t, c); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(times(0, 0), api.came); diff != "" {
				t.Errorf("%s: requests came at (-want +got):\n%s", script, diff)
			}
		})
	}
}

// A pause that begins while another batch waits for the end of one holds that up
// for longer.
func TestPauseIsExtended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := throttled(t, "hang,503;retry-after=10,429;retry-after=30", Config{RequestTimeout: time.Minute})
		var all sync.WaitGroup
		for _, at := range []time.Duration{0, time.Second, 1500 * time.Millisecond, 2 * time.Second} {
			all.Go(func() {
				time.Sleep(at)
				_ = fetchSample(t.Context(), t, c) // the times tell
			})
		}
		all.Wait()
		// Of the two that wait for 11s one is refused, and the other is under way.
		if diff := cmp.Diff(times(0, 1, 11, 11), api.came); diff != "" {
			t.Errorf("requests came at (-want +got):\n%s", diff)
		}
		if err := fetchSample(t.Context(), t, c); err != nil {
			t.Error(err)
		}
		if got := api.came[len(api.came)-1]; got < 41*time.Second {
			t.Errorf("a request came at %s, the API wanted none before 41s", got)
		}
	})
}

// Where the API wants to be left alone for longer than a run waits, nothing is
// asked until the rest of the time is one that is waited for.
func TestPauseIsTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := throttled(t, "429;retry-after=301", Config{Retries: 5})
		for _, want := range []string{
			"API returned 429 Too Many Requests: it asks for a pause of 5m1s, and the longest pause is 5m0s",
			"no request was sent to the API: it asks for a pause of 5m1s, and the longest pause is 5m0s",
			"no request was sent to the API: it asks for a pause of 5m1s, and the longest pause is 5m0s",
		} {
			e := asError(t, fetchSample(t.Context(), t, c))
			if e.Class != pipeline.Fatal || e.Err.Error() != want || e.Hint != "run again after that time" {
				t.Errorf("error is of class %d, %v (%s); want a fatal one, %s", e.Class, e.Err, e.Hint, want)
			}
		}
		time.Sleep(2 * time.Second)
		if err := fetchSample(t.Context(), t, c); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(times(0, 301), api.came); diff != "" {
			t.Errorf("requests came at (-want +got):\n%s", diff)
		}
	})
}

// Pauses grow while the API refuses, from the first again after it has answered.
// Requests that were sent before a pause count for neither.
func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const base, limit = 100 * time.Millisecond, time.Second
		ceilings := []time.Duration{100, 200, 400, 800, 1000, 1000}
		highest := make([]time.Duration, len(ceilings))
		throttle := NewThrottle(Config{BackoffBase: base, BackoffMax: limit})
		stale := ticket{-1}
		for range 1000 {
			for i := range ceilings {
				sent, f := throttle.admit(t.Context())
				if f != nil {
					t.Fatal(f)
				}
				throttle.refused(sent, 0)
				_, left := throttle.pause()
				highest[i] = max(highest[i], left)
				throttle.refused(sent, 0)
				throttle.refused(stale, 0)
				throttle.answered(sent)
				throttle.answered(stale)
				if _, now := throttle.pause(); now != left {
					t.Fatalf("a request of an earlier time made a pause of %s one of %s", left, now)
				}
			}
			sent, f := throttle.admit(t.Context())
			if f != nil {
				t.Fatal(f)
			}
			throttle.answered(sent)
		}
		for i, ms := range ceilings {
			if ceiling := ms * time.Millisecond; highest[i] > ceiling || highest[i] < ceiling*19/20 {
				t.Errorf("pause %d in a row lasts up to %s, want %s", i+1, highest[i], ceiling)
			}
		}
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	for name, cfg := range map[string]Config{"for the end of a pause": {}, "for the rate": {Rate: 0.001}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, api := throttled(t, "429;retry-after=60", cfg)
				asError(t, fetchSample(t.Context(), t, c))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				elapsed := stopwatch()
				err := fetchSample(ctx, t, c)
				if !errors.Is(err, context.DeadlineExceeded) || elapsed() != time.Second || len(api.came) != 1 {
					t.Errorf("error %v after %s and %d requests", err, elapsed(), len(api.came))
				}
			})
		})
	}
}

// The rate is that of all goroutines and of all tries.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := throttled(t, "500,cut:10,ok", Config{Rate: 2, Retries: 2})
		for _, err := range fetchMany(t, c, 4) {
			if err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(times(0, 0.5, 1, 1.5, 2, 2.5), api.came); diff != "" {
			t.Errorf("requests came at (-want +got):\n%s", diff)
		}
		if c.requests.Load() != 6 || c.Retries() != 2 {
			t.Errorf("%d requests, %d of them retries; want 6 and 2", c.requests.Load(), c.Retries())
		}
	})
}

// What a pause has kept comes at the rate too when it is over.
func TestRateAfterPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, api := throttled(t, "503;retry-after=60", Config{Rate: 1, Retries: 1})
		for _, err := range fetchMany(t, c, 4) {
			if err != nil {
				t.Error(err)
			}
		}
		if len(api.came) != 5 || api.came[1] < 60*time.Second {
			t.Fatalf("requests came at %v, want one and, after 60s, four", api.came)
		}
		for i := 2; i < len(api.came); i++ {
			if api.came[i]-api.came[i-1] < time.Second {
				t.Errorf("requests came at %v, faster than one a second", api.came)
			}
		}
	})
}

func TestNewClientRate(t *testing.T) {
	for _, rate := range []float64{0, 0.1, 10, math.MaxFloat64} {
		if _, err := NewClient(Config{Key: testKey, Rate: rate}); err != nil {
			t.Errorf("%v: %v", rate, err)
		}
	}
	for _, rate := range []float64{-1, math.Inf(1), math.Inf(-1), math.NaN()} {
		if _, err := NewClient(Config{Key: testKey, Rate: rate}); err == nil {
			t.Errorf("%v: no error", rate)
		}
	}
}

// Clients that share a Throttle have one rate and one pause together.
func TestClientsShareAThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Rate: 0.5}
		cfg.Throttle = NewThrottle(cfg)
		first, api := throttled(t, "ok,429;retry-after=30,okx9", cfg)
		second := overPipes(t, api, cfg)
		if err := fetchSample(t.Context(), t, first); err != nil {
			t.Error(err)
		}
		if err := fetchSample(t.Context(), t, second); err == nil {
			t.Error("without retries, a pause is a failure")
		}
		if err := fetchSample(t.Context(), t, first); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(times(0, 2, 32), api.came); diff != "" {
			t.Errorf("requests came at (-want +got):\n%s", diff)
		}
	})
}

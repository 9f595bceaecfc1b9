package sources

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// Whoever only waits when the run is stopped ends at once, and sends nothing more,
// whatever it waits for. So does whoever comes later.
func TestStopEndsWaits(t *testing.T) {
	tests := []struct {
		name, script string
		cfg          Config
		sent         int // before the stop
	}{
		{"for the end of a pause", "429;retry-after=60", Config{Retries: 5}, 1},
		{"for the rate", "ok", Config{Rate: 0.001}, 1},
		{"for the rate after a pause", "429;retry-after=1", Config{Rate: 0.001, Retries: 5}, 1},
		{"before another try", "ok,500;retry-after=60x3", Config{Retries: 5}, 4},
		{"before another try at a rate", "ok,500;retry-after=60x3", Config{Retries: 5, Rate: 1}, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stop := make(chan struct{})
				tt.cfg.Stop = stop
				c, api := throttled(t, tt.script, tt.cfg)
				elapsed := stopwatch()
				time.AfterFunc(10*time.Second, func() { close(stop) })
				go func() { _, _ = c.Fetch(t.Context(), &schema.EmailFind, fakeapi.Sample().ID, nil) }()
				synctest.Wait()
				for _, err := range append(fetchMany(t, c, 3), fetchSample(t.Context(), t, c)) {
					if e := asError(t, err); !errors.Is(e, pipeline.ErrStopped) || e.Class != pipeline.Transient {
						t.Errorf("error is of class %d, %v", e.Class, e)
					}
				}
				synctest.Wait()
				if elapsed() != 10*time.Second || len(api.came) != tt.sent {
					t.Errorf("took %s, want the 10s until the stop; requests came at %v, want %d", elapsed(), api.came, tt.sent)
				}
			})
		})
	}
}

// A request that is under way when the run is stopped counts as ever, but that it
// is not followed by another.
func TestStopWithRequestUnderWay(t *testing.T) {
	tests := []struct {
		name, script string
		retries      int
		class        pipeline.Class
		want         string // of the error; that there is none when empty
	}{
		{"answered", "ok", 5, 0, ""},
		{"refused for good", "401", 5, pipeline.Fatal, "the API key was refused: API returned 401 Unauthorized: This apikey is not valid"},
		{"refused for now", "503", 5, pipeline.Transient, "the run is being stopped"},
		{"refused for the last time", "503", 0, pipeline.Transient, "API returned 503 Service Unavailable"},
		{"cut", "cut:10", 5, pipeline.Transient, "the run is being stopped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stop := make(chan struct{})
				var once sync.Once
				api := newAPI(t, tt.script)
				c := overPipes(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					once.Do(func() { close(stop) })
					api.ServeHTTP(w, r)
				}), Config{Retries: tt.retries, Stop: stop})
				err := fetchSample(t.Context(), t, c)
				if c.requests.Load() != 1 {
					t.Errorf("%d requests, want 1", c.requests.Load())
				}
				if tt.want == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				stopped := tt.want == pipeline.ErrStopped.Error()
				if e := asError(t, err); e.Class != tt.class || e.Err.Error() != tt.want || errors.Is(e, pipeline.ErrStopped) != stopped {
					t.Errorf("error is of class %d, %v; want %d, %s", e.Class, e.Err, tt.class, tt.want)
				}
			})
		})
	}
}

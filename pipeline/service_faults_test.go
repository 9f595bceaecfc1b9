package pipeline

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
	"enrow-export/sinks/gcs/gcstest"
)

// serviceFault is what becomes of one request to Cloud Storage.
type serviceFault struct {
	name string
	// take tells whether the request takes effect, answer how it is answered.
	take   bool
	answer func(w http.ResponseWriter)
}

func unavailable(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
func tooMany(w http.ResponseWriter)     { w.WriteHeader(http.StatusTooManyRequests) }
func cut(http.ResponseWriter)           { panic(http.ErrAbortHandler) } // the connection breaks

var serviceFaults = []serviceFault{
	{"unavailable", false, unavailable},
	{"unavailable, but done", true, unavailable},
	{"too many requests", false, tooMany},
	{"connection cut", false, cut},
	{"connection cut, but done", true, cut},
}

// faultyService is Cloud Storage with a fault at one request.
type faultyService struct {
	http.Handler
	fault    serviceFault
	at       int64
	requests atomic.Int64
}

func (s *faultyService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.requests.Add(1) != s.at {
		s.Handler.ServeHTTP(w, r)
		return
	}
	if s.fault.take {
		s.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	s.fault.answer(w)
}

// TestServiceFaultGoesUnnoticed fails each request of a run to Cloud Storage, one
// at a time, in the ways that a service fails in passing. The user sees nothing
// of it: the run succeeds, and ends as an undisturbed one.
func TestServiceFaultGoesUnnoticed(t *testing.T) {
	open := func(t *testing.T, handler http.Handler) sinks.Store {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		t.Setenv("STORAGE_EMULATOR_HOST", server.URL)
		s, err := gcs.Open(gcs.Config{Bucket: "bucket", RetryPause: time.Microsecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			quiet := sinks.NewMemory()
			if sc.before != nil {
				sc.before(t, quiet)
			}
			if _, _, err := runAll(t.Context(), t, sc.run(t, quiet), faultID); err != nil {
				t.Fatal(err)
			}
			want, wantEntry := files(t, quiet), readEntry(t, quiet, faultID)
			points := 0
			for _, fault := range serviceFaults {
				for at := int64(1); ; at++ {
					more := true
					t.Run("", func(t *testing.T) {
						service, err := gcstest.New("bucket")
						if err != nil {
							t.Fatal(err)
						}
						store := open(t, service)
						if sc.before != nil {
							sc.before(t, store)
						}
						faulty := &faultyService{Handler: service, fault: fault, at: at}
						results, _, err := runAll(t.Context(), t, sc.run(t, open(t, faulty)), faultID)
						if more = faulty.requests.Load() >= at; more {
							points++
						}
						if res := results[faultID]; err != nil || res.Err != nil {
							t.Fatalf("%s at request %d: %v, %v", fault.name, at, err, res.Err)
						}
						if diff := cmp.Diff(want, files(t, store)); diff != "" {
							t.Errorf("%s at request %d: files (-undisturbed +got):\n%s", fault.name, at, diff)
						}
						if diff := cmp.Diff(wantEntry, readEntry(t, store, faultID), entryIgnore); diff != "" {
							t.Errorf("%s at request %d: entry (-undisturbed +got):\n%s", fault.name, at, diff)
						}
					})
					if !more || t.Failed() {
						break
					}
				}
			}
			t.Logf("%d faults", points)
		})
	}
}

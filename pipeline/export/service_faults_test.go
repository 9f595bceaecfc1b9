package export_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/pipelinetest"
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

func tooMany(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }

func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) } // the connection breaks

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
	for _, sc := range pipelinetest.Scenarios() {
		t.Run(sc.Name, func(t *testing.T) {
			quiet := sinks.NewMemory()
			if sc.Before != nil {
				sc.Before(t, quiet)
			}
			if _, _, err := pipelinetest.RunAll(t.Context(), t, sc.Run(t, quiet), pipelinetest.FaultID); err != nil {
				t.Fatal(err)
			}
			want, wantEntry := pipelinetest.Files(t, quiet), pipelinetest.ReadEntry(t, quiet, pipelinetest.FaultID)
			points := 0
			for shift, fault := range serviceFaults {
				for at := range pipelinetest.FaultPoints(shift) {
					more := true
					t.Run("", func(t *testing.T) {
						service, err := gcstest.New("bucket")
						if err != nil {
							t.Fatal(err)
						}
						store := open(t, service)
						if sc.Before != nil {
							sc.Before(t, store)
						}
						faulty := &faultyService{Handler: service, fault: fault, at: int64(at)}
						results, _, err := pipelinetest.RunAll(t.Context(), t, sc.Run(t, open(t, faulty)), pipelinetest.FaultID)
						if more = faulty.requests.Load() >= int64(at); more {
							points++
						}
						if res := results[pipelinetest.FaultID]; err != nil || res.Err != nil {
							t.Fatalf("%s at request %d: %v, %v", fault.name, at, err, res.Err)
						}
						if diff := cmp.Diff(want, pipelinetest.Files(t, store)); diff != "" {
							t.Errorf("%s at request %d: files (-undisturbed +got):\n%s", fault.name, at, diff)
						}
						if diff := cmp.Diff(wantEntry, pipelinetest.ReadEntry(t, store, pipelinetest.FaultID), pipelinetest.EntryIgnore); diff != "" {
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

package gcs

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"enrow-export/sinks/gcs/gcstest"
)

func TestMain(m *testing.M) {
	// A dependency of fake-gcs-server has a goroutine for as long as it is linked.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const testBucket = "a-bucket.of_tests"

// newServer returns a server with an empty bucket.
func newServer(t *testing.T) *gcstest.Server {
	t.Helper()
	server, err := gcstest.New(testBucket)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// serve makes handler what the client library takes for Cloud Storage.
func serve(t *testing.T, handler http.Handler) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Setenv(emulatorEnv, server.URL)
}

// open returns a store of the test bucket that does not wait between tries.
func open(t *testing.T, prefix string) *Store {
	t.Helper()
	s, err := Open(Config{Bucket: testBucket, Prefix: prefix, RetryPause: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

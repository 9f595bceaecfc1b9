package s3

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"enrow-export/sinks/s3/s3test"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const testBucket = "a-bucket.of-tests"

// newServer starts a server with an empty bucket.
func newServer(t *testing.T, options s3test.Options) *s3test.Server {
	t.Helper()
	s3test.Environment(t)
	server := s3test.New(options, testBucket)
	t.Cleanup(server.Close)
	return server
}

// testConfig is that of a store at a server, which does not wait between tries.
func testConfig(endpoint string) Config {
	return Config{Bucket: testBucket, Endpoint: endpoint, RetryPause: time.Microsecond, UserAgent: "enrow-export/test"}
}

func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
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

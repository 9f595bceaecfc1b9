package pipeline

import (
	"fmt"
	"net/http/httptest"
	"os"
	"testing"

	"go.uber.org/goleak"

	"enrow-export/sinks/gcs/gcstest"
)

// TestMain serves some buckets to all tests, and fails when they leave goroutines
// behind.
func TestMain(m *testing.M) {
	service, err := gcstest.New(testBuckets...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := httptest.NewServer(service)
	os.Setenv("STORAGE_EMULATOR_HOST", server.URL)
	goleak.VerifyTestMain(served{m, server},
		// A dependency of fake-gcs-server has it for as long as it is linked.
		goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// served ends the server before goroutines are counted.
type served struct {
	*testing.M
	server *httptest.Server
}

func (m served) Run() int {
	defer m.server.Close()
	return m.M.Run()
}

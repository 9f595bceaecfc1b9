// Package pipelinetest is for the tests of the pipeline's packages, and for nothing
// else: a Source with answers of the test's own (Answers), every kind of store
// (Stores) and wrappers that fail or count (NewHurried, Counted), runs to set the scene
// (NewConfig, Export), and the check that a manifest is true (Truthful).
//
// It imports export, so tests of what export is built on use it from packages of
// their own (manifest_test).
package pipelinetest

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"enrow-export/sinks/gcs/gcstest"
	"enrow-export/sinks/s3/s3test"
)

// Main is the TestMain of a package: it serves some buckets to all tests, and fails
// when they leave goroutines behind.
func Main(m *testing.M) {
	service, err := gcstest.New(testBuckets...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := httptest.NewServer(service)
	os.Setenv("STORAGE_EMULATOR_HOST", server.URL)
	amazon := s3test.New(s3test.Options{}, s3Bucket)
	s3Endpoint = amazon.URL()
	for _, variable := range s3test.Variables(filepath.Join(os.TempDir(), "no-such-directory")) {
		os.Setenv(variable[0], variable[1])
	}
	goleak.VerifyTestMain(served{m, []closer{server, amazon}},
		// A dependency of fake-gcs-server has it for as long as it is linked.
		goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

type closer interface{ Close() }

// served ends the servers before goroutines are counted.
type served struct {
	*testing.M
	servers []closer
}

func (m served) Run() int {
	for _, server := range m.servers {
		defer server.Close()
	}
	return m.M.Run()
}

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
	"testing"

	"go.uber.org/goleak"

	"enrow-export/sinks/gcs/gcstest"
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

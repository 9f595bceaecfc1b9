package main

import (
	"net/http/httptest"

	"github.com/rogpeppe/go-internal/testscript"

	"enrow-export/sinks/gcs/gcstest"
)

// startBucket makes gs://bucket what a script's programs find in Cloud Storage,
// an empty one each time, without the permissions given.
func startBucket(ts *testscript.TestScript, _ bool, args []string) {
	service, err := gcstest.New("bucket")
	ts.Check(err)
	service.Deny(args...)
	server := httptest.NewServer(service)
	ts.Defer(server.Close)
	ts.Setenv("STORAGE_EMULATOR_HOST", server.URL)
}

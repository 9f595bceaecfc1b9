package main

import (
	"net/http/httptest"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"enrow-export/sinks/gcs/gcstest"
	"enrow-export/sinks/s3/s3test"
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
	buckets(ts)["gs"] = service.Add
}

// startS3 makes s3://bucket what a script's programs find in S3, an empty one each time,
// without the permissions given.
func startS3(ts *testscript.TestScript, ignoresConditions bool, args []string) {
	service := s3test.New(s3test.Options{IgnoreConditions: ignoresConditions}, "bucket")
	ts.Defer(service.Close)
	service.Deny(args...)
	for _, v := range s3test.Variables(ts.Getenv("WORK")) {
		ts.Setenv(v[0], v[1])
	}
	ts.Setenv("S3", service.URL())
	buckets(ts)["s3"] = service.Store
}

// addObject puts a file into a bucket of a script.
func addObject(ts *testscript.TestScript, _ bool, args []string) {
	scheme, location, _ := strings.Cut(args[0], "://")
	bucket, key, _ := strings.Cut(location, "/")
	buckets(ts)[scheme](bucket, key, []byte(ts.ReadFile(args[1])))
}

// buckets returns how to put an object into the services of a script, by scheme.
func buckets(ts *testscript.TestScript) map[string]func(bucket, key string, data []byte) {
	return ts.Value(bucketsValue).(map[string]func(bucket, key string, data []byte))
}

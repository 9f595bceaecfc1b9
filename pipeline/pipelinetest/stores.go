package pipelinetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
	"enrow-export/sinks/local"
	"enrow-export/sinks/s3"
)

// Stores are the kinds of store that the promises are tested on.
var Stores = map[string]func(t *testing.T) sinks.Store{
	"memory": func(*testing.T) sinks.Store { return sinks.NewMemory() },
	// As Amazon S3: the version of an object is the digest of its content.
	"memory by content": func(*testing.T) sinks.Store { return sinks.NewContentMemory() },
	"local": func(t *testing.T) sinks.Store {
		s, err := local.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return s
	},
	// The real client, against fake-gcs-server. Each store is a folder of its
	// own in one of some buckets: that server searches a bucket from end to end.
	"gcs": func(t *testing.T) sinks.Store {
		n := storeCount.Add(1)
		s, err := gcs.Open(gcs.Config{
			Bucket: testBuckets[n%int64(len(testBuckets))], Prefix: fmt.Sprintf("store-%d", n), RetryPause: time.Microsecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	},
	// The real client, against a server in process. Each store is a folder of its own.
	"s3": func(t *testing.T) sinks.Store {
		s, err := s3.Open(s3.Config{
			Bucket: s3Bucket, Prefix: fmt.Sprintf("store-%d", storeCount.Add(1)), Endpoint: s3Endpoint, PathStyle: true, RetryPause: time.Microsecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	},
}

// s3Bucket is at s3Endpoint, which Main sets.
const s3Bucket = "bucket-of-tests"

var s3Endpoint string

// ForEachStore runs a subtest on each kind of store.
func ForEachStore(t *testing.T, name string, test func(t *testing.T, store sinks.Store)) {
	for kind, open := range Stores {
		t.Run(kind+"/"+name, func(t *testing.T) { test(t, open(t)) })
	}
}

var (
	testBuckets = func() (names []string) {
		for i := range 200 {
			names = append(names, fmt.Sprintf("bucket-%d", i))
		}
		return names
	}()
	storeCount atomic.Int64
)

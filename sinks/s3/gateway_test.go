package s3

import (
	"fmt"
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/s3/s3gateway"
	"enrow-export/sinks/storetest"
)

// A bucket of a real server passes, too.
func TestStoreOnGateway(t *testing.T) {
	buckets := make([]string, 100)
	for i := range buckets {
		buckets[i] = fmt.Sprintf("bucket-%d", i)
	}
	url, n := s3gateway.Start(t, buckets...), 0
	for name, fresh := range map[string]func(*Config){
		"bucket":    func(c *Config) { c.Bucket = buckets[n] },
		"directory": func(c *Config) { c.Bucket, c.Prefix = buckets[n], "some/directory of it" },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) sinks.Store {
				cfg := testConfig(url)
				fresh(&cfg)
				n++
				return open(t, cfg)
			})
		})
	}
}

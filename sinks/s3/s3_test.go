package s3

import (
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/s3/s3test"
	"enrow-export/sinks/storetest"
)

func TestStore(t *testing.T) {
	for _, c := range []struct {
		name    string
		options s3test.Options
		change  func(*Config)
	}{
		{"bucket", s3test.Options{}, func(*Config) {}},
		{"directory, no conditions of deletes", s3test.Options{NoDeleteConditions: true}, func(c *Config) { c.Prefix = "some/directory of it" }},
		{"no checksums", s3test.Options{NoChecksums: true}, func(*Config) {}},
		{"unique ETags, small pages, no encoding", s3test.Options{UniqueETags: true, PageSize: 7, NoURLEncoding: true}, func(*Config) {}},
		{"unique ETags, no checksums", s3test.Options{UniqueETags: true, NoChecksums: true}, func(*Config) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) sinks.Store {
				cfg := testConfig(newServer(t, c.options).URL())
				c.change(&cfg)
				return open(t, cfg)
			})
		})
	}
}

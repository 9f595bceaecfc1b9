package s3

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
	"enrow-export/sinks/s3/s3test"
)

// A setting that cannot be obeyed is refused before anything is opened, with advice.
func TestOpenChecksSettings(t *testing.T) {
	s3test.Environment(t)
	dir := t.TempDir()
	noCertificate := filepath.Join(dir, "text.pem")
	if err := os.WriteFile(noCertificate, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	const good = "" // no error
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"nothing", func(*Config) {}, good},
		{"bucket with dots", func(c *Config) { c.Bucket = "a.b.c" }, good},
		{"no bucket", func(c *Config) { c.Bucket = "" }, "is not a bucket's name"},
		{"short bucket", func(c *Config) { c.Bucket = "ab" }, "is not a bucket's name"},
		{"long bucket", func(c *Config) { c.Bucket = strings.Repeat("a", 64) }, "is not a bucket's name"},
		{"capital", func(c *Config) { c.Bucket = "Bucket" }, "is not a bucket's name"},
		{"underscore", func(c *Config) { c.Bucket = "a_bucket" }, "is not a bucket's name"},
		{"two dots", func(c *Config) { c.Bucket = "a..b" }, "is not a bucket's name"},
		{"dash at the end", func(c *Config) { c.Bucket = "abc-" }, "is not a bucket's name"},
		{"address", func(c *Config) { c.Bucket = "192.168.1.1" }, "is not a bucket's name"},
		{"ARN", func(c *Config) { c.Bucket = "arn:aws:s3:::x" }, "is not a bucket's name"},
		{"directory bucket", func(c *Config) { c.Bucket = "abc--use1-az4--x-s3" }, "is a directory bucket"},

		{"prefix", func(c *Config) { c.Prefix = "a/b c" }, good},
		{"prefix with a dot", func(c *Config) { c.Prefix = "a/../b" }, "segments must not be"},
		{"prefix with a slash", func(c *Config) { c.Prefix = "a/" }, "segments must not be"},
		{"prefix of no text", func(c *Config) { c.Prefix = "\xff" }, "segments must not be"},

		{"https", func(c *Config) { c.Endpoint = "https://s3.example.com/" }, good},
		{"http", func(c *Config) { c.Endpoint = "http://10.1.2.3:7070" }, good},
		{"path", func(c *Config) { c.Endpoint = "https://example.com/storage/v1/s3" }, good},
		{"no scheme", func(c *Config) { c.Endpoint = "s3.example.com" }, "--s3-endpoint is not the URL of a store"},
		{"other scheme", func(c *Config) { c.Endpoint = "s3://secret" }, "--s3-endpoint is not the URL of a store"},
		{"user", func(c *Config) { c.Endpoint = "https://user:secret@example.com" }, "--s3-endpoint is not the URL of a store"},
		{"port", func(c *Config) { c.Endpoint = "https://example.com:99999" }, "--s3-endpoint is not the URL of a store"},
		{"query", func(c *Config) { c.Endpoint = "https://example.com?secret" }, "--s3-endpoint is not the URL of a store"},
		{"no URL", func(c *Config) { c.Endpoint = "https://sec%ret" }, "--s3-endpoint is not the URL of a store"},
		{"Google", func(c *Config) { c.Endpoint = "https://storage.googleapis.com" }, "--s3-endpoint is Google's"},
		{"Google by host", func(c *Config) { c.Endpoint = "https://bucket.Storage.googleapis.com:443/" }, "--s3-endpoint is Google's"},

		{"SSE", func(c *Config) { c.SSE = "AES256" }, good},
		{"SSE by KMS", func(c *Config) { c.SSE, c.KMSKey = "aws:kms", "alias/x" }, good},
		{"SSE twice by KMS", func(c *Config) { c.SSE, c.KMSKey = "aws:kms:dsse", "alias/x" }, good},
		{"other SSE", func(c *Config) { c.SSE = "aws" }, "--s3-sse: \"aws\" is not a kind of encryption"},
		{"key without KMS", func(c *Config) { c.SSE, c.KMSKey = "AES256", "secret" }, "--s3-kms-key needs encryption by KMS"},
		{"owner", func(c *Config) { c.BucketOwner = "123456789012" }, good},
		{"short owner", func(c *Config) { c.BucketOwner = "12345678901" }, "--s3-bucket-owner is not the number of an account"},
		{"owner of letters", func(c *Config) { c.BucketOwner = "somebody-abc" }, "--s3-bucket-owner is not the number of an account"},
		{"region", func(c *Config) { c.Region = "eu-west-3" }, good},
		{"no region", func(c *Config) { c.Region = "EU (Paris)" }, "is not a region"},

		{"no file of certificates", func(c *Config) { c.CAFile = filepath.Join(dir, "missing") }, "--s3-ca-file: stat "},
		{"directory of certificates", func(c *Config) { c.CAFile = dir }, "is not a file"},
		{"endless certificates", func(c *Config) { c.CAFile = "/dev/zero" }, "--s3-ca-file: "},
		{"file without certificates", func(c *Config) { c.CAFile = noCertificate }, "has no certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Bucket: "bucket"}
			c.change(&cfg)
			s, err := Open(cfg)
			var advised *sinks.AdvisedError
			switch {
			case c.want == good && err != nil:
				t.Errorf("error %v", err)
			case c.want == good:
				if s.client.Load() != nil {
					t.Error("opening made a client")
				}
			case err == nil || !errors.As(err, &advised) || !strings.Contains(err.Error(), c.want) || advised.Hint == "":
				t.Errorf("error %v, want %s, with advice", err, c.want)
			case strings.Contains(err.Error()+advised.Hint, "secret"):
				t.Errorf("the value is shown: %v", err)
			}
		})
	}
	if _, err := Open(Config{Bucket: "bucket", Endpoint: "https://storage.googleapis.com"}); err == nil || !strings.Contains(hintOf(err), "gs://") {
		t.Errorf("Google's endpoint: error %v, hint %q", err, hintOf(err))
	}
}

// Settings of the environment are checked as flags are.
func TestOpenChecksTheEnvironment(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{endpointEnv, "https://storage.googleapis.com", "AWS_ENDPOINT_URL is Google's"},
		{s3EndpointEnv, "secret", "AWS_ENDPOINT_URL_S3 is not the URL of a store"},
		{s3EndpointEnv, "http://127.0.0.1:1", ""},
		{"HTTPS_PROXY", "http://user:secret%ss@proxy", "HTTPS_PROXY is not the URL of a proxy"},
	} {
		s3test.Environment(t)
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Setenv(c.name, c.value)
			_, err := Open(Config{Bucket: "bucket"})
			var setting *network.SettingError
			var advised *sinks.AdvisedError
			switch {
			case c.want == "" && err != nil:
				t.Errorf("error %v", err)
			case c.want == "":
			case err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || !errors.As(err, &setting) && !errors.As(err, &advised):
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// The bucket stands in the path where it cannot stand before the host.
func TestPathStyle(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"":                         false,
		"https://s3.example.com":   false,
		"http://127.0.0.1:7070":    true,
		"http://[::1]:7070":        true,
		"http://localhost:9000":    true,
		"http://minio:9000/":       true,
		"https://minio.lan:9000/x": false,
	} {
		if got := needsPathStyle(endpoint); got != want {
			t.Errorf("%q: %v, want %v", endpoint, got, want)
		}
	}
}

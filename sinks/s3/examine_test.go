package s3

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/sinks"
	"enrow-export/sinks/s3/s3test"
)

// The time of an object is that of the service's clock.
func TestWritten(t *testing.T) {
	server := newServer(t, s3test.Options{})
	store := open(t, testConfig(server.URL()))
	before := time.Now().Truncate(time.Second)
	if _, err := store.Put(t.Context(), "a", []byte("a"), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	at, err := store.Written(t.Context(), "a")
	if err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("written at %v, error %v", at, err)
	}
	if _, err := store.Written(t.Context(), "b"); !errors.Is(err, sinks.ErrNotExist) {
		t.Errorf("no object: error %v", err)
	}
	server.Deny(getPermission)
	var permission *PermissionError
	if _, err := store.Written(t.Context(), "a"); !errors.As(err, &permission) {
		t.Errorf("no permission: error %v", err)
	}
}

// A store says where its requests go, wherever that is set.
func TestConnection(t *testing.T) {
	for _, test := range []struct {
		name    string
		cfg     Config
		profile string
		bundle  bool
		url     string
		trust   []string
	}{
		{name: "Amazon", cfg: Config{Bucket: "bucket", Region: "eu-west-3"}, url: "https://bucket.s3.eu-west-3.amazonaws.com"},
		{name: "Amazon in the path", cfg: Config{Bucket: "bucket", Region: "eu-west-3", PathStyle: true}, url: "https://s3.eu-west-3.amazonaws.com/bucket"},
		{name: "flag", cfg: Config{Bucket: "bucket", Endpoint: "https://s3.example.com:9000"}, url: "https://s3.example.com:9000"},
		{name: "profile", cfg: Config{Bucket: "bucket"}, profile: "[default]\nendpoint_url = https://profile.example.com\n", url: "https://profile.example.com"},
		{
			name: "certificates", cfg: Config{Bucket: "bucket", Region: "eu-west-3", CAFile: "ca"}, bundle: true, url: "https://bucket.s3.eu-west-3.amazonaws.com",
			trust: []string{"the system", "--s3-ca-file", "AWS_CA_BUNDLE"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, caFile, _ := serveTLS(t, nil)
			s3test.Environment(t)
			profile := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(profile, []byte(test.profile), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", profile)
			if test.bundle {
				t.Setenv("AWS_CA_BUNDLE", caFile)
			}
			if test.cfg.CAFile != "" {
				test.cfg.CAFile = caFile
			}
			url, trust, err := open(t, test.cfg).Connection(t.Context())
			if diff := cmp.Diff(test.trust, trust); err != nil || url != test.url || diff != "" {
				t.Errorf("%s, error %v, certificates (-want +got):\n%s", url, err, diff)
			}
		})
	}
	s3test.Environment(t)
	if _, _, err := open(t, Config{Bucket: "bucket"}).Connection(t.Context()); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("no region: error %v", err)
	}
}

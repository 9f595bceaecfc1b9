package s3

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"enrow-export/sinks"
	"enrow-export/sinks/s3/s3test"
)

// environment sets the variables of AWS: those of s3test.Environment without keys, then
// settings as NAME=value.
func environment(t *testing.T, settings ...string) {
	t.Helper()
	s3test.Environment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
	}
}

// write makes a file of the user that the client library reads.
func write(t *testing.T, variable, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(variable, file)
}

const keys = "aws_access_key_id = " + s3test.AccessKey + "\naws_secret_access_key = " + s3test.SecretKey + "\n"

// service is a service that gives out credentials, and counts its requests.
func service(t *testing.T, status int, text string) (serverURL string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// Credentials come from where the client library looks for them.
func TestCredentials(t *testing.T) {
	for name, set := range map[string]func(t *testing.T){
		"environment": func(t *testing.T) { s3test.Environment(t) },
		"default profile": func(t *testing.T) {
			write(t, "AWS_SHARED_CREDENTIALS_FILE", "[default]\n"+keys)
		},
		"named profile": func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", "[profile other]\nregion = us-east-1\n"+keys)
			t.Setenv("AWS_PROFILE", "other")
		},
		"process": func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", fmt.Sprintf("[default]\ncredential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"%s\", \"SecretAccessKey\": \"%s\"}'\n", s3test.AccessKey, s3test.SecretKey))
		},
		"container": func(t *testing.T) {
			endpoint, _ := service(t, 200, fmt.Sprintf(`{"AccessKeyId":%q,"SecretAccessKey":%q,"Token":"t","Expiration":%q}`,
				s3test.AccessKey, s3test.SecretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint)
		},
		"web identity": func(t *testing.T) {
			write(t, "AWS_WEB_IDENTITY_TOKEN_FILE", "a token")
			endpoint, _ := service(t, 200, fmt.Sprintf(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
				<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration>
				</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
				s3test.AccessKey, s3test.SecretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
			t.Setenv("AWS_ENDPOINT_URL_STS", endpoint)
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/somebody")
			t.Setenv("AWS_REGION", "us-east-1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t)
			set(t)
			server := s3test.New(s3test.Options{AccessKey: s3test.AccessKey}, testBucket)
			t.Cleanup(server.Close)
			if err := open(t, testConfig(server.URL())).Check(t.Context()); err != nil {
				t.Errorf("check: %v", err)
			}
		})
	}
}

// Credentials that cannot be had end a run, and say what to do. Nothing asks for them
// before the store is used, and nothing is asked of the bucket without them.
func TestNoCredentials(t *testing.T) {
	const expired = `{"startUrl":"https://example.awsapps.com/start","region":"eu-west-1","accessToken":"secret","expiresAt":"2020-01-01T00:00:00Z"}`
	for _, c := range []struct {
		name       string
		set        func(t *testing.T)
		want, hint string
	}{
		{"none", func(*testing.T) {}, "this machine has no AWS credentials", "AWS_ACCESS_KEY_ID"},
		{"unknown profile", func(t *testing.T) { t.Setenv("AWS_PROFILE", "other") }, `the AWS profile "other" does not exist`, "check AWS_PROFILE"},
		{"bad file", func(t *testing.T) { t.Setenv("AWS_CONFIG_FILE", "/dev") }, "the AWS configuration file /dev cannot be read", "AWS_CONFIG_FILE"},
		{"bad bundle", func(t *testing.T) {
			s3test.Environment(t)
			t.Setenv("AWS_CA_BUNDLE", "/missing/bundle.pem")
		}, "AWS_CA_BUNDLE or ca_bundle", "unset AWS_CA_BUNDLE"},
		{"bad bundle of text", func(t *testing.T) {
			s3test.Environment(t)
			write(t, "AWS_CA_BUNDLE", "text")
		}, "AWS_CA_BUNDLE or ca_bundle", "unset AWS_CA_BUNDLE"},
		{"sign-in that is missing", func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", "[profile work]\nsso_session = my\nsso_account_id = 123456789012\nsso_role_name = somebody\n[sso-session my]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n")
			t.Setenv("AWS_PROFILE", "work")
			t.Setenv("HOME", t.TempDir())
		}, "the sign-in of the AWS profile is missing or has expired", "aws sso login --profile work"},
		{"old sign-in that has expired", func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", "[default]\nsso_start_url = https://example.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = somebody\n")
			home := t.TempDir()
			t.Setenv("HOME", home)
			cache := filepath.Join(home, ".aws", "sso", "cache")
			if err := os.MkdirAll(cache, 0o700); err != nil {
				t.Fatal(err)
			}
			// The name of the file is the digest of the URL.
			if err := os.WriteFile(filepath.Join(cache, "e8be5486177c5b5392bd9aa76563515b29358e6e.json"), []byte(expired), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "the sign-in of the AWS profile is missing or has expired", "aws sso login"},
		{"token file that is missing", func(t *testing.T) {
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/missing/token")
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/somebody")
			t.Setenv("AWS_REGION", "us-east-1")
		}, "the web identity token /missing/token cannot be read", "AWS_WEB_IDENTITY_TOKEN_FILE"},
		{"token that has expired", func(t *testing.T) {
			write(t, "AWS_WEB_IDENTITY_TOKEN_FILE", "a token")
			endpoint, _ := service(t, 400, `<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code><Message>Token of somebody expired</Message></Error></ErrorResponse>`)
			t.Setenv("AWS_ENDPOINT_URL_STS", endpoint)
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/somebody")
			t.Setenv("AWS_REGION", "us-east-1")
		}, "AWS does not accept the web identity token: ExpiredTokenException", "has to be renewed"},
		{"container that refuses", func(t *testing.T) {
			endpoint, _ := service(t, 404, `{"code":"NotThere","message":"somebody is not there"}`)
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint)
		}, "the container's endpoint of credentials gives none", "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		{"container elsewhere", func(t *testing.T) {
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/secret")
		}, "the AWS configuration cannot be used", "AWS_"},
		{"process that fails", func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", "[default]\ncredential_process = exit 3\n")
		}, "the credential_process of the AWS profile failed", "by hand"},
		{"second factor", func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", "[default]\nrole_arn = arn:aws:iam::123456789012:role/somebody\nmfa_serial = 1\nsource_profile = keys\n[profile keys]\n"+keys)
		}, "wants a code of a second factor", "mfa_serial"},
		{"role without a source", func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", "[default]\nrole_arn = arn:aws:iam::123456789012:role/somebody\nsource_profile = missing\n")
		}, "no credentials for S3: the AWS profile", "source_profile"},
		{"role that refuses", func(t *testing.T) {
			write(t, "AWS_CONFIG_FILE", "[default]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/somebody\nsource_profile = keys\n[profile keys]\n"+keys)
			endpoint, _ := service(t, 403, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>somebody may not</Message></Error></ErrorResponse>`)
			t.Setenv("AWS_ENDPOINT_URL_STS", endpoint)
		}, "the role of the AWS profile cannot be assumed: AccessDenied", "source_profile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			environment(t)
			c.set(t)
			server := s3test.New(s3test.Options{}, testBucket)
			t.Cleanup(server.Close)
			for op, do := range operations {
				s := open(t, testConfig(server.URL()))
				if s.client.Load() != nil {
					t.Error("opening made a client")
				}
				err := do(t.Context(), s)
				if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), c.want) || !strings.Contains(hintOf(err), c.hint) {
					t.Errorf("%s: error %v, hint %q; want %s, %s", op, err, hintOf(err), c.want, c.hint)
				} else if text := err.Error() + hintOf(err); strings.Contains(text, "somebody") || strings.Contains(text, "secret") || strings.Contains(text, "\n") {
					t.Errorf("%s: %q shows what it must not", op, text)
				}
			}
			if n := server.Requests(); len(n) > 0 {
				t.Errorf("requests without credentials: %v", n)
			}
		})
	}
}

// A region that nobody names is asked for at Amazon, and needless elsewhere.
func TestRegion(t *testing.T) {
	s3test.Environment(t)
	s := open(t, Config{Bucket: testBucket})
	for op, do := range operations {
		if err := do(t.Context(), s); !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "the region of bucket s3://"+testBucket+" is not known") || !strings.Contains(hintOf(err), "--s3-region") {
			t.Errorf("%s: error %v", op, err)
		}
	}
	server := s3test.New(s3test.Options{Region: "eu-west-3"}, testBucket)
	t.Cleanup(server.Close)
	err := open(t, testConfig(server.URL())).Check(t.Context())
	if !errors.Is(err, sinks.ErrUnreachable) || hintOf(err) != "give --s3-region eu-west-3" {
		t.Errorf("check in the wrong region: error %v, hint %q", err, hintOf(err))
	}
	cfg := testConfig(server.URL())
	cfg.Region = "eu-west-3"
	if err := open(t, cfg).Check(t.Context()); err != nil {
		t.Errorf("check in the right region: %v", err)
	}
	t.Setenv("AWS_REGION", "eu-west-3")
	if err := open(t, testConfig(server.URL())).Check(t.Context()); err != nil {
		t.Errorf("check in the region of the environment: %v", err)
	}
}

// A machine without a metadata service, as a laptop is one, finds out within seconds.
func TestMetadataServiceIsNotWaitedFor(t *testing.T) {
	environment(t, "AWS_EC2_METADATA_DISABLED=", "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1")
	server := s3test.New(s3test.Options{}, testBucket)
	t.Cleanup(server.Close)
	start := time.Now()
	err := open(t, testConfig(server.URL())).Check(t.Context())
	if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "this machine has no AWS credentials") {
		t.Errorf("check: error %v", err)
	}
	if took := time.Since(start); took > credentialsTimeout {
		t.Errorf("it took %s", took)
	}
}

package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enrow-export/sinks"
	"enrow-export/sinks/network"
	"enrow-export/sinks/s3/s3test"
)

// operations are all that can be done to a store.
var operations = map[string]func(context.Context, *Store) error{
	"put": func(ctx context.Context, s *Store) error {
		_, err := s.Put(ctx, "a", []byte("x"), sinks.IfAbsent())
		return err
	},
	"get": func(ctx context.Context, s *Store) error {
		_, _, err := s.Get(ctx, "a")
		return err
	},
	"stat": func(ctx context.Context, s *Store) error {
		_, err := s.Stat(ctx, "a")
		return err
	},
	"delete": func(ctx context.Context, s *Store) error {
		return s.Delete(ctx, "a", sinks.IfVersion(`"1"`))
	},
	"list": func(ctx context.Context, s *Store) (err error) {
		for _, err = range s.List(ctx, "") {
		}
		return err
	},
	"check": func(ctx context.Context, s *Store) error { return s.Check(ctx) },
}

// serve makes handler a store, and returns the configuration for it.
func serve(t *testing.T, handler http.Handler) Config {
	t.Helper()
	s3test.Environment(t)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return testConfig(server.URL)
}

const account = "arn:aws:iam::123456789012:user/somebody at http://example.com"

// answer is a service that answers all requests alike, and a HEAD without a body.
func answer(code int, reason, message string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s %s</Message></Error>", reason, account, message)
	})
}

// What the service refuses for good reads the same whatever was being done, says in one
// line what is wrong and what to do, and repeats nothing of what names people or keys.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name        string
		service     http.Handler
		unreachable bool
		want, hint  string
	}{
		{"no such bucket", answer(404, "NoSuchBucket", ""), true, "bucket s3://" + testBucket + " does not exist", "aws s3 mb s3://" + testBucket + " --endpoint-url http"},
		{"unknown key", answer(403, "InvalidAccessKeyId", ""), true, "the access key is not known to S3", "AWS_ACCESS_KEY_ID"},
		{"unknown key by 404", answer(404, "InvalidAccessKeyId", ""), true, "the access key is not known to S3", "AWS_ACCESS_KEY_ID"},
		{"unknown key by another name", answer(404, "XAdminUserNotFound", ""), true, "the access key is not known to S3", "AWS_ACCESS_KEY_ID"},
		{"wrong secret", answer(403, "SignatureDoesNotMatch", ""), true, "secret key does not belong to the access key", "AWS_SECRET_ACCESS_KEY"},
		{"expired", answer(400, "ExpiredToken", ""), true, "the credentials for S3 have expired", "aws sso login"},
		{"expired otherwise", answer(400, "TokenRefreshRequired", ""), true, "the credentials for S3 have expired", "aws sso login"},
		{"bad token", answer(400, "InvalidToken", ""), true, "does not accept the session token", "AWS_SESSION_TOKEN"},
		{"clock", answer(403, "RequestTimeTooSkewed", ""), true, "the clock of this machine differs", "set the clock"},
		{"other region", answer(301, "PermanentRedirect", "", "X-Amz-Bucket-Region", "eu-west-3"), true, "bucket s3://" + testBucket + " is in the region eu-west-3", "give --s3-region eu-west-3"},
		{"other region in words", answer(400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-3'"), true, "is in the region eu-west-3", "give --s3-region eu-west-3"},
		{"other region unsaid", answer(301, "PermanentRedirect", "", "X-Amz-Bucket-Region", "no region at all"), true, "is in another region, or at another endpoint", "--s3-region"},
		{"no permission by name", answer(403, "AccessDenied", "is not authorized to perform: s3:RenameThing on it"), true, "lack the permission s3:RenameThing on s3://" + testBucket, "s3:PutObject"},
		{"no permission for the key", answer(403, "AccessDenied", "is not authorized to perform: kms:GenerateDataKey on it"), true, "lack the permission kms:GenerateDataKey", "kms:Decrypt"},
		{"no key", answer(400, "KMS.NotFoundException", ""), true, "the KMS key cannot be used: KMS.NotFoundException", "--s3-kms-key"},
		{"object lock", answer(403, "AccessDenied", "because object protected by object lock"), false, "the object is locked or retained", "without object lock"},
		{"locked", answer(400, "ObjectLocked", ""), false, "the object is locked or retained", "without object lock"},
		{"not signed in", answer(401, "Unauthorized", ""), true, "the credentials are not accepted by S3", "AWS_PROFILE"},
		{"forbidden", answer(403, "NotSignedUp", ""), true, "refused by S3: NotSignedUp", ""},
		{"bad request", answer(400, "InvalidArgument", ""), false, "S3 returned 400 InvalidArgument", ""},
		{"odd code", answer(400, "somebody &lt;b&gt;", ""), false, "S3 returned 400", ""},
		{"proxy", answer(407, "", ""), true, "the proxy wants a user and password", "HTTPS_PROXY"},
		{"down", answer(503, "ServiceUnavailable", ""), false, "S3 returned 503", "run again later"},
		{"busy", answer(503, "SlowDown", ""), false, "S3 returned 503", "run again later"},
		{"throttled", answer(400, "ThrottlingException", ""), false, "S3 returned 400", "run again later"},
		{"too many", answer(429, "TooManyRequests", ""), false, "S3 returned 429", "run again later"},
		{"web page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>\n"+account, http.StatusBadGateway)
		}), false, "S3 returned 502", "run again later"},
		{"no HTTP", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/1.1 somebody "+account+"\r\n\r\n")
				conn.Close()
			}
		}), false, "the response is not one of HTTP", "run again later"},
		{"not found page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>\n"+account, http.StatusNotFound)
		}), true, "S3 returned 404", "check --s3-endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := serve(t, c.service)
			cfg.Tries = 2
			for op, do := range operations {
				err := do(t.Context(), open(t, cfg))
				if _, lost := sinks.Conflict(err); err == nil || errors.Is(err, sinks.ErrUnreachable) != c.unreachable || errors.Is(err, sinks.ErrNotExist) || lost {
					t.Errorf("%s: error %v; want one with ErrUnreachable: %v", op, err, c.unreachable)
					continue
				}
				text := err.Error()
				if !strings.Contains(text, c.want) || strings.Contains(text, "somebody") || strings.Contains(text, "http:") || strings.Contains(text, "\n") || strings.Contains(text, s3test.AccessKey) {
					t.Errorf("%s: %q, want %q and nothing of people or URLs", op, text, c.want)
				}
				if hint := hintOf(err); !strings.Contains(hint, c.hint) {
					t.Errorf("%s: hint %q, want %q", op, hint, c.hint)
				}
			}
		})
	}
}

// A server that returns 200 to every request is not taken for an empty bucket.
func TestAnotherServer(t *testing.T) {
	for what, body := range map[string]string{"page": "<html><p>" + account + "</p></html>", "nothing": "", "XML": "<Other/>"} {
		cfg := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		cfg.Tries = 1
		for op, do := range operations {
			err := do(t.Context(), open(t, cfg))
			if err == nil || strings.Contains(err.Error(), "somebody") {
				t.Errorf("%s, %s: error %v", what, op, err)
			}
			if op != "delete" && (!errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(hintOf(err), "--s3-endpoint")) {
				t.Errorf("%s, %s: error %v, hint %q", what, op, err, hintOf(err))
			}
		}
	}
}

// hintOf returns what an error says to do.
func hintOf(err error) string {
	var advice interface{ Advice() string }
	if errors.As(err, &advice) {
		return advice.Advice()
	}
	var fault *network.Fault
	if errors.As(err, &fault) {
		return fault.Hint
	}
	return ""
}

// A permission that is missing is named, and by Check all at once.
func TestPermissions(t *testing.T) {
	for _, c := range []struct {
		denied []string
		want   map[string][]string // by operation, none where it succeeds
	}{
		{[]string{getPermission}, map[string][]string{
			"get": {getPermission, listPermission}, "stat": {getPermission, listPermission}, "delete": {getPermission, listPermission}, "check": {getPermission},
		}},
		{[]string{listPermission}, map[string][]string{
			// S3 hides that an object is missing.
			"get": {getPermission, listPermission}, "stat": {getPermission, listPermission}, "delete": {getPermission, listPermission},
			"list": {listPermission}, "check": {listPermission},
		}},
		{[]string{putPermission}, map[string][]string{"put": {putPermission}, "check": {putPermission}}},
		{[]string{deletePermission}, map[string][]string{"check": {deletePermission}}},
		{[]string{putPermission, getPermission, deletePermission}, map[string][]string{
			"put": {putPermission}, "get": {getPermission, listPermission}, "stat": {getPermission, listPermission}, "delete": {getPermission, listPermission},
			"check": {deletePermission, getPermission, putPermission},
		}},
	} {
		for op, do := range operations {
			server := newServer(t, s3test.Options{})
			server.Deny(c.denied...)
			err := do(t.Context(), open(t, testConfig(server.URL())))
			var missing *PermissionError
			if want := c.want[op]; errors.As(err, &missing) != (want != nil) {
				t.Errorf("%s without %q: error %v, want that %q is missing", op, c.denied, err, want)
			} else if want != nil && (fmt.Sprint(missing.Permissions) != fmt.Sprint(want) || !errors.Is(err, sinks.ErrUnreachable)) {
				t.Errorf("%s without %q: %v, want that %q is missing", op, c.denied, err, want)
			}
		}
	}
}

// A delete that is not allowed is told from a look that is not.
func TestDeletePermission(t *testing.T) {
	server := newServer(t, s3test.Options{})
	s := open(t, testConfig(server.URL()))
	info, err := s.Put(t.Context(), "a", nil, sinks.IfAbsent())
	if err != nil {
		t.Fatal(err)
	}
	server.Deny(deletePermission)
	err = s.Delete(t.Context(), "a", sinks.IfVersion(info.Version))
	var missing *PermissionError
	if !errors.As(err, &missing) || fmt.Sprint(missing.Permissions) != "["+deletePermission+"]" {
		t.Errorf("delete: error %v", err)
	}
}

func TestCheckChangesNothing(t *testing.T) {
	for name, options := range stores {
		server := newServer(t, options)
		cfg := testConfig(server.URL())
		cfg.Prefix = "directory"
		if err := open(t, cfg).Check(t.Context()); err != nil {
			t.Errorf("%s: check: %v", name, err)
		}
		if keys := server.Keys(testBucket); len(keys) > 0 {
			t.Errorf("%s: check left %q", name, keys)
		}
	}
}

// Missing objects of a bucket that is there are no missing bucket, and cost one look more
// for the first of them alone.
func TestMissingObjects(t *testing.T) {
	server := newServer(t, s3test.Options{})
	s := open(t, testConfig(server.URL()))
	for range 3 {
		if _, err := s.Stat(t.Context(), "a"); !errors.Is(err, sinks.ErrNotExist) {
			t.Errorf("stat: error %v", err)
		}
	}
	if n := server.Requests(); n[s3test.Head] != 3 || n[s3test.Get] != 1 {
		t.Errorf("requests: %v", n)
	}
}

func TestNobodyListens(t *testing.T) {
	s3test.Environment(t)
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	for op, do := range operations {
		err := do(t.Context(), open(t, testConfig(server.URL)))
		if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "no connection to S3: dial tcp ") || strings.Contains(err.Error(), "http:") {
			t.Errorf("%s: error %v", op, err)
		}
		var advised *sinks.AdvisedError
		if !errors.As(err, &advised) || !strings.Contains(advised.Hint, "--s3-endpoint") {
			t.Errorf("%s: no hint in %#v", op, err)
		}
	}
}

// Tries are bounded, looks after a failed put included.
func TestTriesAreBounded(t *testing.T) {
	for op, do := range operations {
		requests := 0
		down := answer(503, "ServiceUnavailable", "")
		cfg := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			down.ServeHTTP(w, r)
		}))
		cfg.Tries = 3
		if err := do(t.Context(), open(t, cfg)); err == nil {
			t.Errorf("%s: no error", op)
		}
		want := 3
		if op == "put" {
			want = 4 // a last look
		}
		if requests != want {
			t.Errorf("%s: %d requests, want %d", op, requests, want)
		}
	}
}

// A deadline ends an operation that gets no answer, and is told from a fault.
func TestDeadline(t *testing.T) {
	server := newServer(t, s3test.Options{})
	server.Inject(s3test.Fault{Action: s3test.Hang})
	for op, do := range operations {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := do(ctx, open(t, testConfig(server.URL()))); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sinks.ErrUnreachable) {
			t.Errorf("%s: error %v, want context.DeadlineExceeded", op, err)
		}
		cancel()
	}
}

// A service that lets requests wait is busy: the operation had more time.
func TestSlowServiceIsNoDeadline(t *testing.T) {
	server := newServer(t, s3test.Options{})
	server.Inject(s3test.Fault{Action: s3test.Hang})
	for op, do := range operations {
		cfg := testConfig(server.URL())
		cfg.Tries = 1
		s := open(t, cfg)
		s.responseTimeout = 20 * time.Millisecond
		err := do(t.Context(), s)
		if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not respond in time") || !strings.Contains(hintOf(err), "run again later") {
			t.Errorf("%s: error %v", op, err)
		}
	}
}

func TestClosed(t *testing.T) {
	server := newServer(t, s3test.Options{})
	s := open(t, testConfig(server.URL()))
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for op, do := range operations {
		if err := do(t.Context(), s); !errors.Is(err, errClosed) {
			t.Errorf("%s of a closed store: error %v", op, err)
		}
	}
}

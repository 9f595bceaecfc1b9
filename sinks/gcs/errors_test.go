package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enrow-export/sinks"
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
		return s.Delete(ctx, "a", sinks.IfVersion("1"))
	},
	"list": func(ctx context.Context, s *Store) (err error) {
		for _, err = range s.List(ctx, "") {
		}
		return err
	},
	"check": func(ctx context.Context, s *Store) error { return s.Check(ctx) },
}

// answer is a service that answers all requests alike.
func answer(code int, reason, message string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":{"code":%d,"message":%q,"errors":[{"reason":%q,"message":%q}]}}`, code, message, reason, message)
	})
}

// What the service refuses for good reads the same whatever was being done, says
// in one line what is wrong, and repeats nothing of what names people or URLs.
func TestRefusals(t *testing.T) {
	const account = "somebody@example.iam.gserviceaccount.com "
	for _, c := range []struct {
		name        string
		service     http.Handler
		unreachable bool
		want        string
	}{
		{"no such bucket", answer(404, "notFound", "The specified bucket does not exist."), true, "bucket gs://" + testBucket + " does not exist"},
		{"no credentials", answer(401, "required", account+"must log in"), true, "credentials are not accepted"},
		{"no permission", answer(403, "forbidden", account+"does not have storage.objects.rename access"), true, "lack the permission storage.objects.rename on gs://" + testBucket},
		{"no billing", answer(403, "accountDisabled", account+"has no money"), true, "refused by Cloud Storage: accountDisabled"},
		{"retention", answer(403, "retentionPolicyNotMet", account+"must wait"), false, "refused by Cloud Storage: retentionPolicyNotMet"},
		{"bad request", answer(400, "invalid", account+"is wrong"), false, "Cloud Storage returned 400 invalid"},
		{"web page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>\n"+account, http.StatusBadGateway)
		}), false, "Cloud Storage returned 502"},
		{"down", answer(503, "backendError", account+"try later"), false, "Cloud Storage returned 503 backendError"},
		{"busy", answer(429, "rateLimitExceeded", account+"slow down"), false, "Cloud Storage returned 429 rateLimitExceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			serve(t, c.service)
			for op, do := range operations {
				err := do(t.Context(), open(t, ""))
				var conflict *sinks.ConflictError
				if err == nil || errors.Is(err, sinks.ErrUnreachable) != c.unreachable || errors.Is(err, sinks.ErrNotExist) || errors.As(err, &conflict) {
					t.Errorf("%s: error %v; want one with ErrUnreachable: %v", op, err, c.unreachable)
					continue
				}
				text := err.Error()
				if !strings.Contains(text, c.want) || strings.Contains(text, "somebody") || strings.Contains(text, "http") || strings.Contains(text, "\n") {
					t.Errorf("%s: %q, want %q and nothing of people or URLs", op, text, c.want)
				}
			}
		})
	}
}

// What may be gone at another time says so.
func TestFailingServiceHasAdvice(t *testing.T) {
	for _, service := range []http.Handler{
		answer(403, "rateLimitExceeded", ""), answer(408, "", ""), answer(429, "rateLimitExceeded", ""), answer(500, "internalError", ""), answer(503, "backendError", ""),
	} {
		serve(t, service)
		for op, do := range operations {
			var failed *sinks.AdvisedError
			err := do(t.Context(), open(t, ""))
			if !errors.As(err, &failed) || errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(failed.Advice(), "run again later") {
				t.Errorf("%s: error %v, advice %+v", op, err, failed)
			}
		}
	}
}

// An upload that the service has forgotten is no bucket that is gone.
func TestForgottenUpload(t *testing.T) {
	serve(t, answer(404, "notFound", "No such upload"))
	if _, err := open(t, "").Put(t.Context(), "a", nil, sinks.IfAbsent()); err == nil || errors.Is(err, sinks.ErrUnreachable) || errors.Is(err, sinks.ErrNotExist) {
		t.Errorf("put: error %v", err)
	}
}

// The permission that is missing is named, and by Check all at once.
func TestPermissions(t *testing.T) {
	for _, c := range []struct {
		denied []string
		want   map[string][]string // by operation, none where it succeeds
	}{
		{[]string{getPermission}, map[string][]string{"get": {getPermission}, "stat": {getPermission}, "check": {getPermission}}},
		{[]string{listPermission}, map[string][]string{"list": {listPermission}, "check": {listPermission}}},
		{[]string{createPermission}, map[string][]string{"put": {createPermission}, "check": {createPermission}}},
		{[]string{deletePermission}, map[string][]string{"delete": {deletePermission}, "check": {deletePermission}}},
		{
			[]string{createPermission, deletePermission},
			map[string][]string{"put": {createPermission}, "delete": {deletePermission}, "check": {createPermission, deletePermission}},
		},
	} {
		for op, do := range operations {
			server := newServer(t)
			server.Deny(c.denied...)
			serve(t, server)
			err := do(t.Context(), open(t, ""))
			var missing *PermissionError
			if want := c.want[op]; errors.As(err, &missing) != (want != nil) {
				t.Errorf("%s without %q: error %v, want that %q is missing", op, c.denied, err, want)
			} else if want != nil && (fmt.Sprint(missing.Permissions) != fmt.Sprint(want) || !errors.Is(err, sinks.ErrUnreachable)) {
				t.Errorf("%s without %q: %v, want that %q is missing", op, c.denied, err, want)
			}
		}
	}
}

func TestCheckChangesNothing(t *testing.T) {
	serve(t, newServer(t))
	s := open(t, "folder")
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	for info, err := range s.List(t.Context(), "") {
		t.Errorf("check left %q, error %v", info.Name, err)
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	t.Setenv(emulatorEnv, server.URL)
	for op, do := range operations {
		err := do(t.Context(), open(t, ""))
		if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "no connection to Cloud Storage: dial tcp ") || strings.Contains(err.Error(), "http:") {
			t.Errorf("%s: error %v", op, err)
		}
	}
}

// Tries are bounded, for uploads too, which the library would go on with.
func TestTriesAreBounded(t *testing.T) {
	for op, do := range operations {
		requests := 0
		down := answer(503, "backendError", "")
		serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			down.ServeHTTP(w, r)
		}))
		s := open(t, "")
		s.cfg.Tries = 3
		if err := do(t.Context(), s); err == nil {
			t.Errorf("%s: no error", op)
		}
		if requests != 3 {
			t.Errorf("%s: %d requests, want 3", op, requests)
		}
	}
}

// A deadline ends an operation that gets no answer, and is told from a fault.
func TestDeadline(t *testing.T) {
	hanging := make(chan struct{})
	serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hanging }))
	defer close(hanging)
	for op, do := range operations {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if err := do(ctx, open(t, "")); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sinks.ErrUnreachable) {
			t.Errorf("%s: error %v, want context.DeadlineExceeded", op, err)
		}
		cancel()
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, prefix := range []string{"/", "a/", "/a", "..", "../a", "a/../b", "a//b", ".", `a\b`, "a\nb", "\xff"} {
		if _, err := Open(Config{Bucket: testBucket, Prefix: prefix}); err == nil {
			t.Errorf("prefix %q: no error", prefix)
		}
	}
	for _, bucket := range []string{"", "ab", "Bucket", "a b", "-ab", "ab-", "a/b", "bücket", strings.Repeat("a", 223)} {
		if _, err := Open(Config{Bucket: bucket}); err == nil {
			t.Errorf("bucket %q: no error", bucket)
		}
	}
	t.Setenv(emulatorEnv, "") // which would need no credentials
	dir := t.TempDir()
	for name, text := range map[string]string{
		"text": "secret", "list": `["secret"]`, "no type": `{"private_key":"secret"}`, "unknown type": `{"type":"secret"}`,
		"no key": `{"type":"service_account"}`, "bad key": `{"type":"service_account","private_key":"secret"}`,
		"bad PEM": `{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"}`,
	} {
		file := filepath.Join(dir, "credentials")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(Config{Bucket: testBucket, CredentialsFile: file})
		if !errors.Is(err, ErrCredentialsFile) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want ErrCredentialsFile", name, err)
		}
	}
	if _, err := Open(Config{Bucket: testBucket, CredentialsFile: filepath.Join(dir, "missing")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
}

// Opening asks for nothing: without credentials it is the first operation that
// fails, and each after it.
func TestNoCredentials(t *testing.T) {
	t.Setenv(emulatorEnv, "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "missing"))
	s := open(t, "")
	if s.client != nil {
		t.Error("opening made a client")
	}
	for op, do := range operations {
		if err := do(t.Context(), s); !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "no credentials for Cloud Storage") {
			t.Errorf("%s: error %v", op, err)
		}
	}
}

// A key that the token endpoint does not take is no use for any object.
func TestRefusedKey(t *testing.T) {
	asked := 0
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"account somebody@example.com not found"}`)
	}))
	defer tokens.Close()
	t.Setenv(emulatorEnv, "")
	s, err := Open(Config{Bucket: testBucket, CredentialsFile: serviceAccount(t, tokens.URL)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Stat(t.Context(), "a")
	if !errors.Is(err, sinks.ErrUnreachable) || !strings.Contains(err.Error(), "get no token") || strings.Contains(err.Error(), "somebody") || asked == 0 {
		t.Errorf("stat: error %v, after %d requests for a token", err, asked)
	}
}

func TestClosed(t *testing.T) {
	serve(t, newServer(t))
	s := open(t, "")
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for op, do := range operations {
		if err := do(t.Context(), s); err == nil {
			t.Errorf("%s of a closed store: no error", op)
		}
	}
}

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// A batch is asked for because of its notice, and a notice for what is done costs no request,
// however many there are.
func TestServeFloodOfNotices(t *testing.T) {
	ids := batchIDs(100)
	api, url := answersAPI(t, ids, 1)
	dir := t.TempDir()
	s := mustServe(t, dir, url)
	var clients sync.WaitGroup
	var acknowledged atomic.Int64
	for worker := range 8 {
		clients.Go(func() {
			for n := worker; n < 10_000; n += 8 {
				if s.notify(finished(ids[n%len(ids)])) == http.StatusOK {
					acknowledged.Add(1)
				}
			}
		})
	}
	clients.Wait()
	for _, id := range ids {
		s.mustLog(t, "batch exported", id)
	}
	if n := acknowledged.Load(); n != 10_000 {
		t.Errorf("%d notices were acknowledged", n)
	}
	if code := s.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if n := api.Requests(""); n != len(ids) {
		t.Errorf("%d requests for %d batches", n, len(ids))
	}
	if files := outFiles(t, dir); len(files) != len(ids) {
		t.Errorf("%d files", len(files))
	}
}

// While the root is not there, no notice is acknowledged, nothing is written where it was, and
// the service is not ready. When it is back, all is as before. A copy in its place is a root,
// too.
func TestServeRootDisappears(t *testing.T) {
	ids := batchIDs(3)
	_, url := answersAPI(t, ids, 1)
	dir := t.TempDir()
	s := mustServe(t, dir, url)
	if status := s.notify(finished(ids[0])); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	s.mustLog(t, "batch exported", ids[0])
	out, away := filepath.Join(dir, "out"), filepath.Join(dir, "away")
	if err := os.Rename(out, away); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/metrics", "/readyz"} { // readers find out, too
		s.get(t, path)
	}
	if err := os.Mkdir(out, 0o700); err != nil { // as the folder that a volume was mounted on
		t.Fatal(err)
	}
	for _, id := range ids[:2] { // also what was recorded there
		if status := s.notify(finished(id)); status != http.StatusServiceUnavailable && id == ids[1] {
			t.Errorf("status %d", status)
		}
	}
	untilReady(t, s, http.StatusServiceUnavailable, "out/_manifest is not there: is its volume mounted?")
	if status := s.notify(finished(ids[0])); status != http.StatusServiceUnavailable {
		t.Errorf("a notice that was acknowledged before has the status %d", status)
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) > 0 {
		t.Errorf("written where the root was: %v, error %v", entries, err)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(away, out); err != nil {
		t.Fatal(err)
	}
	untilReady(t, s, http.StatusOK, "OK")
	if status := s.notify(finished(ids[1])); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	s.mustLog(t, "batch exported", ids[1])
	if err := os.Rename(out, away); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(out, os.DirFS(away)); err != nil {
		t.Fatal(err)
	}
	if status := s.notify(finished(ids[2])); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	s.mustLog(t, "batch exported", ids[2])
	untilReady(t, s, http.StatusOK, "OK")
	s.end(t, syscall.SIGINT)
	if files := outFiles(t, dir); len(files) != 3 {
		t.Errorf("files %q", files)
	}
}

// untilReady asks for the readiness until it has that status.
func untilReady(t *testing.T, s *serving, want int, reason string) {
	t.Helper()
	for {
		status, body := s.get(t, "/readyz")
		if status == want {
			if !strings.Contains(body, reason) {
				t.Errorf("the reason is %q", body)
			}
			return
		}
	}
}

// A key that is not accepted any more makes the service not ready. The service leaves the API
// alone, also when batches are announced. With another key in its file, SIGHUP is enough.
func TestServeKeyExpires(t *testing.T) {
	ids := batchIDs(50)
	api, _ := answersAPI(t, ids, 1)
	var valid atomic.Value
	var refused atomic.Int64
	valid.Store(testKey)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("x-api-key") != valid.Load() {
			refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"message":"This apikey is not valid"}`)
			return
		}
		r.Header.Set("x-api-key", testKey)
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "key")
	write := func(key string) {
		t.Helper()
		if err := os.WriteFile(keyFile, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(testKey)
	s := mustServe(t, dir, server.URL, "--api-key-file", keyFile, "--concurrency", "1")
	untilReady(t, s, http.StatusOK, "OK")
	valid.Store("another-key")
	for _, id := range ids {
		if status := s.notify(finished(id)); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	untilReady(t, s, http.StatusServiceUnavailable, "is not valid")
	if n := refused.Load(); n != 2 { // for a batch, and for the account: it might have been of that kind alone
		t.Errorf("the API was asked %d times with a key that it refuses", n)
	}
	write("two\nlines")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if line := s.mustLog(t, "the settings stay as they were", ""); !strings.Contains(line.Error, "several lines") {
		t.Errorf("a key that cannot be: %s", line.text)
	}
	write("another-key")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		s.mustLog(t, "batch exported", id)
	}
	untilReady(t, s, http.StatusOK, "OK")
	s.end(t, syscall.SIGTERM)
}

// A file that does not end keeps nothing from the service: neither its work nor its end.
func TestServeReloadBlocks(t *testing.T) {
	ids := batchIDs(1)
	_, url := answersAPI(t, ids, 1)
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "key")
	if err := os.WriteFile(keyFile, []byte(testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustServe(t, dir, url, "--api-key-file", keyFile)
	hangup := func() {
		t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(keyFile, 0o600); err != nil {
		t.Fatal(err)
	}
	hangup()
	pipe, err := os.OpenFile(keyFile, os.O_WRONLY, 0) // when the service reads it
	if err != nil {
		t.Fatal(err)
	}
	hangup() // while the one before is under way
	if status := s.notify(finished(ids[0])); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	s.mustLog(t, "batch exported", ids[0])
	if code := s.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, s.log())
	}
	pipe.Close()
}

// SIGTERM lets the batch under way be finished, and that is no failure. What it cuts off is.
func TestServeStops(t *testing.T) {
	for name, test := range map[string]struct {
		grace string
		code  int
		files int
	}{"gently": {"1h", exitOK, 1}, "cut off": {"1ms", exitTerminated, 0}} {
		t.Run(name, func(t *testing.T) {
			h, dir := holdAPI(t), t.TempDir()
			s := mustServe(t, dir, h.url, "--grace", test.grace)
			if status := s.notify(finished(heldID)); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
			<-h.asked
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			s.mustLog(t, "stopping: batches under way are being finished; another signal stops at once", "")
			if test.files > 0 {
				h.release <- struct{}{}
			}
			s.await(func(logLine) bool { return false })
			_ = s.cmd.Wait()
			if code := s.cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d:\n%s", code, test.code, s.log())
			}
			if files := outFiles(t, dir); len(files) != test.files {
				t.Errorf("files %q", files)
			}
		})
	}
}

// Webhooks may come by TLS, and the certificate is read again with the rest.
func TestServeTLS(t *testing.T) {
	_, url := answersAPI(t, nil, 1)
	dir := t.TempDir()
	issue := func() *x509.CertPool {
		chain, key, pool := newCertificate(t)
		for name, data := range map[string][]byte{"chain.pem": chain, "key.pem": key} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return pool
	}
	first := issue()
	s := mustServe(t, dir, url, "--tls-cert", "chain.pem", "--tls-key", "key.pem")
	send := func(trusted *x509.CertPool) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, DisableKeepAlives: true}}
		resp, err := client.Post(s.hooks, "application/json", strings.NewReader(`{"event":"single_search_finished"}`))
		if err == nil {
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("status %d", resp.StatusCode)
			}
		}
		return err
	}
	if err := send(first); err != nil || !strings.HasPrefix(s.hooks, "https://") {
		t.Errorf("%s: %v", s.hooks, err)
	}
	second := issue()
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.mustLog(t, "the key, the secret and the certificate were read again", "")
	if err := send(second); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	s.end(t, syscall.SIGTERM)
}

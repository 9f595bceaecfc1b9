package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// hookSecret is the secret of the tests' webhooks. It must turn up nowhere.
const hookSecret = "Zx81kQ-test_secret_0123456789abcdef"

// serving is a service as a process of its own.
type serving struct {
	cmd          *exec.Cmd
	admin, hooks string // URLs

	mu     sync.Mutex
	more   *sync.Cond
	lines  []logLine
	closed bool
}

// logLine is a line of a log, in JSON.
type logLine struct {
	Msg     string `json:"msg"`
	Address string `json:"address"`
	Batch   string `json:"batch"`
	Error   string `json:"error"`
	text    string
}

// serveFlags let the system choose the ports, and the log tells them.
var serveFlags = []string{"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json", "--rate", "0"}

// startService starts a service, and returns when it serves, or with false when the process
// has ended before.
func startService(t *testing.T, cmd *exec.Cmd) (*serving, bool) {
	t.Helper()
	s := &serving{cmd: cmd}
	s.more = sync.NewCond(&s.mu)
	cmd.Env = append(cmd.Env, hookSecretVariable+"="+hookSecret)
	cmd.Stderr = nil
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.read(stderr)
	for _, of := range []struct {
		msg string
		url *string
	}{{"serving the page, metrics and health", &s.admin}, {"receiving webhooks", &s.hooks}} {
		line, ok := s.await(func(l logLine) bool { return l.Msg == of.msg })
		if !ok {
			return s, false
		}
		*of.url = strings.Replace(line.Address, "SECRET", hookSecret, 1)
	}
	return s, true
}

// mustServe is startService in dir, for an API of its own choice.
func mustServe(t *testing.T, dir, apiURL string, flags ...string) *serving {
	t.Helper()
	s, ok := startService(t, prepared(t, dir, apiURL, append(append([]string{"serve", "--to", "out"}, serveFlags...), flags...)...))
	if !ok {
		t.Fatalf("the service has ended: %s", s.log())
	}
	return s
}

func (s *serving) read(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		l := logLine{text: lines.Text()}
		_ = json.Unmarshal(lines.Bytes(), &l) // a line that is not JSON has its text
		s.mu.Lock()
		s.lines = append(s.lines, l)
		s.mu.Unlock()
		s.more.Broadcast()
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.more.Broadcast()
}

// await waits for a line of the log, and returns false when the process ends without one.
func (s *serving) await(is func(logLine) bool) (logLine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; ; i++ {
		for i == len(s.lines) && !s.closed {
			s.more.Wait()
		}
		if i == len(s.lines) {
			return logLine{}, false
		}
		if is(s.lines[i]) {
			return s.lines[i], true
		}
	}
}

// mustLog waits for a line of the log.
func (s *serving) mustLog(t *testing.T, msg string, batch string) logLine {
	t.Helper()
	line, ok := s.await(func(l logLine) bool { return l.Msg == msg && (batch == "" || l.Batch == batch) })
	if !ok {
		t.Fatalf("the service has ended without %q:\n%s", msg, s.log())
	}
	return line
}

// log returns all that was logged so far.
func (s *serving) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	for _, l := range s.lines {
		text.WriteString(l.text + "\n")
	}
	return text.String()
}

// notify sends a notice, and returns the status of the response, 0 without one.
func (s *serving) notify(body string) int {
	resp, err := http.Post(s.hooks, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// finished is the notice of a bulk search.
func finished(id string) string {
	return fmt.Sprintf(`{"event":"bulk_search_finished","id":%q,"credits":{"final":3}}`, id)
}

// get returns what is at a path of the admin address.
func (s *serving) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(s.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// end sends a signal, waits for the end of the process, and returns its exit code. The
// secret and the key are in no line of the log.
func (s *serving) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	s.await(func(logLine) bool { return false }) // until it has closed its log
	_ = s.cmd.Wait()
	if text := s.log(); strings.Contains(text, hookSecret) || strings.Contains(text, testKey) {
		t.Errorf("a secret is in the log:\n%s", text)
	}
	return s.cmd.ProcessState.ExitCode()
}

// outFiles returns the data files below out in dir.
func outFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "out", "email_find", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// newCertificate returns a certificate for this machine and its key, in PEM form, and a pool
// that trusts it alone.
func newCertificate(t *testing.T) (chain, key []byte, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(certificate)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), pool
}

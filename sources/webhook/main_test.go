package webhook

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "fjd93kWQ-_mv02jdU4xPzT"

// secrets parses one secret a line.
func secrets(t testing.TB, text string) []Secret {
	t.Helper()
	s, err := ParseSecrets([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scene is a Handler, and what it did.
type scene struct {
	*Handler
	log bytes.Buffer

	mu      sync.Mutex
	notices []string // that were to be recorded, KIND ID
	counts  []Result
}

// newScene returns a Handler whose notices record takes after the scene has noted them;
// nil takes all.
func newScene(t testing.TB, record func(context.Context) error) *scene {
	s := new(scene)
	accepted := secrets(t, testSecret)
	s.Handler = New(Config{
		Secrets: func() []Secret { return accepted },
		Record: func(ctx context.Context, n Notice) error {
			s.mu.Lock()
			s.notices = append(s.notices, n.Table.Kind+" "+n.BatchID)
			s.mu.Unlock()
			if record == nil {
				return nil
			}
			return record(ctx)
		},
		Count: func(r Result) {
			s.mu.Lock()
			s.counts = append(s.counts, r)
			s.mu.Unlock()
		},
		Log: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	return s
}

// send sends a request as a server would hand it over.
func (s *scene) send(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// post sends a body with the right secret, and returns the status.
func (s *scene) post(body string) int { return s.send(request(body)).StatusCode }

func request(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/hooks/"+testSecret, strings.NewReader(body))
}

// expect checks which notices were to be recorded, and how requests were counted.
func (s *scene) expect(t *testing.T, notices []string, counts ...Result) {
	t.Helper()
	if !slices.Equal(s.notices, notices) {
		t.Errorf("recorded %q, want %q", s.notices, notices)
	}
	if !slices.Equal(s.counts, counts) {
		t.Errorf("counted %q, want %q", s.counts, counts)
	}
}

// read returns the body of a response.
func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

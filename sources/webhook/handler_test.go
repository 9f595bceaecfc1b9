package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

func TestNotices(t *testing.T) {
	const id = `"id":"3d4cb64e-i64d-41e8-a686-736751004a32"`
	find := []string{"email-find 3d4cb64e-i64d-41e8-a686-736751004a32"}
	for _, test := range []struct {
		name, body string
		status     int
		result     Result
		recorded   []string
	}{
		{"search", `{"event":"bulk_search_finished",` + id + `,"credits":{"used":1.25}}`, 200, Recorded, find},
		{"verification", `{"event":"bulk_verification_finished","id":"a"}`, 200, Recorded, []string{"email-verify a"}},
		{"phone search", `{"event":"bulk_phone_search_finished","id":"a"}`, 200, Recorded, []string{"phone-find a"}},
		{"white space around, keys in any order, escapes", " {" + id + `,"event":"bulk\u005fsearch_finished"}` + "\n", 200, Recorded, find},
		{"more keys", `{"event":"bulk_search_finished","x":[{}],` + id + `}`, 200, Recorded, find},

		{"single search", `{"event":"single_search_finished","id":{}}`, 200, Single, nil},
		{"single verification", `{"event":"verification_finished"}`, 200, Single, nil},
		{"single phone search", `{"event":"single_phone_search_finished"}`, 200, Single, nil},
		{"unknown event", `{"event":"bulk_company_finished","id":7}`, 200, Unknown, nil},
		{"event in another case", `{"event":"Bulk_search_finished",` + id + `}`, 200, Unknown, nil},

		{"nothing", "", 400, Refused, nil},
		{"no JSON", "event=bulk_search_finished&id=a", 400, Refused, nil},
		{"null", "null", 400, Refused, nil},
		{"string", `"bulk_search_finished"`, 400, Refused, nil},
		{"array", `[{"event":"bulk_search_finished",` + id + `}]`, 400, Refused, nil},
		{"two objects", `{"event":"bulk_search_finished",` + id + `}{}`, 400, Refused, nil},
		{"half an object", `{"event":"bulk_search_finished",` + id, 400, Refused, nil},
		{"two ids", `{"event":"bulk_search_finished","id":"a","id":"b"}`, 400, Refused, nil},
		{"two events", `{"event":"bulk_search_finished",` + id + `,"event":"bulk_search_finished"}`, 400, Refused, nil},
		{"bad UTF-8 in the id", `{"event":"bulk_search_finished","id":"a` + "\xff" + `"}`, 400, Refused, nil},
		{"two keys of one name", `{"event":"bulk_search_finished",` + id + `,"name":"a","name":{"a":1,"a":2}}`, 200, Recorded, find},
		{"bad UTF-8 elsewhere", `{"event":"bulk_search_finished",` + id + ",\"x\":\"\xff\"}", 200, Recorded, find},
		{"half a surrogate elsewhere", `{"event":"bulk_search_finished",` + id + `,"name":"\ud83d"}`, 200, Recorded, find},
		{"byte order mark", "\uFEFF" + `{"event":"bulk_search_finished",` + id + `}`, 400, Refused, nil},
		{"UTF-16", "{\x00\"\x00", 400, Refused, nil},
		{"deep", `{"event":"bulk_search_finished",` + id + `,"x":` + strings.Repeat("[", 30_000), 400, Refused, nil},
		{"no event", "{" + id + "}", 400, Refused, nil},
		{"key in another case", `{"Event":"bulk_search_finished",` + id + `}`, 400, Refused, nil},
		{"empty event", `{"event":"",` + id + `}`, 400, Refused, nil},
		{"event that is null", `{"event":null,` + id + `}`, 400, Refused, nil},
		{"event that is a list", `{"event":["bulk_search_finished"],` + id + `}`, 400, Refused, nil},
		{"no id", `{"event":"bulk_search_finished"}`, 400, Refused, nil},
		{"empty id", `{"event":"bulk_search_finished","id":""}`, 400, Refused, nil},
		{"id that is null", `{"event":"bulk_search_finished","id":null}`, 400, Refused, nil},
		{"id that is a number", `{"event":"bulk_search_finished","id":12}`, 400, Refused, nil},
		{"id that is an object", `{"event":"bulk_search_finished","id":{"id":"a"}}`, 400, Refused, nil},
		{"placeholder", `{"event":"bulk_search_finished","id":"BATCH_ID"}`, 400, Refused, nil},
		{"path as id", `{"event":"bulk_search_finished","id":"../a"}`, 400, Refused, nil},
		{"line break in the id", `{"event":"bulk_search_finished","id":"a\n"}`, 400, Refused, nil},
		{"long id", `{"event":"bulk_search_finished","id":"` + strings.Repeat("a", 129) + `"}`, 400, Refused, nil},

		{"64 KiB", `{"event":"bulk_search_finished",` + id + "}" + strings.Repeat(" ", maxBody-len(id)-33), 200, Recorded, find},
		{"a byte more", `{"event":"bulk_search_finished",` + id + "}" + strings.Repeat(" ", maxBody-len(id)-32), 413, TooLarge, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t, nil)
			resp := s.send(request(test.body))
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
			// What is said is one short line, and nothing of the body.
			text := read(t, resp)
			if (text == "") != (test.status == 200) || strings.Count(text, "\n") > 1 || len(text) > 80 || strings.Contains(text, "bulk_") {
				t.Errorf("said %q", text)
			}
			s.expect(t, test.recorded, test.result)
		})
	}
}

// Without the secret there is nothing here, whatever is asked for; with it, other methods
// are told the right one.
func TestPaths(t *testing.T) {
	const right = "/hooks/" + testSecret
	for _, test := range []struct {
		method, path string
		status       int
		result       Result
	}{
		{"GET", right, 405, WrongVerb},
		{"HEAD", right, 405, WrongVerb},
		{"PUT", right, 405, WrongVerb},
		{"OPTIONS", right, 405, WrongVerb},
		{"POST", right + "?a=b", 200, Recorded},
		{"POST", "/", 404, NoSecret},
		{"POST", "/hooks", 404, NoSecret},
		{"POST", "/hooks/", 404, NoSecret},
		{"POST", right + "/", 404, NoSecret},
		{"POST", right + "x", 404, NoSecret},
		{"POST", right[:len(right)-1], 404, NoSecret},
		{"POST", strings.ToLower(right), 404, NoSecret},
		{"POST", "/" + right, 404, NoSecret},
		{"POST", "/x" + right, 404, NoSecret},
		{"POST", "/hooks/" + strings.Repeat("a", 100_000), 404, NoSecret},
		{"GET", "/hooks/x", 404, NoSecret},
		{"POST", "/metrics", 404, NoSecret},
	} {
		t.Run(test.method+" "+test.path[:min(len(test.path), 40)], func(t *testing.T) {
			s := newScene(t, nil)
			resp := s.send(httptest.NewRequest(test.method, test.path, strings.NewReader(`{"event":"bulk_search_finished","id":"a"}`)))
			if resp.StatusCode != test.status || read(t, resp) != "" {
				t.Errorf("status %d, want %d and no body", resp.StatusCode, test.status)
			}
			if (resp.Header.Get("Allow") == "POST") != (test.status == 405) || test.status == 404 && (len(resp.Header) != 1 || resp.Header.Get("Connection") != "close") {
				t.Errorf("headers %v", resp.Header)
			}
			var want []string
			if test.result == Recorded {
				want = []string{"email-find a"}
			}
			s.expect(t, want, test.result)
		})
	}
}

func TestRecordFailsThenSucceeds(t *testing.T) {
	outcomes := []error{errors.New("disk is full"), fmt.Errorf("%w: 10000 ids", ErrFull), nil}
	s := newScene(t, func(context.Context) error {
		err := outcomes[0]
		outcomes = outcomes[1:]
		return err
	})
	for _, want := range []int{503, 503, 200, 200} {
		resp := s.send(request(`{"event":"bulk_search_finished","id":"a"}`))
		if resp.StatusCode != want || (resp.Header.Get("Retry-After") != "") != (want == 503) || strings.Contains(read(t, resp), "full") {
			t.Errorf("status %d, want %d; headers %v", resp.StatusCode, want, resp.Header)
		}
	}
	s.expect(t, []string{"email-find a", "email-find a", "email-find a"}, Unrecorded, Full, Recorded, Repeated)
	if text := s.log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `msg="notice not recorded" kind=email-find batch=a error="disk is full"`) {
		t.Errorf("log:\n%s", text)
	}
}

// A notice is repeated only where the records still are: Look may find that they are gone, or
// that nobody can tell.
func TestLookComesFirst(t *testing.T) {
	s := newScene(t, nil)
	var lost error
	moved := false
	s.cfg.Look = func(context.Context) error {
		if moved {
			s.Forget()
		}
		return lost
	}
	const body = `{"event":"bulk_search_finished","id":"a"}`
	for _, step := range []struct {
		moved  bool
		lost   error
		status int
	}{{false, nil, 200}, {false, nil, 200}, {true, nil, 200}, {false, errors.New("no volume"), 503}, {false, nil, 200}} {
		moved, lost = step.moved, step.lost
		if got := s.post(body); got != step.status {
			t.Errorf("%+v: status %d", step, got)
		}
	}
	s.expect(t, []string{"email-find a", "email-find a"}, Recorded, Repeated, Recorded, Unrecorded, Repeated)
}

// A sender that goes away has delivered its notice: recording goes on, but not for ever.
func TestCancelledSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := newScene(t, func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := s.send(request(`{"event":"bulk_search_finished","id":"a"}`).WithContext(ctx)).StatusCode; got != 503 {
			t.Errorf("status %d", got)
		}
		if took := time.Since(begun); took != recordTimeout {
			t.Errorf("recording ended after %s", took)
		}
	})
}

// The body of a sender that goes away in the middle is no notice.
func TestBodyBreaksOff(t *testing.T) {
	s := newScene(t, nil)
	r := request("")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"event":"bulk_search_finished","id":"a"}`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if got := s.send(r).StatusCode; got != 400 {
		t.Errorf("status %d", got)
	}
	s.expect(t, nil, Refused)
}

// 10,000 notices of 100 ids, 100 at a time, cost one call of Record for each id.
func TestManyNoticesOfFewIDs(t *testing.T) {
	var calls atomic.Int64
	s := newScene(t, func(context.Context) error { calls.Add(1); return nil })
	var wg sync.WaitGroup
	for worker := range 100 {
		wg.Go(func() {
			for i := range 100 {
				body := fmt.Sprintf(`{"event":"bulk_search_finished","id":"b%d"}`, (worker+i)%100)
				if got := s.post(body); got != 200 {
					t.Errorf("status %d", got)
				}
			}
		})
	}
	wg.Wait()
	if calls.Load() != 100 {
		t.Errorf("Record was called %d times, want 100", calls.Load())
	}
	counted := map[Result]int{}
	for _, r := range s.counts {
		counted[r]++
	}
	if counted[Recorded] != 100 || counted[Repeated] != 9900 {
		t.Errorf("counted %v", counted)
	}
}

// Notices that come while their id is being recorded share the outcome; the same id of
// another kind is another batch.
func TestNoticesShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan error)
		s := newScene(t, func(context.Context) error { return <-release })
		var wg sync.WaitGroup
		statuses := make([]int, 4)
		for i, event := range []string{"bulk_search_finished", "bulk_search_finished", "bulk_search_finished", "bulk_verification_finished"} {
			wg.Go(func() { statuses[i] = s.post(`{"event":"` + event + `","id":"a"}`) })
		}
		synctest.Wait()
		s.mu.Lock()
		slices.Sort(s.notices)
		if !slices.Equal(s.notices, []string{"email-find a", "email-verify a"}) {
			t.Errorf("being recorded: %q", s.notices)
		}
		s.mu.Unlock()
		for range 2 {
			release <- errors.New("no")
		}
		wg.Wait()
		if !slices.Equal(statuses, []int{503, 503, 503, 503}) {
			t.Errorf("statuses %v", statuses)
		}
	})
}

func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, nil)
		post := func(calls int) {
			t.Helper()
			if got := s.post(`{"event":"bulk_search_finished","id":"a"}`); got != 200 || len(s.notices) != calls {
				t.Errorf("status %d, recorded %d times, want %d", got, len(s.notices), calls)
			}
		}
		post(1)
		time.Sleep(memoryTime - time.Nanosecond)
		post(1)
		time.Sleep(time.Nanosecond)
		post(2) // a minute after it was recorded, not after it was last announced
		s.Forget()
		post(3)
		post(3)
	})
}

// An id that was recorded before Forget was, is not remembered after it.
func TestForgetWhileRecording(t *testing.T) {
	var s *scene
	s = newScene(t, func(context.Context) error { s.Forget(); return nil })
	for range 2 {
		s.post(`{"event":"bulk_search_finished","id":"a"}`)
	}
	s.expect(t, []string{"email-find a", "email-find a"}, Recorded, Recorded)
}

// Memory is bounded, and the notices that are forgotten for that are the oldest.
func TestMemoryIsBounded(t *testing.T) {
	m := new(memory)
	now := time.Now()
	id := func(i int) Notice { return Notice{BatchID: fmt.Sprint(i)} }
	for i := range maxMemory + 5 {
		m.add(id(i), now)
	}
	if len(m.since) != maxMemory || len(m.order) != maxMemory || m.has(id(4), now) || !m.has(id(5), now) || !m.has(id(maxMemory+4), now) {
		t.Errorf("%d notices in mind", len(m.since))
	}
	m.add(id(0), now.Add(memoryTime))
	if len(m.since) != 1 || len(m.order) != 1 {
		t.Errorf("%d notices in mind after a minute", len(m.since))
	}
}

// Secrets are read anew for each request.
func TestSecretsChange(t *testing.T) {
	s := newScene(t, nil)
	other := strings.ToUpper(testSecret)
	for _, test := range []struct {
		secrets string
		status  int
	}{{other, 404}, {other + "\n" + testSecret, 200}, {testSecret, 200}, {"", 404}} {
		var now []Secret
		if test.secrets != "" {
			now = secrets(t, test.secrets)
		}
		s.cfg.Secrets = func() []Secret { return now }
		if got := s.post(`{"event":"bulk_search_finished","id":"a"}`); got != test.status {
			t.Errorf("status %d, want %d", got, test.status)
		}
	}
}

// The secret is in nothing that a server says or logs, even when Record panics.
func TestSecretStaysSecret(t *testing.T) {
	s := newScene(t, func(context.Context) error { panic("record") })
	var logged strings.Builder
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(&logged, "", 0)
	server.Start()
	url := server.URL + "/hooks/" + testSecret
	for _, body := range []string{`{"event":"bulk_search_finished","id":"a"}`, `{"event":"bulk_search_finished","id":"` + testSecret + `."}`, testSecret, strings.Repeat(testSecret, 4000)} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"?a;b", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			continue // Record panics: the connection is closed
		}
		if text := read(t, resp) + fmt.Sprint(resp.Header); strings.Contains(text, testSecret) {
			t.Errorf("response: %s", text)
		}
		resp.Body.Close()
	}
	server.Close()
	if text := logged.String() + s.log.String() + fmt.Sprintf("%+v", s.cfg.Secrets()); strings.Contains(text, testSecret) || !strings.Contains(text, "panic serving") || !strings.Contains(text, "notice refused") {
		t.Errorf("log:\n%s", text)
	}
}

// Any body is answered; it has a notice recorded, of a well-formed id, or none.
func FuzzNotice(f *testing.F) {
	for _, body := range []string{
		`{"event":"bulk_search_finished","id":"3d4cb64e-i64d-41e8-a686-736751004a32","credits":{"used":1}}`,
		`{"id":"a","event":"bulk_verification_finished"}`, `{"event":"bulk_phone_search_finished","id":"a\u0041"}`,
		`{"event":"verification_finished"}`, `{"event":1}`, `{"event":"bulk_search_finished","id":"../x"}`,
		`[]`, `null`, "", "{", `{"event":"x","event":"y"}`, "\xff", `{"event":"bulk_search_finished","id":[["a"]]}`,
	} {
		f.Add([]byte(body))
	}
	wellFormed := regexp.MustCompile(`^(email-find|email-verify|phone-find) [A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newScene(t, nil)
		status := s.post(string(body))
		if len(s.counts) != 1 || len(s.notices) > 1 {
			t.Fatalf("counted %q, recorded %q", s.counts, s.notices)
		}
		if recorded := len(s.notices) == 1; recorded != (s.counts[0] == Recorded) || recorded && (status != 200 || !wellFormed.MatchString(s.notices[0])) {
			t.Fatalf("status %d, counted %q, recorded %q", status, s.counts, s.notices)
		}
		if want := map[Result]int{Recorded: 200, Single: 200, Unknown: 200, Refused: 400, TooLarge: 413}[s.counts[0]]; status != want {
			t.Fatalf("status %d, counted %q", status, s.counts)
		}
	})
}

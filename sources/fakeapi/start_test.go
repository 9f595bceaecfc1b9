package fakeapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// post sends a body to an endpoint of api, with a key.
func post(api *fakeapi.Server, endpoint, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, endpoint, strings.NewReader(body))
	r.Header.Set("x-api-key", testKey)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

// get returns the answer of api about a batch.
func get(api *fakeapi.Server, endpoint, id string) string {
	r := httptest.NewRequest(http.MethodGet, endpoint+"?id="+id, nil)
	r.Header.Set("x-api-key", testKey)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Body.String()
}

// start starts a batch, and returns its id.
func start(t *testing.T, api *fakeapi.Server, endpoint, body string) string {
	t.Helper()
	w := post(api, endpoint, body)
	var said struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != 200 || !schema.ValidBatchID(said.ID) {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	return said.ID
}

// A started batch has as many results as the body has searches, and its custom.
func TestStart(t *testing.T) {
	for _, test := range []struct {
		body, custom string
		rows         int
	}{
		{`{}`, `null`, 1},
		{`{"custom":{"list":[1,2,3],"x":1.50},"searches":[{},{}]}`, `{"list":[1,2,3],"x":1.50}`, 2},
		{`{"custom":"q2","a":[1],"b":["x","y","z"],"c":{}}`, `"q2"`, 3},
	} {
		for _, table := range schema.Tables() {
			api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
			id := start(t, api, table.Endpoint, test.body)
			var answer struct {
				General struct {
					ID, Status string
					Custom     json.RawMessage
				}
				Stats   struct{ Requested int }
				Results []json.RawMessage
			}
			body := get(api, table.Endpoint, id)
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if answer.General.ID != id || answer.General.Status != "completed" || string(answer.General.Custom) != test.custom ||
				len(answer.Results) != test.rows || answer.Stats.Requested != test.rows {
				t.Errorf("%s: %s is answered with %s", table.Kind, test.body, body)
			}
			if other := start(t, api, table.Endpoint, test.body); other == id {
				t.Errorf("two batches have the id %s", id)
			}
		}
	}
}

func TestStartRefused(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	many := func(n int) string { return `{"searches":[1` + strings.Repeat(",1", n-1) + `]}` }
	for _, test := range []struct {
		endpoint, body string
		status         int
	}{
		{"/email/find/bulk", many(5000), 200},
		{"/email/find/bulk", many(5001), 400},
		{"/email/verify/bulk", many(5001), 400},
		{"/phone/bulk", many(3001), 400},
		{"/email/find/bulk", "", 400},
		{"/email/find/bulk", "null", 400},
		{"/email/find/bulk", "[1]", 400},
		{"/email/find/bulk", `{"custom":"` + "\xff" + `"}`, 400},
		{"/email/find", "{}", 404},
		{"/account/info", "{}", 405},
	} {
		if w := post(api, test.endpoint, test.body); w.Code != test.status || strings.Contains(w.Body.String(), `"id"`) != (test.status == 200) {
			t.Errorf("%s: answered %d %s, want %d", test.endpoint, w.Code, w.Body, test.status)
		}
	}
}

// receiver is a webhook that notes what it is told and answers with a status.
func receiver(t *testing.T, status int) (url string, told chan string) {
	told = make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		told <- fmt.Sprint(r.Method, " ", r.URL.Path, " ", string(body), err)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hooks/s3cret", told
}

// Each kind has its event, and credits as its stats have them.
func TestAnnounce(t *testing.T) {
	url, told := receiver(t, 200)
	api := fakeapi.New(fakeapi.Options{Webhook: url})
	defer api.Close()
	for kind, want := range map[string]string{
		"email-find":   `{"event":"bulk_search_finished","id":"b","credits":{"cost":{"initial":3,"refunded":0,"final":3}}}`,
		"email-verify": `{"event":"bulk_verification_finished","id":"b","credits":{"cost":0.75}}`,
		"phone-find":   `{"event":"bulk_phone_search_finished","id":"b","credits":{"cost":3}}`,
	} {
		api.Add(fakeapi.GenerateKind(kind, "b", 3, 5))
		if err := api.Announce(t.Context(), "b"); err != nil {
			t.Error(err)
		}
		if got := <-told; got != "POST /hooks/s3cret "+want+"<nil>" {
			t.Errorf("told %s, want %s", got, want)
		}
	}
}

// An announcement is made once, goes nowhere else, and an error does not have the secret.
func TestAnnounceFails(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	refuses, told := receiver(t, 503)
	redirects, redirected := receiver(t, 307)
	for _, test := range []struct{ url, id, want string }{
		{refuses, "b", "the webhook answered 503 Service Unavailable"},
		{redirects, "b", "the webhook answered 307 Temporary Redirect"},
		{gone.URL + "/hooks/s3cret", "b", "connection refused"},
		{"http://\x7f/hooks/s3cret", "b", "the URL of the webhook is not valid"},
		{"ftp://127.0.0.1/hooks/s3cret", "b", `unsupported protocol scheme "ftp"`},
		{"", "b", "there is no webhook"},
		{refuses, "unknown", "no such batch"},
	} {
		api := fakeapi.New(fakeapi.Options{})
		api.SetWebhook(test.url)
		api.Add(fakeapi.Generate("b", 1, 1))
		err := api.Announce(t.Context(), test.id)
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %v, want %s", test.url, err, test.want)
		}
		api.Close()
	}
	if len(told) != 1 || len(redirected) != 1 {
		t.Errorf("told %d times and %d times, want once each", len(told), len(redirected))
	}
}

// announced collects what a Server says of its announcements.
type announced chan string

func (a announced) note(id string, err error) { a <- fmt.Sprintf("%s %v", id, err) }

// A started batch is ongoing for its time, whoever asks meanwhile, and is announced then.
func TestFinishAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(announced, 10)
		api := fakeapi.New(fakeapi.Options{Webhook: "ftp://127.0.0.1", FinishAfter: time.Minute, OngoingPolls: 3, Announced: told.note})
		defer api.Close()
		id := start(t, api, "/phone/bulk", "{}")
		statuses := func() (ongoing []bool) {
			for range 2 {
				ongoing = append(ongoing, strings.Contains(get(api, "/phone/bulk", id), `"status":"ongoing"`))
			}
			return ongoing
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if got := statuses(); !slices.Equal(got, []bool{true, true}) || len(told) > 0 {
			t.Errorf("ongoing %v, announced %d times before it is finished", got, len(told))
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := <-told; got != id+` unsupported protocol scheme "ftp"` {
			t.Errorf("announced %s", got)
		}
		// A third poll says that the batch is ongoing, as Options.OngoingPolls has it.
		if got := statuses(); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("ongoing %v", got)
		}
	})
}

// Finish ends a batch at once, started or added, and it is announced once.
func TestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(announced, 10)
		api := fakeapi.New(fakeapi.Options{Webhook: "ftp://127.0.0.1", FinishAfter: time.Minute, Announced: told.note})
		defer api.Close()
		b := fakeapi.Generate("added", 1, 1)
		b.OngoingPolls = 1000
		api.Add(b)
		for _, id := range []string{start(t, api, "/email/find/bulk", "{}"), "added"} {
			if got := get(api, "/email/find/bulk", id); !strings.Contains(got, `"status":"ongoing"`) {
				t.Errorf("before: %s", got)
			}
			api.Finish(id)
			if got := get(api, "/email/find/bulk", id); !strings.Contains(got, `"status":"completed"`) {
				t.Errorf("after: %s", got)
			}
			if got := <-told; !strings.HasPrefix(got, id+" ") {
				t.Errorf("announced %s", got)
			}
		}
		api.Finish("unknown")
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(told) > 0 {
			t.Errorf("announced again: %s", <-told)
		}
	})
}

// Close cuts announcements under way and waits for them, and none begins after it.
func TestCloseWhileAnnouncing(t *testing.T) {
	asked := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer hook.Close()
	told := make(announced, 10)
	api := fakeapi.New(fakeapi.Options{Webhook: hook.URL, Announced: told.note})
	id := start(t, api, "/email/find/bulk", "{}")
	<-asked
	api.Close()
	if len(told) != 1 || <-told != id+" "+context.Canceled.Error() {
		t.Error("Close returned before the announcement did")
	}
	api.Finish(id)
	start(t, api, "/email/find/bulk", "{}")
	api.Close()
	if len(told) != 0 {
		t.Errorf("announced after Close: %s", <-told)
	}
}

// A batch whose time is not over when the Server closes never finishes.
func TestCloseBeforeFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(announced, 10)
		api := fakeapi.New(fakeapi.Options{Webhook: "ftp://127.0.0.1", FinishAfter: time.Minute, Announced: told.note})
		id := start(t, api, "/email/find/bulk", "{}")
		api.Close()
		time.Sleep(time.Hour)
		if got := get(api, "/email/find/bulk", id); !strings.Contains(got, `"status":"ongoing"`) || len(told) > 0 {
			t.Errorf("%d announcements; %s", len(told), got)
		}
	})
}

package sources

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"enrow-export/pipeline"
	"enrow-export/sources/fakeapi"
)

func TestAccount(t *testing.T) {
	before := time.Now().Truncate(time.Second)
	c := newClient(t, Config{BaseURL: serve(t, fakeapi.New(fakeapi.Options{Keys: []string{testKey}, Credits: 12.25}))})
	a, err := c.Account(t.Context())
	if err != nil || a.Credits != "12.25" || a.Webhooks != 0 || a.Date.Before(before) || a.Date.After(time.Now()) {
		t.Errorf("%+v, error %v", a, err)
	}
}

// The digits of the credits stay as they are, and there may be no webhooks.
func TestAccountsAsTheyCome(t *testing.T) {
	for _, test := range []struct {
		body, credits string
		webhooks      int
	}{
		{`{"credits":1000}`, "1000", -1},
		{`{"credits":0.25,"webhooks":null}`, "0.25", -1},
		{`{"webhooks":["https://a.test","https://b.test"],"credits":-3,"more":{}}`, "-3", 2},
		{`{"credits":"7.5","webhooks":{"a":1}}`, "7.5", -1},
		{`{"credits":12345678901234567890.75}`, "12345678901234567890.75", -1},
	} {
		c := newClient(t, Config{BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, test.body) }))})
		a, err := c.Account(t.Context())
		if err != nil || a.Credits != test.credits || a.Webhooks != test.webhooks {
			t.Errorf("%s: %+v, error %v", test.body, a, err)
		}
	}
}

func TestAccountRefused(t *testing.T) {
	const date = "Fri, 02 Jan 2026 03:04:05 GMT"
	for _, test := range []struct {
		status     int
		body       string
		want, hint string
	}{
		{401, `{"message":"This apikey is not valid"}`, "the API key from ENROW_API_KEY was refused: API returned 401 Unauthorized: This apikey is not valid", "check ENROW_API_KEY"},
		{402, `{"reason":"no","success":false}`, "API returned 402 Payment Required: no", "check the credits and the subscription of your Enrow account"},
		{404, `{"message":"Not Found"}`, "API returned 404 Not Found", "check --api-url, and any proxy on the way"},
		{503, "", "API returned 503 Service Unavailable", "Enrow or a proxy on the way has trouble, or --api-url is not the API's: try again later"},
		{200, "<html>", "response is not from the API: status 200, but no JSON object with credits", "Enrow or a proxy on the way has trouble, or --api-url is not the API's: try again later"},
		{200, `{"credits":null}`, "response is not from the API: status 200, but no JSON object with credits", "Enrow or a proxy on the way has trouble, or --api-url is not the API's: try again later"},
		{302, "", "API returned 302 Found, a redirect", "check --api-url: redirects are not followed, the API key would go along"},
	} {
		c := newClient(t, Config{KeyFrom: "ENROW_API_KEY", BaseURL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", date)
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.body)
		}))})
		a, err := c.Account(t.Context())
		var e *pipeline.Error
		if !errors.As(err, &e) || e.Error() != test.want || e.Hint != test.hint {
			t.Errorf("%d %s: error %v\nhint %s", test.status, test.body, err, pipeline.Hint(err))
		}
		if a.Date.Format(http.TimeFormat) != date {
			t.Errorf("%d: date %v", test.status, a.Date)
		}
	}
}

func TestAccountOfNobody(t *testing.T) {
	server := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	_, err := newClient(t, Config{BaseURL: server}).Account(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "no response from 127.0.0.1:") || pipeline.Hint(err) != "check --api-url and the network" {
		t.Errorf("error %v, hint %s", err, pipeline.Hint(err))
	}
	hangs := fakeHang(t)
	_, err = newClient(t, Config{BaseURL: hangs, RequestTimeout: time.Millisecond}).Account(t.Context())
	if err == nil || !strings.Contains(err.Error(), "within 1ms") && !strings.Contains(err.Error(), "no response") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	cancel(why)
	if _, err := newClient(t, Config{BaseURL: hangs}).Account(ctx); !errors.Is(err, why) {
		t.Errorf("cancelled: error %v", err)
	}
}

// fakeHang returns the URL of a server that answers when its client has gone.
func fakeHang(t *testing.T) string {
	return serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
}

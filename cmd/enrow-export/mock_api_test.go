package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"enrow-export/sources/fakeapi"
)

// mock-api says where it is, serves what it says, and ends on a signal.
func TestMockAPI(t *testing.T) {
	for _, test := range signals {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			p := start(t, dir, "", "mock-api", "--addr", "127.0.0.1:0", "--generate", "1", "--rows", "7",
				"--key", testKey, "--ongoing", "1", "--script", fakeapi.Sample().ID+"=503;retry-after=0")
			lines := bufio.NewScanner(p.stdout)
			var told []string
			for len(told) < 3 && lines.Scan() {
				told = append(told, lines.Text())
			}
			url, ok := strings.CutPrefix(strings.Join(told[:1], ""), "ENROW_API_URL=")
			if !ok || len(told) != 3 || told[1] != fakeapi.Sample().ID {
				t.Fatalf("mock-api begins with %q", told)
			}

			stdout, stderr, code := start(t, dir, url, "export", "--wait", "--poll-interval", "1ms", "--to", "out", told[1], told[2]).end(t, nil)
			if code != exitOK || !strings.Contains(stdout, "\n2 batches: 2 exported (10 rows, ") {
				t.Errorf("export ends with %d:\n%s", code, stdout)
			}
			if !strings.Contains(stderr, "API returned 503") {
				t.Errorf("the script was not played:\n%s", stderr)
			}
			if _, _, code := p.end(t, test.signal); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
		})
	}
}

// mock-api announces the batches that it serves, and batches that are started, and does not tell the
// webhook's secret, even when the webhook refuses.
func TestMockAPIAnnounces(t *testing.T) {
	told := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var notice struct{ Event, ID string }
		if err := json.NewDecoder(r.Body).Decode(&notice); err != nil || r.URL.Path != "/hooks/s3cret" {
			t.Errorf("%s: %v", r.URL, err)
		}
		if notice.ID != fakeapi.Sample().ID {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		told <- notice.Event + " " + notice.ID
	}))
	defer hook.Close()
	p := start(t, t.TempDir(), "", "mock-api", "--addr", "127.0.0.1:0", "--announce", "--webhook", hook.URL+"/hooks/s3cret", "--finish-after", "1ms")
	if got := <-told; got != "bulk_search_finished "+fakeapi.Sample().ID {
		t.Errorf("told %s", got)
	}
	address, err := bufio.NewReader(p.stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	api := strings.TrimSpace(strings.TrimPrefix(address, "ENROW_API_URL="))
	r, err := http.NewRequest(http.MethodPost, api+"/phone/bulk", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-api-key", testKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var started struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&started); err != nil || <-told != "bulk_phone_search_finished "+started.ID {
		t.Errorf("started %+v, error %v", started, err)
	}
	// The lines come after the responses to the notices.
	lines, seen := bufio.NewScanner(p.stderr), ""
	for (!strings.Contains(seen, "\nannounced "+fakeapi.Sample().ID+"\n") ||
		!strings.Contains(seen, "\nnot announced "+started.ID+": the webhook answered 503 Service Unavailable\n")) && lines.Scan() {
		seen += lines.Text() + "\n"
	}
	_, rest, code := p.end(t, os.Interrupt)
	if code != 130 || strings.Contains(seen+rest, "s3cret") {
		t.Errorf("exit code %d, stderr:\n%s", code, seen+rest)
	}
}

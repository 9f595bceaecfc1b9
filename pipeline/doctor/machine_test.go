package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// What is said of the API: of the key, the credits and the clock.
func TestAPI(t *testing.T) {
	refused := &pipeline.Error{Class: pipeline.Fatal, Err: errors.New("the API key was refused: API returned 401 Unauthorized"), Hint: "check ENROW_API_KEY"}
	account := func(credits string, off time.Duration) fakeAPI {
		return fakeAPI{account: pipeline.Account{Credits: credits, Webhooks: -1, Date: now.Add(off)}}
	}
	signed := bucket(sinks.NewMemory())
	for _, test := range []struct {
		name       string
		cfg        Config
		key, clock Status
		found      string // by one of them
	}{
		{"good", Config{API: goodAPI}, OK, OK, "the key is accepted, and the account has 1250.75 credits and 1 webhook"},
		{"no key", Config{}, NotChecked, NotChecked, "no key was given"},
		{"bad file", Config{KeyErr: errors.New("no API key: FILE is empty")}, Failed, NotChecked, "FILE is empty"},
		{"refused", Config{API: fakeAPI{pipeline.Account{Date: now}, refused}}, Failed, OK, "401 Unauthorized"},
		{"no credits", Config{API: account("0.00", 0)}, Warning, OK, "the account has 0.00 credits"},
		{"debt", Config{API: account("-1", 0)}, Warning, OK, "the account has -1 credits"},
		{"strange credits", Config{API: account("many", 0)}, OK, OK, "the account has many credits"},
		{"no date", Config{API: fakeAPI{account: pipeline.Account{Credits: "1"}}}, OK, NotChecked, "the API did not tell its time"},
		{"a second", Config{API: account("1", time.Second)}, OK, OK, "the clock of this machine agrees with Enrow's"},
		{"half a minute", Config{API: account("1", 30*time.Second)}, OK, OK, "the clock of this machine is 30s behind Enrow's"},
		{"two minutes", Config{API: account("1", -2*time.Minute), Roots: signed}, OK, Warning, "the clock of this machine is 2m0s ahead of Enrow's"},
		{"six minutes", Config{API: account("1", 6*time.Minute), Roots: signed}, OK, Failed, "the clock of this machine is 6m0s behind Enrow's: requests that are signed with a time are refused"},
		{"six minutes, directory", Config{API: account("1", 6*time.Minute)}, OK, Warning, "6m0s behind Enrow's"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Now, test.cfg.APIURL = func() time.Time { return now }, "https://api.enrow.io"
			got := make(map[string]Check)
			if err := Run(t.Context(), test.cfg, func(c Check) {
				if c.Root == "" {
					got[c.Name] = c
				}
			}); err != nil {
				t.Fatal(err)
			}
			key, clock := got["api-key"], got["api-clock"]
			if key.Status != test.key || clock.Status != test.clock {
				t.Errorf("key %+v\nclock %+v", key, clock)
			}
			if !strings.Contains(key.Found, test.found) && !strings.Contains(clock.Found, test.found) {
				t.Errorf("key %q, clock %q, want %q", key.Found, clock.Found, test.found)
			}
			for _, c := range []Check{key, clock} {
				if c.Status == Warning && c.Hint == "" {
					t.Errorf("%s has no hint", c.Name)
				}
			}
		})
	}
}

// Settings of the environment that a client would ignore are failures, and no password in
// them is shown.
func TestNetworkSettings(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:100%secret@proxy")
	got := findings(t, Config{API: goodAPI, Roots: bucket(sinks.NewMemory())})
	if n := strings.Count(got, "HTTPS_PROXY is not the URL of a proxy: it would be ignored"); n != 2 || strings.Contains(got, "secret") {
		t.Errorf("%d times in\n%s", n, got)
	}
	t.Setenv("HTTPS_PROXY", "http://user:secret@proxy:3128")
	got = findings(t, Config{API: goodAPI})
	if !strings.Contains(got, "https://api.enrow.io through the proxy proxy:3128, ") || strings.Contains(got, "secret") {
		t.Error(got)
	}
}

func TestTemporaryFiles(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	got := findings(t, Config{})
	if !strings.Contains(got, "failed       temporary-files") || !strings.Contains(got, "set TMPDIR to a directory that can be written") {
		t.Error(got)
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	got = findings(t, Config{Spool: 1 << 62})
	if !strings.Contains(got, "warning      temporary-files  TMPDIR can be written, and has only N GiB free") {
		t.Error(got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v are left, error %v", left, err)
	}
}

func TestOpenFiles(t *testing.T) {
	for limit, want := range map[uint64]string{
		30:      "failed: this process may have 30 open files, and a run needs 60",
		60:      "ok: this process may have 60 open files: enough for --concurrency 4",
		1024:    "ok: this process may have 1,024 open files: enough for --concurrency 325",
		1 << 63: "ok: this process may have 1,073,741,824 open files: enough for --concurrency 1024",
	} {
		var got string
		r := reporter{found: func(c Check) { got = string(c.Status) + ": " + c.Found }}
		r.openFiles("open-files", limit)
		if got != want {
			t.Errorf("%d: %s, want %s", limit, got, want)
		}
	}
}

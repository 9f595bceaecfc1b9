package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"enrow-export/sources/fakeapi"
)

// process is the program as a process of its own, with its output so far.
type process struct {
	cmd        *exec.Cmd
	stdout     io.Reader
	stderr     io.Reader
	stdoutPipe io.Closer // what stdout reads
}

// start runs the program in dir with an API of its own choice.
func start(t *testing.T, dir, apiURL string, args ...string) *process {
	t.Helper()
	return startReading(t, nil, dir, apiURL, args...)
}

// startReading is start with a standard input.
func startReading(t *testing.T, stdin io.Reader, dir, apiURL string, args ...string) *process {
	t.Helper()
	cmd := prepared(t, dir, apiURL, args...)
	cmd.Stdin = stdin
	return launch(t, cmd)
}

// prepared is the program, not started yet, in dir with an API of its own choice.
func prepared(t *testing.T, dir, apiURL string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = append([]string{programName}, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ENROW_API_URL="+apiURL, "ENROW_API_KEY="+testKey, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// launch starts a process.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout, p.stdoutPipe = stdout, stdout
	if p.stderr, err = cmd.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// end sends a signal, unless it is nil, and returns the rest of the output and
// the exit code.
func (p *process) end(t *testing.T, signal os.Signal) (stdout, stderr string, code int) {
	t.Helper()
	if signal != nil {
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	var both sync.WaitGroup
	both.Go(func() { _, _ = out.ReadFrom(p.stdout) })
	both.Go(func() { _, _ = errs.ReadFrom(p.stderr) })
	both.Wait()
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), p.cmd.ProcessState.ExitCode()
}

var signals = []struct {
	name   string
	signal syscall.Signal
	code   int
}{
	{"interrupt", syscall.SIGINT, 130},
	{"terminated", syscall.SIGTERM, 143},
	{"hangup", syscall.SIGHUP, 129},
}

// held is an API that does not answer for one batch until it is told to.
type held struct {
	api     *fakeapi.Server
	url     string
	asked   chan struct{} // a value for each request
	release chan struct{} // an answer for each value, or for all when closed
}

const heldID = "slow"

func holdAPI(t *testing.T) *held {
	h := &held{api: fakeapi.New(fakeapi.Options{Keys: []string{testKey}}), asked: make(chan struct{}, 9), release: make(chan struct{})}
	h.api.Add(fakeapi.Sample())
	h.api.Add(fakeapi.Generate(heldID, 4, 1))
	h.api.Add(fakeapi.Generate("next", 5, 1))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("id") == heldID {
			h.asked <- struct{}{}
			select {
			case <-h.release:
			case <-r.Context().Done():
				return
			}
		}
		h.api.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.Close(); h.api.Close() })
	h.url = server.URL
	return h
}

// start starts an export of three batches, one at a time, and returns when the
// first is exported and the second under way.
func (h *held) start(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	p := start(t, dir, h.url, append(append([]string{"export", "--concurrency", "1", "--to", "out"}, flags...), fakeapi.Sample().ID, heldID, "next")...)
	<-h.asked
	stdout := bufio.NewReader(p.stdout)
	first, err := stdout.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = io.MultiReader(strings.NewReader(first), stdout)
	return p
}

// The first signal lets the batch under way be finished, and begins no other.
// The same call later does the rest.
func TestSignalFinishesBatchesUnderWay(t *testing.T) {
	for _, test := range signals {
		t.Run(test.name, func(t *testing.T) {
			h, dir := holdAPI(t), t.TempDir()
			p := h.start(t, dir)
			if err := p.cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			stderr := bufio.NewReader(p.stderr)
			line, err := stderr.ReadString('\n')
			if err != nil || !strings.Contains(line, "stopping: batches under way are being finished") || !strings.Contains(line, "within=20s") {
				t.Errorf("log line %q, error %v", line, err)
			}
			close(h.release)
			p.stderr = stderr
			stdout, rest, code := p.end(t, nil)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout, "\n3 batches: 1 not tried, 2 exported (7 rows, ") {
				t.Errorf("the summary is not true:\n%s", stdout)
			}
			if want := "enrow-export: stopped by signal: " + test.name + "\n"; rest != want {
				t.Errorf("stderr goes on with %q, want %q", rest, want)
			}
			if got := dataFiles(t, dir); len(got) != 2 {
				t.Errorf("files %q, want two", got)
			}
			stdout, _, code = start(t, dir, h.url, "export", "--to", "out", fakeapi.Sample().ID, heldID, "next").end(t, nil)
			if code != exitOK || !strings.Contains(stdout, "\n3 batches: 1 exported (5 rows, ") {
				t.Errorf("the second run ends with %d:\n%s", code, stdout)
			}
			if n := h.api.Requests(heldID); n != 1 {
				t.Errorf("%d requests for the batch that was finished, want 1", n)
			}
		})
	}
}

// What is under way is cut off by the second signal, by the end of the grace,
// and by the first signal when there is no grace. What was done is done and told.
func TestSignalCutsOff(t *testing.T) {
	for _, test := range signals {
		for how, flags := range map[string][]string{
			"second signal": nil, "grace is over": {"--grace", "1ms"}, "no grace": {"--grace", "0s"},
		} {
			t.Run(test.name+"/"+how, func(t *testing.T) {
				h, dir := holdAPI(t), t.TempDir()
				p := h.start(t, dir, append(flags, "--log-level", "error")...)
				if how == "second signal" {
					// Two of one kind that come at once are one.
					other := syscall.SIGINT
					if test.signal == other {
						other = syscall.SIGTERM
					}
					if err := p.cmd.Process.Signal(test.signal); err != nil {
						t.Fatal(err)
					}
					p.cmd.Process.Signal(other)
				} else {
					p.cmd.Process.Signal(test.signal)
				}
				stdout, stderr, code := p.end(t, nil)
				if how == "second signal" {
					if code != test.code && code != exitInterrupt && code != exitTerminated { // whichever the system hands over first
						t.Errorf("exit code %d", code)
					}
				} else if want := "enrow-export: stopped by signal: " + test.name + "\n"; code != test.code || stderr != want {
					t.Errorf("exit code %d, stderr %q, want %d, %q", code, stderr, test.code, want)
				}
				if !strings.Contains(stdout, "\n3 batches: 1 not finished, 1 not tried, 1 exported (3 rows, ") {
					t.Errorf("the summary is not true:\n%s", stdout)
				}
				if got := dataFiles(t, dir); len(got) != 1 {
					t.Errorf("files %q, want that of the batch that was exported alone", got)
				}
			})
		}
	}
}

// A batch that only waits for its turn to ask is not under way: a signal ends that
// wait, long before the grace or the turn comes.
func TestSignalWhileWaitingForTurn(t *testing.T) {
	for _, test := range signals {
		t.Run(test.name, func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{})
			defer api.Close()
			api.Add(fakeapi.Generate("a", 4, 1))
			api.Add(fakeapi.Generate("b", 4, 1))
			server := httptest.NewServer(api)
			defer server.Close()
			dir := t.TempDir()
			p := start(t, dir, server.URL, "export", "--rate", "0.1", "--grace", "1h", "--to", "out", "a", "b")
			stdout := bufio.NewReader(p.stdout)
			if _, err := stdout.ReadString('\n'); err != nil { // one of them is exported
				t.Fatal(err)
			}
			p.stdout = stdout
			rest, _, code := p.end(t, test.signal)
			if code != test.code || !strings.HasPrefix(rest, "2 batches: 1 not tried, 1 exported (4 rows, ") {
				t.Errorf("exit code %d, want %d:\n%s", code, test.code, rest)
			}
			if n := api.Requests(""); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
			told, _, _ := start(t, dir, server.URL, "status", "--to", "out").end(t, nil)
			if !strings.Contains(told, "\n1 batch: 1 exported ") {
				t.Errorf("the manifest knows of others:\n%s", told)
			}
		})
	}
}

// A signal ends the wait for an ongoing batch, too.
func TestSignalWhileWaiting(t *testing.T) {
	for _, test := range signals {
		t.Run(test.name, func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{})
			slow := fakeapi.Generate("slow", 4, 1)
			slow.OngoingPolls = 1
			api.Add(slow)
			server := httptest.NewServer(api)
			defer server.Close()
			p := start(t, t.TempDir(), server.URL, "export", "--wait", "--poll-interval", "1h", "--to", "out", "slow")
			line, err := bufio.NewReader(p.stderr).ReadString('\n')
			if err != nil || !strings.Contains(line, "waiting for ongoing batches") {
				t.Fatalf("log line %q, error %v", line, err)
			}
			stdout, _, code := p.end(t, test.signal)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout, "\n1 batch: 1 still ongoing, ") {
				t.Errorf("the summary is not true:\n%s", stdout)
			}
		})
	}
}

// A signal ends the wait for a list or a key that does not come, and nothing has
// begun by then.
func TestSignalWhileReading(t *testing.T) {
	calls := []string{
		"export --to out --grace 1h --ids-file -",
		"export --to out --grace 1h --ids-file pipe --ids-file unopened",
		"export --to out --api-key-file pipe x",
		"enqueue --to out --ids-file pipe",
		"status --to . --ids-file pipe",
	}
	for _, test := range signals {
		for _, call := range calls {
			t.Run(test.name+"/"+call, func(t *testing.T) {
				dir := t.TempDir()
				for _, name := range []string{"pipe", "unopened"} {
					if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				stdin, list, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				p := startReading(t, stdin, dir, "", strings.Fields(call)...)
				stdin.Close()
				if strings.HasSuffix(call, " -") {
					// More than a pipe holds: some of it is read by now.
					_, err = io.WriteString(list, strings.Repeat("an-id\n", 100_000))
				} else {
					list.Close()
					list, err = os.OpenFile(filepath.Join(dir, "pipe"), os.O_WRONLY, 0) // when it is opened there
				}
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(call, "unopened") {
					list.Close()
				}
				stdout, stderr, code := p.end(t, test.signal)
				list.Close()
				if want := "enrow-export: stopped by signal: " + test.name + "\n"; code != test.code || stdout != "" || stderr != want {
					t.Errorf("exit code %d, stdout %q, stderr %q, want %d, %q", code, stdout, stderr, test.code, want)
				}
				if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
					t.Error("something was written")
				}
			})
		}
	}
}

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

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Output that cannot be written is a failure of the run, for every command.
func TestOutputCannotBeWritten(t *testing.T) {
	api := fakeapi.New(fakeapi.Options{})
	api.Add(fakeapi.Sample())
	server := httptest.NewServer(api)
	defer server.Close()
	t.Setenv("ENROW_API_URL", server.URL)
	t.Setenv("ENROW_API_KEY", testKey)
	to := filepath.Join(t.TempDir(), "out")
	for _, args := range [][]string{
		{"export", "--to", to, fakeapi.Sample().ID},
		{"export", "--to", to, "--dry-run", fakeapi.Sample().ID},
		{"status", "--to", to},
		{"verify", "--to", to, "--output", "json"},
		{"files", "--to", to},
		{"load-sql", "--to", to, "--dialect", "duckdb"},
		{"compact", "--to", to, "--into", to + "-packed"},
		{"schema"},
		{"demo", "--to", to + "-demo"},
		{"--help"},
		{"--version"},
	} {
		var stderr bytes.Buffer
		code := run(context.Background(), append([]string{programName}, args...), strings.NewReader(""), fullDisk{}, &stderr)
		if want := "enrow-export: write output: no space left on device\n"; code != exitStopped || stderr.String() != want {
			t.Errorf("%q: exit code %d, stderr %q", args, code, stderr.String())
		}
	}
}

// dataFiles returns all files below dir/out, those of the manifest aside.
func dataFiles(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	root := filepath.Join(dir, "out")
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "_manifest" {
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

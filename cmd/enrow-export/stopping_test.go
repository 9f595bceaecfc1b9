package main

import (
	"bufio"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"enrow-export/sources/fakeapi"
)

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
					t.Errorf("files %q, want the file of the exported batch and no other", got)
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

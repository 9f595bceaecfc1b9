package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"enrow-export/pipeline/runs"
	"enrow-export/sources/fakeapi"
)

// A run whose output nobody reads any more does its work, says nothing of it, and
// ends as the work does; the report tells.
func TestExportIsNotReadToItsEnd(t *testing.T) {
	h, dir := holdAPI(t), t.TempDir()
	p := h.start(t, dir, "--report", "report.jsonl")
	closeStdout(t, p)
	close(h.release)
	_, stderr, code := p.end(t, nil)
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if got := dataFiles(t, dir); len(got) != 3 {
		t.Errorf("files %q, want three", got)
	}
	var line runs.Line
	report, err := os.ReadFile(filepath.Join(dir, "report.jsonl"))
	if err == nil {
		err = json.Unmarshal(report, &line)
	}
	if err != nil || line.ExitCode != exitOK || line.Exported != 3 {
		t.Errorf("report %s, error %v", report, err)
	}
}

// closeStdout closes the reading end of the pipe that a process writes its result to.
func closeStdout(t *testing.T, p *process) {
	t.Helper()
	if err := p.stdoutPipe.Close(); err != nil {
		t.Fatal(err)
	}
	p.stdout = new(bytes.Buffer)
}

// What only prints ends at once, as other programs do; what does something does it.
func TestNobodyReads(t *testing.T) {
	h, dir := holdAPI(t), t.TempDir()
	close(h.release)
	for _, test := range []struct {
		args string
		code int
	}{
		{"export --to out --concurrency 1 next no-such " + heldID, exitFailed},
		{"export --to out --dry-run next", exitOK},
		{"enqueue --to out more", exitOK},
		{"verify --to out", exitOK},
		{"compact --to out --into packed", exitOK},
		{"batches --to out --out all.csv --format csv", exitOK},
		{"demo --to demo", exitOK},
		{"files --to out", exitUnread},
		{"files --to out --output json", exitUnread},
		{"status --to out", exitUnread},
		{"status --to out --output json", exitUnread},
		{"load-sql --to out --dialect duckdb " + heldID, exitUnread},
		{"batches --to out --out - --format csv", exitUnread},
		{"batches --to out --out -", exitUnread},
		{"schema", exitUnread},
		{"schema --dialect json", exitUnread},
	} {
		t.Run(test.args, func(t *testing.T) {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			read.Close()
			cmd := prepared(t, dir, h.url, strings.Fields(test.args)...)
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = write, &stderr
			err = cmd.Run()
			write.Close()
			if code := cmd.ProcessState.ExitCode(); code != test.code || stderr.Len() > 0 {
				t.Errorf("exit code %d, want %d, stderr %q, error %v", code, test.code, stderr.String(), err)
			}
		})
	}
	if got := dataFiles(t, dir); len(got) != 2 {
		t.Errorf("files %q, want two", got)
	}
}

// What was ignored when the program was started, by nohup or a shell without job
// control, stays ignored.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	for _, test := range signals {
		if test.code == exitTerminated {
			continue // the runtime does not tell
		}
		t.Run(test.name, func(t *testing.T) {
			h, dir := holdAPI(t), t.TempDir()
			cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap '' HUP INT; exec enrow-export "$@"`, "sh",
				"export", "--concurrency", "1", "--to", "out", fakeapi.Sample().ID, heldID, "next")
			like := prepared(t, dir, h.url)
			cmd.Dir, cmd.Env = like.Dir, like.Env
			p := launch(t, cmd)
			<-h.asked
			if err := p.cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			close(h.release)
			stdout, stderr, code := p.end(t, nil)
			if code != exitOK || stderr != "" || !strings.Contains(stdout, "\n3 batches: 3 exported ") {
				t.Errorf("exit code %d, stderr %q:\n%s", code, stderr, stdout)
			}
		})
	}
}

// The end of --max-runtime ends the wait for a batch, and is no alarm.
func TestMaxRuntimeEndsWaiting(t *testing.T) {
	h, dir := holdAPI(t), t.TempDir()
	slow := fakeapi.Generate("ongoing", 4, 1)
	slow.OngoingPolls = 1
	h.api.Add(slow)
	stdout, stderr, code := start(t, dir, h.url, "export", "--wait", "--poll-interval", "1h", "--max-runtime", "1s",
		"--report", "report.jsonl", "--to", "out", "ongoing").end(t, nil)
	if code != exitOngoing || !strings.Contains(stdout, "\n--max-runtime is over: run again for the rest\n") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
	if !strings.Contains(stderr, "; a signal stops at once") {
		t.Errorf("stderr %q", stderr)
	}
	report, err := os.ReadFile(filepath.Join(dir, "report.jsonl"))
	if err != nil || !strings.Contains(string(report), `"exit_code":75,`) || !strings.Contains(string(report), `"max_runtime_over":true`) {
		t.Errorf("report %s, error %v", report, err)
	}
}

// What is still under way when the grace is over, too, is cut off, and left undone.
func TestMaxRuntimeCutsOff(t *testing.T) {
	h, dir := holdAPI(t), t.TempDir()
	stdout, stderr, code := start(t, dir, h.url, "export", "--quiet", "--output", "json", "--max-runtime", "1s", "--grace", "1ms", "--report", "report.jsonl",
		"--to", "out", "--concurrency", "1", heldID, "next").end(t, nil)
	if code != exitOngoing || stdout != "" || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	report, err := os.ReadFile(filepath.Join(dir, "report.jsonl"))
	if err != nil || !strings.Contains(string(report), `"failed":0,"not_tried":2,"max_runtime_over":true,`) {
		t.Errorf("report %s, error %v", report, err)
	}
}

// The end of --max-runtime is told also when it comes while the pending batches are
// looked for: nobody knows then whether there are any.
func TestMaxRuntimeEndsListing(t *testing.T) {
	bucket := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer bucket.Close()
	dir := t.TempDir()
	cmd := prepared(t, dir, bucket.URL, "export", "--pending", "--max-runtime", "500ms", "--report", "report.jsonl", "--to", "gs://bucket/x")
	cmd.Env = append(cmd.Env, "STORAGE_EMULATOR_HOST="+bucket.URL)
	stdout, stderr, code := launch(t, cmd).end(t, nil)
	if code != exitOngoing || stderr != "" || !strings.HasPrefix(stdout, "0 batches: the list was not read to the end, in ") || !strings.Contains(stdout, "\n--max-runtime is over: run again for the rest\n") {
		t.Errorf("exit code %d, stderr %q:\n%s", code, stderr, stdout)
	}
	report, err := os.ReadFile(filepath.Join(dir, "report.jsonl"))
	if err != nil || !strings.Contains(string(report), `"exit_code":75,`) || !strings.Contains(string(report), `"max_runtime_over":true`) {
		t.Errorf("report %s, error %v", report, err)
	}
}

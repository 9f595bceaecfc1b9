package main

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"

	"enrow-export/sources/fakeapi"
)

// onTerminal runs the program on a terminal of 110 columns. It returns the
// terminal's other end; wait returns the rest of what was written and the exit
// code.
func onTerminal(t *testing.T, apiURL string, args ...string) (output *bufio.Reader, wait func() (string, int)) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = append([]string{programName}, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "ENROW_API_URL="+apiURL, "ENROW_API_KEY="+testKey, "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 110})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	output = bufio.NewReader(tty)
	return output, func() (string, int) {
		var rest strings.Builder
		_, _ = output.WriteTo(&rest) // ends with an error when nobody writes any more
		_ = cmd.Wait()
		return rest.String(), cmd.ProcessState.ExitCode()
	}
}

// A person at a terminal sees a bar while the run goes on, whole lines above it,
// and no trace of it in the end.
func TestTerminal(t *testing.T) {
	h := holdAPI(t)
	output, wait := onTerminal(t, h.url, "export", "--concurrency", "2", "--to", "out", fakeapi.Sample().ID, heldID, "next", "no-such-batch")
	<-h.asked
	var seen strings.Builder
	for !strings.Contains(seen.String(), "2/4 done, 1 failed") || !strings.HasSuffix(seen.String(), eraseLine) {
		b, err := output.ReadByte()
		if err != nil {
			t.Fatalf("%v, after %q", err, seen.String())
		}
		seen.WriteByte(b)
	}
	lines := shown(seen.String())
	if bar := lines[len(lines)-1]; !regexp.MustCompile(`^ +75% \|█+ *\| 2/4 done, 1 failed, .*rows/s, [0-9.]+ .?i?B$`).MatchString(bar) {
		t.Errorf("the bar is %q", bar)
	}
	close(h.release)
	rest, code := wait()
	text := strings.Join(shown(seen.String()+rest), "\n")
	if code != exitFailed || strings.Contains(text, "|") || strings.Contains(text, "%  ") {
		t.Errorf("exit code %d, left is\n%s", code, text)
	}
	for _, want := range []string{
		`(?m)^exported  ` + fakeapi.Sample().ID + `  3 rows, parquet .*iB$`,
		`(?m)^exported  slow  4 rows, parquet .*iB$`,
		`(?m)^exported  next  5 rows, parquet .*iB$`,
		`(?m)^failed    no-such-batch  fetch batch `,
		`(?m)^4 batches: 1 failed, 3 exported \(12 rows, .*\), in `,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
}

// Who wants quiet gets it on a terminal as well.
func TestQuietTerminal(t *testing.T) {
	h := holdAPI(t)
	close(h.release)
	_, wait := onTerminal(t, h.url, "export", "--quiet", "--to", "out", heldID, "next")
	if text, code := wait(); code != exitOK || text != "" {
		t.Errorf("exit code %d, output %q", code, text)
	}
}

package main

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"

	"enrow-export/sources/fakeapi"
)

// onTerminal runs the program on a terminal of 110 columns. It returns the
// terminal's other end; wait returns the rest of what was written and the exit
// code.
func onTerminal(t *testing.T, apiURL string, args ...string) (output *bufio.Reader, wait func() (string, int)) {
	t.Helper()
	return startOnTerminal(t, 110, prepared(t, t.TempDir(), apiURL, args...))
}

// startOnTerminal is onTerminal for a program whose streams may be set already: those that are not
// are the terminal.
func startOnTerminal(t *testing.T, columns uint16, cmd *exec.Cmd) (output *bufio.Reader, wait func() (string, int)) {
	t.Helper()
	cmd.Env = append(cmd.Env, "TERM=xterm")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
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

// manyAPI serves so many batches, the first with a warning, of which some fail, and returns
// all ids.
func manyAPI(t *testing.T, batches int, failing ...int) (url string, ids []string) {
	t.Helper()
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	for n := range batches {
		id := fakeapi.GenerateID(1, n)
		ids = append(ids, id)
		api.Add(fakeapi.Generate(id, 2, uint64(n)))
	}
	api.Add(fakeapi.Batch{ID: ids[0], Body: fmt.Appendf(nil, `{"general":{"id":%q,"status":"completed"},"stats":{},"results":[{"index":0},{"index":2}]}`, ids[0])})
	refused, err := fakeapi.ParseScript("400x9")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range failing {
		api.Script(ids[n], refused...)
	}
	server := httptest.NewServer(api)
	t.Cleanup(func() { server.Close(); api.Close() })
	return server.URL, ids
}

// exportMany is an export of many batches.
func exportMany(t *testing.T, url string, ids []string, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := prepared(t, t.TempDir(), url, append([]string{"export", "--to", "out", "--ids-file", "ids"}, flags...)...)
	if err := os.WriteFile(filepath.Join(cmd.Dir, "ids"), []byte(strings.Join(ids, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// Many batches do not scroll by: what a person has to see stays on the screen.
func TestManyBatchesOnTerminal(t *testing.T) {
	url, ids := manyAPI(t, 400, 7, 250, 333)
	cmd := exportMany(t, url, ids)
	_, wait := startOnTerminal(t, 80, cmd)
	raw, code := wait()
	lines := shown(raw)
	text := strings.Join(lines, "\n")
	if code != exitFailed || len(lines) > 24 {
		t.Errorf("exit code %d, %d lines:\n%s", code, len(lines), text)
	}
	if !regexp.MustCompile(`\d+% \|.* \d+/400 done`).MatchString(raw) {
		t.Errorf("there was no bar:\n%q", raw)
	}
	for _, want := range []string{
		`(?m)^failed    ` + ids[7] + `  fetch batch `,
		`(?m)^failed    ` + ids[250] + `  fetch batch `,
		`(?m)^failed    ` + ids[333] + `  fetch batch `,
		`(?m)^exported  ` + ids[0] + `  2 rows, .*\n          warning: `,
		`(?m)^failed batches:\n(  ` + ids[7] + `|  ` + ids[250] + `|  ` + ids[333] + `)  API returned 400`,
		`(?m)^400 batches: 3 failed, 397 exported \(794 rows, `,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "exported  "); n != 1 {
		t.Errorf("%d batches without fault have a line, want that with a warning:\n%s", n-1, text)
	}
	_, summary, _ := strings.Cut(text, "failed batches:")
	for line := range strings.Lines(summary) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("a line of the summary has %d columns: %s", n, line)
		}
	}

	// verify shows some lines, and how far it is.
	_, wait = startOnTerminal(t, 80, prepared(t, cmd.Dir, url, "verify", "--to", "out"))
	raw, code = wait()
	text = strings.Join(shown(raw), "\n")
	if n := strings.Count(text, "ok       "); code != exitOK || n != few || !strings.Contains(text, "\n400 batches: 3 not exported yet, 397 OK (397 files, 794 rows)\n377 lines not shown: --verbose prints one line for each batch\n") {
		t.Errorf("verify: exit code %d, %d lines:\n%s", code, n, text)
	}
	if err := os.WriteFile(filepath.Join(cmd.Dir, "out/email_find", ids[399]+".parquet"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, wait = startOnTerminal(t, 80, prepared(t, cmd.Dir, url, "verify", "--to", "out", "--verbose"))
	raw, code = wait()
	text = strings.Join(shown(raw), "\n")
	if n := strings.Count(text, "ok       "); code != exitFailed || n != 396 || !strings.Contains(text, "\ndiffers  "+ids[399]+"\n") {
		t.Errorf("verify --verbose: exit code %d, %d lines:\n%s", code, n, text)
	}

	// All is known: there is nothing but the failures to see.
	again := prepared(t, cmd.Dir, url, "export", "--to", "out", "--ids-file", "ids", "--dry-run")
	_, wait = startOnTerminal(t, 80, again)
	raw, code = wait()
	want := []string{"would export  ", "would export  ", "would export  ", "would export  ", "dry run, 400 batches: 4 to export, 396 already exported", "396 lines not shown: ", ""}
	if lines = shown(raw); code != exitOK || len(lines) != len(want) {
		t.Fatalf("exit code %d:\n%s", code, strings.Join(lines, "\n"))
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d is %q, want %q", i, line, want[i])
		}
	}
}

// Every batch has a line of its own where that is asked for, or where no person looks.
func TestManyBatchesHaveLines(t *testing.T) {
	url, ids := manyAPI(t, 60, 7)
	for _, test := range []struct {
		flags []string
		want  string
		named bool // the failures are in the summary again
	}{
		{[]string{"--verbose"}, "exported  ", true},
		{[]string{"--output", "json"}, `"outcome":"exported"`, false},
	} {
		_, wait := startOnTerminal(t, 80, exportMany(t, url, ids, test.flags...))
		raw, code := wait()
		text := strings.Join(shown(raw), "\n")
		if n := strings.Count(text, test.want); code != exitFailed || n != 59 || strings.Contains(text, "failed batches:") != test.named {
			t.Errorf("%q: exit code %d, %d lines:\n%s", test.flags, code, n, text)
		}
	}
	stdout, stderr, code := launch(t, exportMany(t, url, ids)).end(t, nil)
	if n := strings.Count(stdout, "exported  "); code != exitFailed || n != 59 || stderr != "" || !strings.Contains(stdout, "\nfailed batches:\n  "+ids[7]+"  API returned 400") {
		t.Errorf("without a terminal: exit code %d, %d lines, stderr %q:\n%s", code, n, stderr, stdout)
	}
}

// A few batches are as many lines, and those that failed are not named again right below.
func TestFewBatchesOnTerminal(t *testing.T) {
	url, ids := manyAPI(t, few, 7)
	_, wait := startOnTerminal(t, 80, exportMany(t, url, ids))
	raw, code := wait()
	text := strings.Join(shown(raw), "\n")
	if n := strings.Count(text, "exported  "); code != exitFailed || n != few-1 || strings.Contains(text, "failed batches:") {
		t.Errorf("exit code %d, %d lines:\n%s", code, n, text)
	}
}

// stdout decides which lines there are, and either stream can have the bar.
func TestOneStreamIsATerminal(t *testing.T) {
	url, ids := manyAPI(t, 60, 7)
	for _, toFile := range []string{"stdout", "stderr"} {
		cmd := exportMany(t, url, ids, "--concurrency", "1", "--rate", "150")
		file, err := os.Create(filepath.Join(cmd.Dir, toFile))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if toFile == "stdout" {
			cmd.Stdout = file
		} else {
			cmd.Stderr = file
		}
		_, wait := startOnTerminal(t, 80, cmd)
		raw, code := wait()
		kept, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		stdout, want := string(kept), 59
		if toFile == "stderr" {
			stdout, want = strings.Join(shown(raw), "\n"), 1
		}
		if n := strings.Count(stdout, "exported  "); code != exitFailed || n != want {
			t.Errorf("%s is a file: exit code %d, %d lines, want %d:\n%s", toFile, code, n, want, stdout)
		}
		if !strings.Contains(raw, "/60 done") || strings.Contains(string(kept), "/60 done") {
			t.Errorf("%s is a file: the terminal shows %q, the file %q", toFile, raw, kept)
		}
	}
}

// A terminal gets the table as text, and nothing that would garble it.
func TestBatchesOnTerminal(t *testing.T) {
	h := holdAPI(t)
	dir := t.TempDir()
	if _, stderr, code := start(t, dir, h.url, "export", "--to", "out", fakeapi.Sample().ID).end(t, nil); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"-", exitUsage, "enrow-export: --out -: the terminal cannot show parquet"},
		{"- --format csv --compression gzip", exitUsage, "enrow-export: --out -: the terminal cannot show csv.gz"},
		{"/dev/stdout", exitUsage, "enrow-export: --out /dev/stdout: the terminal cannot show parquet"},
		{"- --format csv", exitOK, "batch_id,kind,state,"},
		{"/dev/stdout --format csv", exitOK, "batch_id,kind,state,"},
	} {
		args := append([]string{"batches", "--to", "out", "--out"}, strings.Fields(test.args)...)
		_, wait := startOnTerminal(t, 80, prepared(t, dir, h.url, args...))
		if text, code := wait(); code != test.code || !strings.HasPrefix(text, test.want) {
			t.Errorf("%s: exit code %d:\n%s", test.args, code, text)
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

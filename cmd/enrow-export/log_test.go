package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"
)

// logLines returns the objects of a structured log, each with the keys of its format.
func logLines(format, text string) (lines []map[string]any, fault string) {
	level, message := "level", "msg"
	if format == logGCP {
		level, message = "severity", "message"
	}
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			return nil, "not an object: " + line
		}
		at, _ := object["time"].(string)
		_, err := time.Parse(time.RFC3339, at)
		if err != nil || object[level] == nil || object[message] == nil {
			return nil, "no time, level or message: " + line
		}
		lines = append(lines, object)
	}
	return lines, ""
}

// checkLogs is the command "logs FORMAT" of scripts: every line of stderr is an object, and
// there is one.
func checkLogs(ts *testscript.TestScript, _ bool, args []string) {
	if lines, fault := logLines(args[0], ts.ReadFile("stderr")); fault != "" || len(lines) == 0 {
		ts.Fatalf("%d lines, %s", len(lines), fault)
	}
}

// The format is known before the flags are parsed, and is the one that the parser finds.
func TestLogFormatOfArguments(t *testing.T) {
	for _, test := range []struct{ args, variable, want string }{
		{"export x", "", logText},
		{"export --log-format json x", "", logJSON},
		{"export -log-format=GCP", "", logGCP},
		{"export --log-format json --log-format text", "", logText},
		{"export --log-format xml", "json", logJSON},
		{"export --log-format", "", logText},
		{"export --nonsense --log-format json", "", logJSON},
		{"export -- --log-format json", "", logText},
		{"status", "gcp", logGCP},
		{"export --log-format text", "json", logText},
		{"", "nonsense", logText},
	} {
		t.Setenv("ENROW_EXPORT_LOG_FORMAT", test.variable)
		if got := logFormat(append([]string{programName}, strings.Fields(test.args)...)); got != test.want {
			t.Errorf("%q with variable %q: %s, want %s", test.args, test.variable, got, test.want)
		}
	}
}

// A duration has its unit, at any depth, and the levels have the names of the format.
func TestLogAttributes(t *testing.T) {
	for format, want := range map[string]string{
		logText: `level=WARN msg=m within=1.5s deep.level=2s level=7` + "\n",
		logJSON: `{"level":"WARN","msg":"m","within":"1.5s","deep":{"level":"2s"},"level":7}` + "\n",
		logGCP:  `{"severity":"WARNING","message":"m","within":"1.5s","deep":{"level":"2s"},"level":7}` + "\n",
	} {
		var b bytes.Buffer
		j := journal{&b, format}
		h := j.logger(slog.LevelInfo).Handler()
		r := slog.NewRecord(time.Time{}, slog.LevelWarn, "m", 0)
		r.Add("within", 1500*time.Millisecond, slog.Group("deep", "level", 2*time.Second), "level", 7)
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// Lines for a program have no bar between them, though they go to a terminal.
func TestStructuredLogsHaveNoBar(t *testing.T) {
	t.Setenv("TERM", "xterm")
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer tty.Close()
	for format, bar := range map[string]bool{logText: true, logJSON: false, logGCP: false} {
		p := &program{stdout: tty, stderr: tty, logFormat: format}
		u := p.newUI(cli.NewContext(cli.NewApp(), flag.NewFlagSet("", flag.ContinueOnError), nil))
		if (u.screen != nil) != bar {
			t.Errorf("%s: a bar can be drawn: %v", format, u.screen != nil)
		}
	}
}

// A run that a signal stops says so in one line of each kind.
func TestSignalInStructuredLogs(t *testing.T) {
	for _, format := range []string{logJSON, logGCP} {
		h := holdAPI(t)
		p := h.start(t, t.TempDir(), "--log-format", format)
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		stderr := bufio.NewReader(p.stderr)
		first, err := stderr.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		close(h.release)
		p.stderr = stderr
		_, rest, code := p.end(t, nil)
		lines, fault := logLines(format, first+rest)
		if fault != "" || len(lines) != 2 || lines[0]["within"] != "20s" || lines[1]["error"] != "stopped by signal: terminated" || lines[1]["exit_code"] != 143.0 || code != 143 {
			t.Errorf("%s: %s, exit code %d: %v", format, fault, code, lines)
		}
	}
}

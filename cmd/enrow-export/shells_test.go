//go:build shells

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// What a person types in a shell, each line with keys of tabulation in it, and what the
// completed command prints when it is called.
var typedLines = []struct{ typed, prints string }{
	{"enrow-export ex\t--help\r", "Fetch batches and write them as files."},
	{"enrow-export help load\t\r", "Print the SQL that loads the files into a warehouse."},
	{"enrow-export schema --ki\tphone\t\r", "phone_find"},
	{"enrow-export schema --kind=email-v\t\r", "email_verify"},
	{"enrow-export enqueue --to out --ids-file li\t\r", "1 queued"},
	{"enrow-export enqueue --to=out --ids-file=li\t\r", "1 known already"},
	{"enrow-export export --dry-run --to=out --compression=csv=g\t --compression parquet=zs\t\r", "csv is not among the formats"},
	{"enrow-export status --to a\t\r", "a place"},
	{"enrow-export completion fi\t\r", "in fish."},
	{"./enrow-export ex\t--help\r", "Fetch batches and write them as files."},
}

func TestShells(t *testing.T) {
	shells := map[string]struct {
		call []string
		load string
	}{
		"bash": {[]string{"bash", "--norc", "--noprofile", "-i"}, "source <(enrow-export completion bash)"},
		"zsh":  {[]string{"zsh", "-f", "-i"}, "autoload -U compinit && compinit -u -D && source <(enrow-export completion zsh)"},
		"fish": {[]string{"fish", "--no-config", "-i"}, "enrow-export completion fish | source"},
	}
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(exe, filepath.Join(dir, programName)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "list of ids.txt"), []byte("b1\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "a place"), 0o777); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a shell that waits for ever is shown
			defer cancel()
			cmd := exec.CommandContext(ctx, shell.call[0], shell.call[1:]...)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "TERM=xterm", "LANG=C.UTF-8", "GORACE=atexit_sleep_ms=0"}
			tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
			if err != nil {
				t.Fatal(err)
			}
			s := &shellScreen{t: t, tty: tty}
			s.call(shell.load+"; echo lo''aded\r", "loaded")
			for _, line := range typedLines {
				s.call(line.typed, line.prints)
				s.call("echo d''one\r", "done")
			}
			s.send("exit\r")
			_, _ = s.seen.ReadFrom(tty) // to its end, which is an error of a terminal
			tty.Close()
			_ = cmd.Wait()
		})
	}
}

// shellScreen is a shell on a terminal, and what it has shown since the last call.
type shellScreen struct {
	t    *testing.T
	tty  *os.File
	seen bytes.Buffer
}

func (s *shellScreen) send(keys string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// call types a line and reads until it has printed a text. The shell asks what the
// terminal can do, and waits for the answer.
func (s *shellScreen) call(line, prints string) {
	s.t.Helper()
	s.seen.Reset()
	s.send(line)
	b := make([]byte, 4096)
	for !strings.Contains(s.seen.String(), prints) {
		n, err := s.tty.Read(b)
		if err != nil {
			s.t.Fatalf("%q: %v, after %q", line, err, s.seen.String())
		}
		s.seen.Write(b[:n])
		if bytes.Contains(b[:n], []byte("\x1b[c")) || bytes.Contains(b[:n], []byte("\x1b[0c")) {
			s.send("\x1b[?62c")
		}
	}
}

// Each page of the manual is one that man shows without a warning, and tells the same as the
// help.
func TestManPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{programName, "man", "--out", dir}, nil, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
		t.Fatalf("exit code %d, %s", code, stderr.String())
	}
	commands := (&program{}).commands()
	pages := append(commandNames(commands), "")
	for _, name := range pages {
		page := filepath.Join(dir, strings.TrimSuffix(programName+"-"+name, "-")+".1")
		cmd := exec.CommandContext(t.Context(), "man", "--warnings", "--no-hyphenation", "--no-justification", "-l", page)
		cmd.Env = append(os.Environ(), "MANWIDTH=200", "LANG=C.UTF-8", "MANPAGER=cat", "MAN_KEEP_FORMATTING=")
		var shown, warned bytes.Buffer
		cmd.Stdout, cmd.Stderr = &shown, &warned
		if err := cmd.Run(); err != nil || warned.Len() > 0 {
			t.Errorf("%s: error %v, %s", page, err, warned.String())
		}
		d := commandNamed(commands, name)
		if d == nil {
			continue
		}
		for _, f := range d.flags() {
			if !strings.Contains(shown.String(), f.synopsis()) || !strings.Contains(shown.String(), f.env[0]) {
				t.Errorf("%s lacks %s, or its variable", page, f.synopsis())
			}
		}
		for _, e := range d.examples {
			for line := range strings.SplitSeq(e.call, "\n") {
				if !strings.Contains(shown.String(), strings.TrimSpace(line)) {
					t.Errorf("%s lacks the example %s", page, line)
				}
			}
		}
	}
	found, err := os.ReadDir(dir)
	if err != nil || len(found) != len(pages) {
		t.Errorf("%d pages, error %v, want %d", len(found), err, len(pages))
	}
}

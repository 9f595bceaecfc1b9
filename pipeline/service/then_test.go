package service_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"enrow-export/pipeline/runs"
	"enrow-export/pipeline/service"
)

// messages is what was logged.
type messages struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (m *messages) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.Write(b)
}

func (m *messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

func ran(exported int) runs.Line {
	return runs.Line{Type: runs.TypeLine, StartedAt: time.Now(), Summary: runs.Summary{Exported: exported}}
}

// The command gets the line of each run that exported something, and gets it again until it
// succeeds. A run that exported nothing is no reason to run it, but one to try again; only
// the first run is told in any case where that is owed.
func TestThen(t *testing.T) {
	dir := t.TempDir()
	fails := filepath.Join(dir, "fails")
	told := filepath.Join(dir, "told")
	var outcomes []error
	log := new(messages)
	then := &service.Then{
		Command: fmt.Sprintf(`cat >> '%s'; echo "=" >> '%[1]s'; echo loaded; ! test -e '%s'`, told, fails),
		Log:     slog.New(slog.NewTextHandler(log, nil)), Owed: true, OnEnd: func(err error) { outcomes = append(outcomes, err) },
	}
	after := func(exported int) string {
		t.Helper()
		then.After(t.Context(), ran(exported))
		then.Wait()
		text, err := os.ReadFile(told)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		os.Remove(told)
		var counts []string
		for line := range strings.Lines(string(text)) {
			if line == "=\n" {
				counts = append(counts, "=")
				continue
			}
			lines, skipped, err := runs.Read(strings.NewReader(line), 1)
			if err != nil || skipped > 0 {
				t.Fatalf("%v: %s", err, line)
			}
			counts = append(counts, fmt.Sprint(lines[0].Exported))
		}
		return strings.Join(counts, " ")
	}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: the command is told %q, want %q", what, got, want)
		}
	}
	expect("first run", after(0), "0 =")
	expect("exported", after(1), "1 =")
	expect("nothing new", after(0), "")
	if err := os.WriteFile(fails, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect("fails", after(2), "2 =")
	expect("fails again", after(3), "2 3 =")
	os.Remove(fails)
	expect("tries again", after(0), "2 3 =")
	expect("told", after(0), "")
	if len(outcomes) != 5 || outcomes[1] != nil || outcomes[2] == nil || outcomes[3] == nil || outcomes[4] != nil {
		t.Errorf("outcomes %v", outcomes)
	}
	if got := log.String(); strings.Count(got, "line=loaded") != 5 || strings.Count(got, "it runs again after the next run") != 2 {
		t.Errorf("log:\n%s", got)
	}
}

// The end of the service ends the command and what the command has started.
func TestThenIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := new(messages)
	started := filepath.Join(t.TempDir(), "started")
	if err := syscall.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	then := &service.Then{Command: fmt.Sprintf("exec 3> '%s'; sleep 600 & echo started >&3; wait", started), Log: slog.New(slog.NewTextHandler(log, nil))}
	then.After(ctx, ran(1))
	pipe, err := os.Open(started) // blocks until it is opened there
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	r := bufio.NewReader(pipe)
	if line, err := r.ReadString('\n'); line != "started\n" {
		t.Fatalf("the command says %q, error %v", line, err)
	}
	if then.Running() == 0 {
		t.Error("the command runs, and nothing says so")
	}
	cancel()
	then.Wait()
	if d := then.Running(); d != 0 {
		t.Errorf("the command has ended, and has been running for %s", d)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) { // when no process has it open any more
		t.Errorf("error %v", err)
	}
	then.After(ctx, ran(1))
	then.Wait()
	var none *service.Then
	none.After(t.Context(), ran(1))
	none.Wait()
	if none.Running() != 0 {
		t.Error("there is no command")
	}
}

// A command leaves no process behind, whether it succeeds or not.
func TestThenLeavesNothingBehind(t *testing.T) {
	for _, code := range []int{0, 1} {
		started := filepath.Join(t.TempDir(), "started")
		if err := syscall.Mkfifo(started, 0o600); err != nil {
			t.Fatal(err)
		}
		pipe, err := os.OpenFile(started, os.O_RDWR, 0) // so that nobody waits for the other end
		if err != nil {
			t.Fatal(err)
		}
		then := &service.Then{Command: fmt.Sprintf("exec 3> '%s'; sleep 600 > /dev/null 2>&1 & exit %d", started, code), Log: slog.New(slog.DiscardHandler)}
		then.After(t.Context(), ran(1))
		then.Wait()
		r, err := os.Open(started)
		if err != nil {
			t.Fatal(err)
		}
		pipe.Close() // now the process that was left has the only end to write to, if it lives
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("error %v", err)
		}
		r.Close()
	}
}

// Output that does not end, in one line, is cut.
func TestThenOutput(t *testing.T) {
	log := new(messages)
	then := &service.Then{Command: `head -c 20000 /dev/zero | tr '\0' x; printf '\n\377\033[31mend\n'`, Log: slog.New(slog.NewTextHandler(log, nil))}
	then.After(t.Context(), ran(1))
	then.Wait()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 6 || !strings.HasSuffix(lines[5], `line="�\x1b[31mend"`) {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

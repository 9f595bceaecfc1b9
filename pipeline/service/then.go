package service

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"enrow-export/pipeline/runs"
)

// Shell runs the command of a Then.
const Shell = "/bin/sh"

const (
	// mostToTell bounds the runs that a command is told of. Older ones are left out.
	mostToTell = 1000
	// mostOfOutput bounds a line of a command's output in a log, in bytes.
	mostOfOutput = 4 << 10
	// killAfter is how long a command may take to end when it is to.
	killAfter = 10 * time.Second
)

// Then runs a command after runs that have exported something. Its standard input has the
// line of each of these runs since it last succeeded. While it runs, further runs wait for
// their turn together. When it fails, it is run again after the next run of any kind.
type Then struct {
	Command string   // for the shell
	Env     []string // environment of Command; nil for the environment of the process
	Log     *slog.Logger
	// Owed says that the command runs after the first run even if that run exports nothing: an
	// earlier process may have been killed before its command succeeded.
	Owed bool
	// OnEnd, unless it is nil, is told how the command ended.
	OnEnd func(err error)

	mu      sync.Mutex
	lines   []runs.Line // that no command was successfully told of
	dropped int         // lines that were taken from the front of lines, ever
	running bool
	since   time.Time // the command that runs
	ended   sync.WaitGroup
}

// Running returns for how long the command has been running, 0 if it is not. That of a nil t
// never is.
func (t *Then) Running() time.Duration {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.running {
		return 0
	}
	return time.Since(t.since)
}

// After tells the command of a run, now or when it has ended. A nil t does nothing.
func (t *Then) After(ctx context.Context, l runs.Line) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.Exported > 0 || t.Owed {
		t.Owed = false
		t.lines = append(t.lines, l)
		t.drop(len(t.lines) - mostToTell)
	}
	if len(t.lines) > 0 && !t.running && ctx.Err() == nil {
		t.running = true
		t.ended.Go(func() { t.work(ctx) })
	}
}

// Wait waits until no command runs.
func (t *Then) Wait() {
	if t != nil {
		t.ended.Wait()
	}
}

// work runs the command until it has been told of all runs, or fails.
func (t *Then) work(ctx context.Context) {
	for {
		t.mu.Lock()
		told := append([]runs.Line(nil), t.lines...)
		end := t.dropped + len(told)
		if len(told) == 0 {
			t.running = false
			t.mu.Unlock()
			return
		}
		t.since = time.Now()
		t.mu.Unlock()
		err := t.run(ctx, told)
		if t.OnEnd != nil {
			t.OnEnd(err)
		}
		t.mu.Lock()
		if err != nil {
			t.running = false
			t.mu.Unlock()
			t.Log.ErrorContext(ctx, "the command of --then failed; it runs again after the next run", "error", err)
			return
		}
		t.drop(end - t.dropped) // lines that came meanwhile are behind these
		t.mu.Unlock()
	}
}

// drop takes lines from the front. The caller holds the lock.
func (t *Then) drop(n int) {
	if n > 0 {
		t.lines = append([]runs.Line(nil), t.lines[n:]...)
		t.dropped += n
	}
}

func (t *Then) run(ctx context.Context, lines []runs.Line) error {
	var input bytes.Buffer
	for _, l := range lines {
		text, err := l.Encode()
		if err != nil {
			return err
		}
		input.Write(text)
	}
	cmd := exec.CommandContext(ctx, Shell, "-c", t.Command)
	cmd.Stdin, cmd.Env = &input, t.Env
	// What the shell has started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killAfter
	output, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	var reader sync.WaitGroup
	reader.Go(func() { t.log(ctx, output) })
	err := cmd.Run()
	_ = writer.Close() // never an error
	reader.Wait()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // processes that the command has left behind
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the command itself has succeeded
	}
	if err != nil {
		return fmt.Errorf("run command: %w", err)
	}
	return nil
}

// log logs each line of what the command prints.
func (t *Then) log(ctx context.Context, output io.Reader) {
	r := bufio.NewReaderSize(output, mostOfOutput)
	for {
		line, err := r.ReadSlice('\n')
		if text := bytes.TrimRight(line, "\r\n"); len(text) > 0 {
			t.Log.InfoContext(ctx, "output of --then", "line", string(bytes.ToValidUTF8(text, []byte("\uFFFD"))))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

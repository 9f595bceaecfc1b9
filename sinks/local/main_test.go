package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// helperEnv, when it is set, makes the test binary run the helper that it names
// instead of the tests, on the root that is its first argument.
const helperEnv = "ENROW_EXPORT_LOCAL_HELPER"

func TestMain(m *testing.M) {
	if name := os.Getenv(helperEnv); name != "" {
		s, err := Open(os.Args[1])
		if err == nil {
			err = helpers[name](s)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// helpers are what other processes do to a store. What they print, and the
// error that they return, is what their test reads.
var helpers = map[string]func(*Store) error{
	"increment": func(s *Store) error {
		ready()
		return storetest.Increment(context.Background(), s, "counter", helperIncrements)
	},
	"temporary": func(s *Store) error {
		t, err := s.newTemporary(context.Background(), s.root)
		if err != nil {
			return err
		}
		defer t.close()
		if err := t.write([]byte("half"), newDigest()); err != nil {
			return err
		}
		ready()
		return nil
	},
	"hold lock": func(s *Store) error {
		unlock, err := s.lock(context.Background(), "a")
		if err != nil {
			return err
		}
		defer unlock()
		ready()
		return nil
	},
	"put as nobody": func(s *Store) error {
		if err := becomeNobody(); err != nil {
			return err
		}
		if err := s.Check(context.Background()); err != nil {
			fmt.Println("check:", err)
		}
		_, err := s.Put(context.Background(), "a/b", []byte("x"), sinks.IfAbsent())
		return tell(err)
	},
	"list as nobody": func(s *Store) error {
		if err := becomeNobody(); err != nil {
			return err
		}
		if err := s.Check(context.Background()); err != nil {
			fmt.Println("check:", err)
		}
		for _, err := range s.List(context.Background(), "") {
			return tell(err)
		}
		return nil
	},
	"sweep as nobody": func(s *Store) error {
		if err := becomeNobody(); err != nil {
			return err
		}
		_, err := s.Sweep(context.Background())
		return tell(err)
	},
	"keep modes as nobody": keepModesAsNobody,
	"put limited": func(s *Store) error {
		limit := syscall.Rlimit{Cur: 4096, Max: 4096}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		_, err := s.Put(context.Background(), "a/large", make([]byte, 8192), sinks.IfAbsent())
		return tell(err)
	},
}

const helperIncrements = 50

// ready tells the test that the helper has got there, and waits to be told to go
// on. A test that dies closes the pipe.
func ready() {
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

// tell prints err in a way that shows how it is classified.
func tell(err error) error {
	return fmt.Errorf("unreachable=%t %w", errors.Is(err, sinks.ErrUnreachable), err)
}

// becomeNobody gives up the privilege of root, whom no permission binds.
func becomeNobody() error {
	if os.Geteuid() != 0 {
		return nil
	}
	const nobody = 65534
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("set groups: %w", err)
	}
	if err := syscall.Setgid(nobody); err != nil {
		return fmt.Errorf("set group: %w", err)
	}
	if err := syscall.Setuid(nobody); err != nil {
		return fmt.Errorf("set user: %w", err)
	}
	return nil
}

// process is a helper that runs.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// start runs a helper; it is killed at the end of the test if it still runs.
func start(t *testing.T, helper, root string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], root)
	cmd.Env = append(os.Environ(), helperEnv+"="+helper)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	t.Cleanup(p.kill)
	return p
}

// awaitReady returns when the helper has called ready.
func (p *process) awaitReady() {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil || line != "ready\n" {
		p.t.Fatalf("helper said %q instead of being ready", line)
	}
}

// finish tells the helper to go on, and returns what it still prints.
func (p *process) finish() string {
	p.t.Helper()
	p.stdin.Close()
	out, err := io.ReadAll(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Wait() // an exit code of 1 goes with a line of out
	return string(out)
}

// kill ends the helper by SIGKILL, as a crash would: its standard input stays
// open until it is dead, so that it cannot go on and clean up.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.stdin.Close()
}

// open returns a store below a root that does not exist yet.
func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files returns the paths of all files below the root, lock files excepted, in
// lexical order: temporaries show up here, whatever List thinks of them.
func files(t *testing.T, s *Store) []string {
	t.Helper()
	found := []string{}
	err := filepath.WalkDir(s.root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, s.root+"/")
		if !entry.IsDir() && !isLock(name) {
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

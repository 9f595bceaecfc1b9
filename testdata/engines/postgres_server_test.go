package engines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Postgres is a server of PostgreSQL with a cluster of its own, which goes with it.
type Postgres struct {
	Port int
	dir  string
	bin  string
	cmd  *exec.Cmd
	logs *bytes.Buffer
	done chan struct{} // closed when the server's messages have ended
}

// StartPostgres starts Debian's server, or whichever is in the PATH, on a free port
// of the loopback. The caller stops it.
func StartPostgres() (*Postgres, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "enrow-export-postgres")
	if err != nil {
		return nil, err
	}
	p := &Postgres{dir: dir, bin: bin, logs: new(bytes.Buffer), done: make(chan struct{})}
	if err := p.start(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start PostgreSQL: %w\n%s", err, p.logs)
	}
	return p, nil
}

// postgresBin returns the folder with the server's programs.
func postgresBin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("there is no PostgreSQL server: apt-get install postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// as returns what makes a command run as somebody else than root, as whom the
// server refuses to run; nil when that is not needed.
func (p *Postgres) as() (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	nobody, err := user.Lookup("postgres")
	if err != nil {
		if nobody, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(p.dir, int(uid), int(gid))
}

func (p *Postgres) start() error {
	attr, err := p.as()
	if err != nil {
		return err
	}
	data := filepath.Join(p.dir, "data")
	initdb := exec.Command(filepath.Join(p.bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, p.dir
	initdb.Stdout, initdb.Stderr = p.logs, p.logs
	if err := initdb.Run(); err != nil {
		return err
	}
	if p.Port, err = freePort(); err != nil {
		return err
	}
	p.cmd = exec.Command(filepath.Join(p.bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(p.Port), "-k", p.dir, "-F",
		"-c", "log_min_messages=log")
	p.cmd.SysProcAttr, p.cmd.Dir = attr, p.dir
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		fmt.Fprintln(p.logs, lines.Text())
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go func() {
				defer close(p.done)
				for lines.Scan() { // nobody reads on, and it must not be held up
				}
			}()
			return nil
		}
	}
	close(p.done)
	return errors.Join(errors.New("the server has ended"), p.cmd.Wait())
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Stop ends the server and removes the cluster.
func (p *Postgres) Stop() error {
	err := p.cmd.Process.Signal(syscall.SIGINT) // closes connections, and ends at once
	<-p.done
	return errors.Join(err, p.cmd.Wait(), os.RemoveAll(p.dir))
}

// Psql runs a script by psql, as users do, and returns what it says.
func (p *Postgres) Psql(database, script string) (string, error) {
	cmd := exec.Command("psql", "-X", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(p.Port), "-U", "postgres", "-d", database, "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("psql: %w\n%s", err, out)
	}
	return string(out), nil
}

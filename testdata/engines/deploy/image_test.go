package deploy

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"enrow-export/sources/fakeapi"
)

// image is what following the Dockerfile gives: no daemon is needed for that.
type image struct {
	program    string // that was built, on this machine
	path       string // of the program in the image
	user       string
	entrypoint string
}

var built struct {
	once sync.Once
	image
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.program != "" {
		os.RemoveAll(filepath.Dir(built.program))
	}
	os.Exit(code)
}

// program returns the program that the Dockerfile builds.
func program(t *testing.T) string {
	t.Helper()
	return follow(t).program
}

func follow(t *testing.T) image {
	t.Helper()
	built.once.Do(func() { built.image, built.err = followDockerfile() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.image
}

// followDockerfile runs the instructions of the Dockerfile, each in the way that a
// builder does, in a directory that takes the place of the stage's root.
func followDockerfile() (i image, err error) {
	text, err := os.ReadFile(tree + "/Dockerfile")
	if err != nil {
		return i, err
	}
	stage, err := os.MkdirTemp("", "enrow-export-image")
	if err != nil {
		return i, err
	}
	i.program = filepath.Join(stage, "none") // TestMain removes its directory
	workdir := stage
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		args := strings.Fields(rest)
		switch name {
		case "", "#", "FROM", "ARG":
		case "WORKDIR":
			workdir = filepath.Join(stage, args[0])
			err = os.MkdirAll(workdir, 0o700)
		case "COPY":
			if from, path := args[0], args[1]; from == "--from=build" {
				i.program, i.path = filepath.Join(stage, path), args[2]
				_, err = os.Stat(i.program)
			} else {
				err = copyContext(workdir, args[:len(args)-1])
			}
		case "RUN":
			cmd := exec.Command("/bin/sh", "-c", rest)
			cmd.Dir = workdir
			cmd.Env = append(os.Environ(), "COMMIT=0123456789ab")
			var out []byte
			if out, err = cmd.CombinedOutput(); err != nil {
				err = fmt.Errorf("%s: %w\n%s", rest, err, out)
			}
		case "USER":
			i.user = rest
		case "ENTRYPOINT":
			i.entrypoint = rest
		default:
			err = fmt.Errorf("the test does not know the instruction %q", line)
		}
		if err != nil {
			return i, err
		}
	}
	// The program alone is kept.
	kept := filepath.Join(stage, "enrow-export")
	if err := os.Rename(i.program, kept); err != nil {
		return i, err
	}
	i.program = kept
	return i, nil
}

// copyContext copies the files of the repository that .dockerignore lets through, and
// that are one of the names or below it.
func copyContext(to string, names []string) error {
	f, err := os.Open(tree + "/.dockerignore")
	if err != nil {
		return err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return err
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		return err
	}
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	list.Dir = tree
	out, err := list.Output()
	if err != nil {
		return err
	}
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSuffix(path, "\n")
		ignore, err := ignored.MatchesOrParentMatches(path)
		if err != nil {
			return err
		}
		if ignore || !slices.ContainsFunc(names, func(n string) bool { return n == "." || n == path }) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(tree, path))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(path)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, path), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// The program works as the image runs it: as the image's user, with nothing around it
// but CA certificates, in a root file system that is read-only. It writes to a volume.
func TestImageRuns(t *testing.T) {
	i := follow(t)
	if i.user != "65532:65532" || i.entrypoint != `["`+i.path+`"]` {
		t.Errorf("user %q, entry point %q", i.user, i.entrypoint)
	}
	api := fakeapi.New(fakeapi.Options{Keys: []string{"key-of-the-tests"}})
	api.Add(fakeapi.Sample())
	server := httptest.NewTLSServer(api)
	t.Cleanup(func() { api.Close(); server.Close() })

	root, data := t.TempDir(), t.TempDir()
	for _, dir := range []string{"etc/ssl/certs", "data", "tmp", "home/nonroot", filepath.Dir(i.path)} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own(t, filepath.Join(root, "home/nonroot"))
	own(t, data)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"), certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	executable, err := os.ReadFile(i.program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, i.path), executable, 0o755); err != nil {
		t.Fatal(err)
	}
	call := func(code int, args ...string) string {
		t.Helper()
		cmd := contained(t, root, data, append([]string{i.path}, args...)...)
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
			"ENROW_API_URL=" + server.URL, "ENROW_API_KEY=key-of-the-tests",
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // the exit code says it
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Fatalf("%q ends with %d, want %d\n%s", args, got, code, &out)
		}
		return out.String()
	}
	id := fakeapi.Sample().ID
	call(0, "export", "--to", "/data/out", "--report", "/data/report.jsonl", "--keep-raw", id)
	call(0, "compact", "--to", "/data/out", "--into", "/data/packed")
	call(0, "verify", "--to", "/data/packed")
	if out := call(1, "export", "--to", "/home/nonroot/out", id); !strings.Contains(out, "read-only file system") {
		t.Errorf("the root file system can be written to, or why not is not said:\n%s", out)
	}
	if found, err := filepath.Glob(filepath.Join(data, "out", "email_find", id+".parquet")); err != nil || len(found) != 1 {
		t.Errorf("files in the volume: %q, error %v", found, err)
	}
}

// own gives a directory to the image's user. Without root, it is that user's already.
func own(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 65532, 65532); err != nil {
			t.Fatal(err)
		}
	}
}

// contained is a command in a root directory of its own, as a container has it: read-only,
// with an empty /tmp and a volume /data, as the user 65532. Without root, that user is one
// of a user namespace.
func contained(t *testing.T, root, data string, args ...string) *exec.Cmd {
	t.Helper()
	unshare, user := []string{"--mount"}, "--userspec=65532:65532"
	if os.Geteuid() != 0 {
		unshare, user = []string{"--user", "--map-user=65532", "--map-group=65532", "--keep-caps", "--mount"}, ""
	}
	const script = `set -e
root=$1 data=$2 user=$3; shift 3
mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$data" "$root/data"
mount -o remount,bind,ro "$root"
exec chroot $user "$root" "$@"`
	return exec.Command("unshare", slices.Concat(unshare, []string{"sh", "-c", script, "sh", root, data, user}, args)...)
}

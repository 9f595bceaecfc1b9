package main

import (
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"enrow-export/sources/fakeapi"
)

// crontabLine is a line of a crontab: five fields of time, and a command.
var crontabLine = regexp.MustCompile(`(?m)^(?:[0-9*/,-]+[ \t]+){5}(\S.*)$`)

// pages returns the README and every page below docs.
func pages(t *testing.T) []string {
	t.Helper()
	found := []string{"../../README.md"}
	err := filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) < 8 {
		t.Fatalf("pages %q, error %v", found, err)
	}
	return found
}

// crontabLines returns the commands of all crontab lines of the pages: those that
// export, and the others, in their order.
func crontabLines(t *testing.T) (exports, others []string) {
	t.Helper()
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range crontabLine.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(line[1], "%") {
				t.Errorf("%s: cron ends a command at the first %%: %s", page, line[1])
			}
			if strings.Contains(line[1], programName+" export ") {
				exports = append(exports, line[1])
			} else {
				others = append(others, line[1])
			}
		}
	}
	if len(exports) < 3 || len(others) < 2 {
		t.Fatalf("crontab lines %q, %q", exports, others)
	}
	return exports, others
}

// asCron runs a command of a crontab as cron does: by /bin/sh, with cron's
// environment and nothing else. The program, DuckDB and the places of data are those
// of the test.
func asCron(t *testing.T, dir, apiURL, command string) (output string, code int) {
	t.Helper()
	command = strings.NewReplacer(
		"/usr/bin/enrow-export export ", dir+"/bin/enrow-export export --api-url "+apiURL+" ",
		"/usr/bin/enrow-export ", dir+"/bin/enrow-export ",
		"/usr/local/bin/duckdb ", dir+"/bin/duckdb ",
		"gs://bucket/enrow", dir+"/data/enrow",
		"/data", dir+"/data",
		"/etc/", dir+"/etc/",
	).Replace(command)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "LOGNAME=enrow", "SHELL=/bin/sh"}
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// cronDir returns a directory with what the crontab lines of the pages need, and an
// id that is enqueued and listed.
func cronDir(t *testing.T, id string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"bin", "data", "etc"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(dir, "bin", programName)); err != nil {
		t.Fatal(err)
	}
	// DuckDB itself runs what is generated in the tests of the engines.
	if err := os.WriteFile(filepath.Join(dir, "bin", "duckdb"), []byte("#!/bin/sh\ngrep -q 'INSERT INTO'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "etc", "enrow.key"), testKey+"\n")
	writeFile(t, filepath.Join(dir, "data", "ids.txt"), id+"\n")
	args := []string{programName, "enqueue", "--quiet", "--to", filepath.Join(dir, "data", "enrow"), id}
	if code := run(t.Context(), args, nil, io.Discard, io.Discard); code != exitOK {
		t.Fatalf("enqueue ends with %d", code)
	}
	return dir
}

// Every documented crontab line works in cron's environment. 75 is a success to
// cron, 3 and 1 stay what they are, and nothing is printed on success: cron would
// mail it.
func TestCrontabLinesWorkUnderCron(t *testing.T) {
	exports, others := crontabLines(t)
	for _, test := range []struct {
		name string
		keys string
		id   string
		want int
	}{
		{"exported", testKey, fakeapi.Sample().ID, exitOK},
		{"ongoing", testKey, "ongoing", exitOK},
		{"failed", testKey, "failed", exitFailed},
		{"stopped", "another-key", fakeapi.Sample().ID, exitStopped},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := fakeapi.New(fakeapi.Options{Keys: []string{test.keys}})
			api.Add(fakeapi.Sample())
			ongoing := fakeapi.Generate("ongoing", 3, 1)
			ongoing.OngoingPolls = 1 << 20
			api.Add(ongoing)
			api.Add(fakeapi.Generate("failed", 3, 1))
			server := httptest.NewServer(api)
			defer func() { api.Close(); server.Close() }()
			for _, line := range exports {
				failing, err := fakeapi.ParseScript("failed")
				if err != nil {
					t.Fatal(err)
				}
				api.Script("failed", failing...)
				out, code := asCron(t, cronDir(t, test.id), server.URL, line)
				if quiet := test.want == exitOK; code != test.want || quiet != (out == "") {
					t.Errorf("exit code %d, want %d\n%s\n%s", code, test.want, line, out)
				}
			}
			if test.name != "exported" {
				return
			}
			dir := cronDir(t, test.id)
			asCron(t, dir, server.URL, exports[0])
			for _, line := range others {
				if out, code := asCron(t, dir, server.URL, line); code != exitOK || out != "" {
					t.Errorf("exit code %d, want 0\n%s\n%s", code, line, out)
				}
			}
		})
	}
}

//go:build memory

// The memory of processes is measured on a machine that does nothing else: make memory.

package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// The program takes no more memory than docs/files.md says, whatever answer it
// gets: a floor, and a multiple of --max-body for a batch. Each answer here is
// made to need as much of it as can be.
func TestMemoryIsBounded(t *testing.T) {
	const (
		maxBody  = 4 << 20
		floor    = 64 << 20
		multiple = 64
	)
	// full returns an answer of maxBody bytes: results, or what has other keys,
	// from as many units as there is room for.
	full := func(id, before, unit, after string) string {
		head := fmt.Sprintf(`{"general":{"id":%q,"status":"completed"%s,"results":[`, id, before)
		n := (maxBody - len(head) - len(after) - 2) / (len(unit) + 1)
		return head + strings.TrimSuffix(strings.Repeat(unit+",", n), ",") + "]" + after + "}"
	}
	numbered := func(unit string) string {
		var b strings.Builder
		for i := 0; b.Len() < maxBody-200; i++ {
			fmt.Fprintf(&b, unit+",", i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	control := strings.Repeat(`\u0001`, 100)
	answers := map[string]string{
		"nothing":  full("nothing", "}", `{}`, ""),
		"index":    full("index", "}", `{"index":0}`, ""),
		"leftover": full("leftover", "}", `{"a":0}`, ""),
		"control":  full("control", `,"custom":"`+control+`"}`, `{"index":0,"qualification":"`+control+`"}`, ""),
		"custom":   full("custom", `,"custom":"`+control+`"}`, `{}`, ""),
		"one-cell": full("one-cell", "}", `{"qualification":"`+strings.Repeat(`\u0001`, maxBody/6-20)+`"}`, ""),
		"deep":     full("deep", "}", `{"x":`+strings.Repeat("[", 900)+strings.Repeat("]", 900)+`}`, ""),
		"around":   full("around", "}", `{}`, `,"x":[`+strings.Repeat(strings.Repeat("[", 900)+strings.Repeat("]", 900)+",", 10)+`0]`),
		"keys":     `{"general":{"id":"keys","status":"completed"},"results":[{` + numbered(`"k%06d":0`) + `}]}`,
		"row-keys": `{"general":{"id":"row-keys","status":"completed"},"results":[` + numbered(`{"k%06d":0}`) + `]}`,
	}
	dir := t.TempDir()
	for id, answer := range answers {
		if len(answer) > maxBody || len(answer) < maxBody*9/10 && id != "around" {
			t.Fatalf("%s: %d bytes", id, len(answer))
		}
		if err := os.WriteFile(filepath.Join(dir, id+".json"), []byte(answer), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var worst int64
	for id := range answers {
		for _, table := range schema.Tables() {
			cmd := exec.CommandContext(t.Context(), exe)
			cmd.Args = []string{
				programName, "export", "--from", dir, "--to", filepath.Join(t.TempDir(), "out"), "--kind", table.Kind, "--max-body", "4MiB",
				"--keep-raw", "--format", "parquet,ndjson,csv", id,
			}
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != exitOK && code != exitFailed {
				t.Fatalf("%s as %s: %v\n%s", id, table.Kind, err, out)
			}
			used := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
			worst = max(worst, used)
			if used > floor+multiple*maxBody {
				t.Errorf("%s as %s takes %d MiB, at most %d are promised", id, table.Kind, used>>20, (floor+multiple*maxBody)>>20)
			}
		}
	}
	t.Logf("at most %d MiB", worst>>20)
}

// On batches as they usually are, at the largest, the program stays within what
// docs/machine.md says, with any number of batches, in all formats, and with copies
// of the answers.
func TestMemoryOfUsualBatches(t *testing.T) {
	const (
		batches = 60
		rows    = 5000
	)
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	defer api.Close()
	args := []string{"export"}
	for i := range batches {
		id := fmt.Sprintf("batch-%02d", i)
		api.Add(fakeapi.Generate(id, rows, uint64(i)))
		args = append(args, id)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	for kind, promised := range map[string]map[string]int64{
		"folder": {"parquet": 64 << 20, "csv,ndjson,parquet": 72 << 20, "csv,ndjson,parquet --keep-raw": 80 << 20},
		"s3":     {"parquet": 96 << 20, "csv,ndjson,parquet --keep-raw": 96 << 20},
	} {
		t.Run(kind, func(t *testing.T) {
			fresh := places[kind](t)
			for formats, most := range promised {
				p := fresh()
				flags := append([]string{"--to", p.to, "--format"}, strings.Fields(formats)...)
				cmd := exec.CommandContext(t.Context(), builtProgram(t), append(args, flags...)...)
				// Each processor has a batch of its own.
				cmd.Env = append(append(os.Environ(), p.env...), "ENROW_API_URL="+server.URL, "ENROW_API_KEY="+testKey, "GOMAXPROCS=2")
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				used, looks := watchedMemory(t, cmd, stdout)
				t.Logf("%s: %d KiB", formats, used>>10)
				if used > most || looks < batches/2 {
					t.Errorf("%s take %d KiB, at most %d are promised; %d looks at %d batches", formats, used>>10, most>>10, looks, batches)
				}
			}
		})
	}
}

// However many batches there are, and however long they are, compact stays within
// what docs/compaction.md says.
func TestMemoryOfCompact(t *testing.T) {
	const most = 200 << 20
	for name, batches := range map[string]struct{ n, rows int }{"long": {60, 5000}, "short": {1500, 2}} {
		api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
		defer api.Close()
		to := t.TempDir()
		args := []string{"export", "--quiet", "--to", to}
		for i := range batches.n {
			id := fmt.Sprintf("batch-%04d", i)
			api.Add(fakeapi.Generate(id, batches.rows, uint64(i)))
			args = append(args, id)
		}
		server := httptest.NewServer(api)
		defer server.Close()
		export := exec.CommandContext(t.Context(), builtProgram(t), args...)
		export.Env = append(os.Environ(), "ENROW_API_URL="+server.URL, "ENROW_API_KEY="+testKey)
		if out, err := export.CombinedOutput(); err != nil {
			t.Fatalf("export: %v\n%s", err, out)
		}
		cmd := exec.CommandContext(t.Context(), builtProgram(t), "compact", "--to", to, "--into", filepath.Join(t.TempDir(), "packed"), "--target-size", "1MiB")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		used, looks := watchedMemory(t, cmd, stdout)
		t.Logf("%s: %d KiB", name, used>>10)
		if used > most || looks < 2 {
			t.Errorf("%s batches take %d KiB, at most %d are promised; %d looks", name, used>>10, most>>10, looks)
		}
	}
}

// watchedMemory runs a command and returns the most memory that it has had, and how
// often it was asked. What the system counts of an ended process has the memory of
// this one in it, which has started it. So it is asked after each line of output.
func watchedMemory(t *testing.T, cmd *exec.Cmd, stdout io.Reader) (used int64, looks int) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if peak, ok := peakMemory(cmd.Process.Pid); ok {
			used = max(used, peak)
			looks++
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return used, looks
}

// peakMemory returns the most memory that a process has had, in bytes, while it
// lives.
func peakMemory(pid int) (bytes int64, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	_, value, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		return 0, false
	}
	_, err = fmt.Sscan(value, &bytes)
	return bytes << 10, err == nil
}

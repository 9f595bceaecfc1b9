package export_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
)

// insideEnv is set in the copy of a test that runs where it may mount.
const insideEnv = "ENROW_EXPORT_TEST_INSIDE"

// inside runs the calling test once more, in a mount namespace of its own, with
// a tmpfs of that size mounted at the folder it returns there; outside it
// returns "" when that copy has passed. Where nobody may mount, it returns a
// folder of the disk, and false.
func inside(t *testing.T, size string) (dir string, mounted bool) {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		dir := t.TempDir()
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
		return dir, true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "", true
	case errors.As(err, &exit):
		t.Fatalf("with a file system of its own:\n%s", out)
	}
	t.Logf("nobody may mount here: %v", err)
	return t.TempDir(), false
}

// disk is a disk that something happens to in the middle of a run.
type disk struct {
	*local.Store
	dir string
}

func openDisk(t *testing.T, dir string) disk {
	t.Helper()
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return disk{s, dir}
}

// remount changes the mounted file system while it is in use.
func (d disk) remount(t *testing.T, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT|flags, data); err != nil {
		t.Fatal(err)
	}
}

// manyBatches returns a source of batches that do not fit on a small disk.
func manyBatches(t *testing.T) (source *pipelinetest.Answers, ids []string, quiet sinks.Store) {
	t.Helper()
	source, quiet = pipelinetest.NewAnswers(), sinks.NewMemory()
	for i := range 60 {
		id := fmt.Sprintf("b%02d", i)
		ids = append(ids, id)
		source.Set(id, pipelinetest.Finished(id, "content", 40))
	}
	if _, s, err := pipelinetest.RunAll(t.Context(), t, pipelinetest.NewConfig(t, source, quiet, "csv", "ndjson"), ids...); err != nil || s.Exported != len(ids) {
		t.Fatalf("summary %+v, error %v", s, err)
	}
	return source, ids, quiet
}

// stoppedMidway checks a run that the disk has stopped: the error says so, what
// is there is whole and true, and no temporary is left.
func stoppedMidway(t *testing.T, store, quiet sinks.Store, s export.Summary, err error, cause error, ids []string) {
	t.Helper()
	var stop *pipeline.Error
	if !errors.As(err, &stop) || stop.Class != pipeline.Fatal || !errors.Is(err, sinks.ErrUnreachable) || !errors.Is(err, cause) || pipeline.Hint(err) == "" {
		t.Errorf("error %v, want a fatal one because of %v, with advice", err, cause)
	}
	if s.Exported == 0 || s.NotTried == 0 || s.Exported+s.NotTried != len(ids) {
		t.Errorf("summary %+v: the run was not stopped in the middle", s)
	}
	pipelinetest.Truthful(t, store, ids...)
	want := pipelinetest.Files(t, quiet)
	for name, data := range pipelinetest.Files(t, store) {
		if data != want[name] {
			t.Errorf("%s is not whole", name)
		}
	}
	if n, err := store.(sinks.Sweeper).Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("%d temporaries were left, error %v", n, err)
	}
}

// finishes checks that the next run ends as an undisturbed one.
func finishes(t *testing.T, cfg export.Config, quiet sinks.Store, before export.Summary, ids []string) {
	t.Helper()
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	if err != nil || s.Done != before.Exported || s.Exported != len(ids)-before.Exported {
		t.Errorf("the next run: summary %+v, error %v", s, err)
	}
	if diff := cmp.Diff(pipelinetest.Files(t, quiet), pipelinetest.Files(t, cfg.Store)); diff != "" {
		t.Errorf("files (-undisturbed +got):\n%s", diff)
	}
	pipelinetest.Truthful(t, cfg.Store, ids...)
}

// atPut is a Store that does something before it puts an object of that name,
// while nothing else is being put.
type atPut struct {
	sinks.Store
	mu   sync.Mutex
	name string
	do   func()
}

func (s *atPut) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == s.name {
		s.do()
	}
	return s.Store.Put(ctx, name, data, cond)
}

// shrinking is a Store with room for so many bytes, where nobody may mount.
type shrinking struct {
	*local.Store
	mu   sync.Mutex
	left int
}

func (s *shrinking) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(data) > s.left {
		return sinks.Info{}, fmt.Errorf("%w: %w", sinks.ErrUnreachable, syscall.ENOSPC)
	}
	s.left -= len(data)
	return s.Store.Put(ctx, name, data, cond)
}

func TestFullDisk(t *testing.T) {
	dir, mounted := inside(t, "400k")
	if dir == "" {
		return // it has passed inside
	}
	source, ids, quiet := manyBatches(t)
	d := openDisk(t, dir)
	cfg := pipelinetest.NewConfig(t, source, d.Store, "csv", "ndjson")
	grow := func() { d.remount(t, 0, "size=20m") }
	if !mounted {
		room := &shrinking{Store: d.Store, left: 300 << 10}
		cfg.Store, grow = room, func() { room.left = 20 << 20 }
	}
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	stoppedMidway(t, cfg.Store, quiet, s, err, syscall.ENOSPC, ids)
	grow()
	finishes(t, cfg, quiet, s, ids)
}

func TestDiskTurnsReadOnly(t *testing.T) {
	dir, mounted := inside(t, "20m")
	if dir == "" {
		return // it has passed inside
	}
	source, ids, quiet := manyBatches(t)
	d := openDisk(t, dir)
	// A file that is being written would keep the disk from changing.
	store := &atPut{Store: d.Store, name: "email_find/" + ids[20] + ".csv", do: func() { d.remount(t, syscall.MS_RDONLY, "") }}
	cfg := pipelinetest.NewConfig(t, source, store, "csv", "ndjson")
	repair := func() { d.remount(t, 0, "") }
	cause := error(syscall.EROFS)
	if !mounted {
		room := &shrinking{Store: d.Store, left: 20 << 20}
		store.Store, store.do = room, func() { room.left = 0 }
		repair, cause = func() { room.left = 20 << 20 }, syscall.ENOSPC
	}
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	repair()
	stoppedMidway(t, d.Store, quiet, s, err, cause, ids)
	store.name = ""
	finishes(t, cfg, quiet, s, ids)
}

// A folder that is moved away, or removed, is not made again, and nothing is
// put into another one at its place: no entry would be true there whose files
// went with the first.
func TestFolderIsMovedAway(t *testing.T) {
	source, ids, quiet := manyBatches(t)
	for before, name := range map[string]string{"entry": "_manifest/email_find/" + ids[20] + ".json", "file": "email_find/" + ids[20] + ".csv"} {
		for _, replaced := range []bool{false, true} {
			t.Run(fmt.Sprintf("before %s replaced %t", before, replaced), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out")
				gone := out + ".gone"
				store := &atPut{Store: openDisk(t, out).Store, name: name, do: func() {
					if err := os.Rename(out, gone); err != nil {
						t.Error(err)
					}
					if !replaced {
						return
					}
					for _, dir := range []string{"email_find", "_manifest/email_find"} {
						if err := os.MkdirAll(filepath.Join(out, dir), 0o777); err != nil {
							t.Error(err)
						}
					}
				}}
				cfg := pipelinetest.NewConfig(t, source, store, "csv", "ndjson")
				_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
				stoppedMidway(t, openDisk(t, gone).Store, quiet, s, err, sinks.ErrUnreachable, ids)
				if err == nil || !strings.Contains(err.Error(), out+": the directory was moved away or replaced") {
					t.Errorf("error %v does not say what happened", err)
				}
				if _, err := os.Lstat(out); !replaced && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the folder was made again: error %v", err)
				}
				if got := pipelinetest.Objects(t, openDisk(t, out).Store); len(got) > 0 {
					t.Errorf("%d objects were put into the new folder", len(got))
				}
				if err := os.RemoveAll(out); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(gone, out); err != nil {
					t.Fatal(err)
				}
				cfg.Store = openDisk(t, out).Store
				finishes(t, cfg, quiet, s, ids)
			})
		}
	}
}

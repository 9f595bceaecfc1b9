package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/probe"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
	"enrow-export/sinks/gcs/gcstest"
	"enrow-export/sinks/local"
	"enrow-export/sinks/s3"
	"enrow-export/sinks/s3/s3gateway"
	"enrow-export/sources/fakeapi"
)

// place is a destination that processes of their own write to.
type place struct {
	to    string
	env   []string
	store sinks.Store // to look at it from here
	dir   string      // of a folder
}

// places are the kinds of destinations. Each function makes what the places of
// one test share, and returns another that makes a fresh place.
var places = map[string]func(t *testing.T) func() *place{
	"folder": func(t *testing.T) func() *place {
		return func() *place {
			dir := filepath.Join(t.TempDir(), "out")
			store, err := local.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			return &place{to: dir, store: store, dir: dir}
		}
	},
	"bucket": func(t *testing.T) func() *place {
		url := startEmulator(t)
		t.Setenv("STORAGE_EMULATOR_HOST", url)
		n := 0
		return func() *place {
			n++
			// The emulator searches a bucket from end to end.
			bucket, prefix := emulatedBuckets()[n%len(emulatedBuckets())], fmt.Sprintf("place-%d", n)
			store, err := gcs.Open(gcs.Config{Bucket: bucket, Prefix: prefix})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { store.Close() })
			return &place{to: "gs://" + bucket + "/" + prefix, env: []string{"STORAGE_EMULATOR_HOST=" + url}, store: store}
		}
	},
	"s3": func(t *testing.T) func() *place {
		const bucket, region = "bucket-of-tests", "us-east-1"
		url := s3gateway.Start(t, bucket)
		n := 0
		return func() *place {
			n++
			prefix := fmt.Sprintf("place-%d", n)
			store, err := s3.Open(s3.Config{Bucket: bucket, Prefix: prefix, Endpoint: url, Region: region})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { store.Close() })
			env := []string{"ENROW_EXPORT_S3_ENDPOINT=" + url, "ENROW_EXPORT_S3_REGION=" + region}
			return &place{to: "s3://" + bucket + "/" + prefix, env: env, store: store}
		}
	},
}

// emulatorName is what the test binary has to be called as to be an emulator of
// Cloud Storage.
const emulatorName = "gcs-emulator"

func emulatedBuckets() (names []string) {
	for i := range 100 {
		names = append(names, fmt.Sprintf("bucket-%d", i))
	}
	return names
}

// emulate serves some buckets, from memory, until its standard input ends.
func emulate() {
	service, err := gcstest.New(emulatedBuckets()...)
	if err == nil {
		var listener net.Listener
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
			fmt.Printf("http://%s\n", listener.Addr())
			go http.Serve(listener, service)
			io.Copy(io.Discard, os.Stdin)
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// startEmulator runs the emulator as a process of its own, for as long as the
// test takes, and returns its URL.
func startEmulator(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Args, cmd.Stderr = []string{emulatorName}, os.Stderr
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
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("emulator: %v", err)
		}
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("emulator does not say where it is: %v", err)
	}
	return strings.TrimSpace(url)
}

// built is the program as users have it, made once for all tests.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func builtProgram(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "enrow-export-test"); built.err != nil {
			return
		}
		// As the Makefile does.
		build := exec.Command("go", "build", "-tags", "disable_grpc_modules", "-ldflags", "-s -w", "-o", filepath.Join(built.dir, programName), ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, programName)
}

// export is the built program, called to export to p. Its output goes to the
// buffers.
func (p *place) export(t *testing.T, apiURL string, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	cmd, stdout, stderr = p.call(t, "export", args...)
	cmd.Env = append(cmd.Env, "ENROW_API_URL="+apiURL, "ENROW_API_KEY="+testKey)
	return cmd, stdout, stderr
}

// call is the built program, called to do something with p.
func (p *place) call(t *testing.T, command string, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(builtProgram(t), append([]string{command, "--to", p.to}, args...)...)
	cmd.Env = append(os.Environ(), p.env...)
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// mustExport exports undisturbed.
func (p *place) mustExport(t *testing.T, apiURL string, args ...string) {
	t.Helper()
	cmd, stdout, stderr := p.export(t, apiURL, args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("export %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
}

// content is what tells two contents apart.
type content struct {
	size   int64
	crc32c uint32
}

// files returns the data files, and the copies of answers, that can be seen.
func (p *place) files(t *testing.T) map[string]content {
	t.Helper()
	found := make(map[string]content)
	for info, err := range p.store.List(t.Context(), "") {
		isData := !strings.HasPrefix(info.Name, "_manifest/") && !strings.HasPrefix(info.Name, "_cache/")
		if err == nil && info.CRC32C == 0 && isData { // not every listing has checksums
			info, err = p.store.Stat(t.Context(), info.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, generation := manifest.Generation(info.Name); generation > 0 && !p.store.Traits().ContentVersions {
			t.Errorf("%s has a new name", info.Name)
		}
		if isData {
			found[info.Name] = content{info.Size, info.CRC32C}
		}
	}
	return found
}

// baseFiles and baseEntries return files, and entries, without the generations in the paths: these tell how
// often a file was replaced. No two of the files may differ in it alone.
func baseFiles(t *testing.T, files map[string]content) map[string]content {
	t.Helper()
	found := make(map[string]content)
	for path, c := range files {
		base, _ := manifest.Generation(path)
		if _, twice := found[base]; twice {
			t.Errorf("%s is there twice", base)
		}
		found[base] = c
	}
	return found
}

func baseEntries(entries map[string]*manifest.Entry) map[string]*manifest.Entry {
	found := make(map[string]*manifest.Entry)
	for id, e := range entries {
		p := *e
		p.Generations, p.Files = nil, maps.Clone(e.Files)
		for format, f := range p.Files {
			f.Path, _ = manifest.Generation(f.Path)
			p.Files[format] = f
		}
		if p.Raw != nil {
			raw := *p.Raw
			raw.Path, _ = manifest.Generation(raw.Path)
			p.Raw = &raw
		}
		found[id] = &p
	}
	return found
}

// entries returns all of the manifest, every entry of which must be readable.
func (p *place) entries(t *testing.T) map[string]*manifest.Entry {
	t.Helper()
	found := make(map[string]*manifest.Entry)
	for k, err := range manifest.Entries(t.Context(), p.store, []*schema.Table{&schema.EmailFind}) {
		if err = errors.Join(err, k.Err); err != nil {
			t.Fatal(err)
		}
		found[k.BatchID] = k.Entry
	}
	return found
}

// litter returns what is neither a data file, a copy, an entry nor the cache of entries, nor
// a folder's lock file: half-written files above all. On S3 there is the record of the check of the store,
// and of a check that was killed an object may be left, which doctor names.
func (p *place) litter(t *testing.T) []string {
	t.Helper()
	var found []string
	known := make(map[string]bool)
	for info, err := range p.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		known[info.Name] = true
		isEntry := strings.HasPrefix(info.Name, "_manifest/email_find/") && strings.HasSuffix(info.Name, ".json")
		isCopy := strings.HasPrefix(info.Name, "_raw/email_find/") && strings.HasSuffix(info.Name, ".json.zst")
		isCheck := p.store.Traits().ContentVersions && (info.Name == probe.RecordName || strings.HasPrefix(info.Name, probe.ScratchPrefix))
		isCache := strings.HasPrefix(info.Name, "_cache/email_find/")
		if strings.HasPrefix(info.Name, "_") && !isEntry && !isCopy && !isCheck && !isCache {
			found = append(found, info.Name)
		}
	}
	if p.dir == "" {
		return found
	}
	err := fs.WalkDir(os.DirFS(p.dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && !known[path] && !strings.HasPrefix(path, "_manifest/.lock-") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isOf reports whether a file has the content that an entry says it has.
func (c content) isOf(f manifest.File) bool {
	crc32c := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, c.crc32c))
	return c.size == f.Bytes && crc32c == f.CRC32C
}

// truthful checks that every entry names files that are there and are what it
// says, or what it says is about to replace them.
func truthful(t *testing.T, files map[string]content, entries map[string]*manifest.Entry) {
	t.Helper()
	for id, e := range entries {
		named := maps.Clone(e.Files)
		if named != nil && e.Raw != nil {
			named["raw"] = *e.Raw
		}
		for format, f := range named {
			there, ok := files[f.Path]
			replacing, open := e.Replacing[format]
			if isTrue := there.isOf(f) || open && there.isOf(replacing); !ok || !isTrue {
				t.Errorf("the manifest of %s names %s, which is missing (%v) or another", id, f.Path, !ok)
			}
		}
	}
}

// answersAPI serves batches of the given sizes, the content of which depends on
// the seed.
func answersAPI(t *testing.T, ids []string, seed uint64) (api *fakeapi.Server, url string) {
	t.Helper()
	api = fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	for i, id := range ids {
		rows := i % 40
		if i%25 == 24 {
			rows = 2000
		}
		api.Add(fakeapi.Generate(id, rows, seed+uint64(i)))
	}
	server := httptest.NewServer(api)
	t.Cleanup(func() { server.Close(); api.Close() })
	return api, server.URL
}

func batchIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("batch-%03d", i)
	}
	return ids
}

// entryIgnore are the fields in which an undisturbed run may differ.
var entryIgnore = cmpopts.IgnoreFields(manifest.Entry{}, "UpdatedAt", "RecordedAt", "FirstExportedAt", "Attempts", "Error")

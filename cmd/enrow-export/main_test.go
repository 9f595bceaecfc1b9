package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"enrow-export/schema"
	"enrow-export/sources/fakeapi"
)

// testKey is the API key of the scripts. It must turn up nowhere.
const testKey = "sk-test-4f1c9b"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != programName {
		// What starts the tests may ignore signals: nohup, or a shell that puts them into
		// the background. A signal that is caught here is not ignored by the processes
		// that tests start.
		for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
			if signal.Ignored(s) {
				signal.Notify(make(chan os.Signal, 1), s)
			}
		}
	}
	testscript.Main(leakTested{m}, map[string]func(){programName: main, emulatorName: emulate})
}

// leakTested fails a run of tests that leaves goroutines behind.
type leakTested struct{ *testing.M }

func (m leakTested) Run() int {
	code := m.M.Run()
	os.RemoveAll(built.dir)
	// A dependency of fake-gcs-server has one for as long as it is linked.
	linked := goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start")
	if err := goleak.Find(linked); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs testdata/script: terminal sessions with the program as a
// process of its own. Beside testscript's commands they have
//
//	exits CODE COMMAND   run the command, which exits with that code
//	fakeapi              start the embedded API with the vendor's sample
//	batch [--kind KIND] ID FILE [N]  add a batch with that answer, ongoing for N polls
//	generate ID ROWS     add a batch that is made up
//	steps ID STEPS       script the answers for a batch, * for all
//	requests ID N        so many requests for results were made, * for all
//	elsewhere NAME       start a server that refuses all, and repeats the API key
//	                     that it was sent: its URL is in $NAME, its address in $TAKEN
//	untouched            that server has seen no request
//	tls FILE             serve the embedded API with TLS on any host: its URL is in
//	                     $TLS, and FILE gets the certificate, for example.com
//	proxy STATUS         start a proxy that answers with it, or connects to that
//	                     server if it is 200: its URL is in $PROXY
//	valid SCHEMA FILE    FILE, every line of stdout and of .jsonl, is valid JSON of docs/SCHEMA
//	logs FORMAT          stderr has lines, each an object with the keys of --log-format
//	secret FILE...       the API key is in none of the files, nor in any below
//	bucket [PERMISSION...]  start Cloud Storage with an empty gs://bucket, and
//	                     without those permissions
//	s3 [PERMISSION...]   start S3 with an empty s3://bucket, and without those permissions:
//	                     its endpoint is in $S3. "! s3" starts one that ignores conditions
//	object URL FILE      put FILE into a bucket
//	bigbatch ID BYTES    add a batch with one address of that length
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
			api.Add(fakeapi.Sample())
			docs, err := filepath.Abs("../../docs")
			if err != nil {
				return err
			}
			env.Setenv("DOCS", docs)
			env.Values[apiValue] = api
			env.Values[elsewhereValue] = new(atomic.Int64)
			env.Values[bucketsValue] = make(map[string]func(bucket, key string, data []byte))
			env.Defer(api.Close)
			env.Setenv("SAMPLE", fakeapi.Sample().ID)
			env.Setenv("KEY", testKey)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each process otherwise
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"fakeapi":   startAPI,
			"batch":     addBatch,
			"generate":  generateBatch,
			"bigbatch":  bigBatch,
			"bucket":    startBucket,
			"object":    addObject,
			"s3":        startS3,
			"steps":     addSteps,
			"requests":  countRequests,
			"elsewhere": startElsewhere,
			"tls":       startTLS,
			"proxy":     startProxy,
			"monitor":   startMonitor,
			"untouched": checkUntouched,
			"valid":     validate,
			"logs":      checkLogs,
			"secret":    checkSecret,
		},
	})
}

type valueKey string

const (
	apiValue       valueKey = "api"
	elsewhereValue valueKey = "elsewhere"
	bucketsValue   valueKey = "buckets"
)

func api(ts *testscript.TestScript) *fakeapi.Server { return ts.Value(apiValue).(*fakeapi.Server) }

func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func startAPI(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(api(ts))
	ts.Defer(func() {
		api(ts).Close() // lets hanging answers end
		server.Close()
	})
	ts.Setenv("ENROW_API_URL", server.URL)
	ts.Setenv("ENROW_API_KEY", testKey)
}

func addBatch(ts *testscript.TestScript, _ bool, args []string) {
	var table *schema.Table
	if args[0] == "--kind" {
		table, _ = schema.TableByKind(args[1])
		args = args[2:]
	}
	b := fakeapi.Batch{ID: args[0], Table: table, Body: []byte(ts.ReadFile(args[1]))}
	if len(args) > 2 {
		polls, err := strconv.Atoi(args[2])
		ts.Check(err)
		b.OngoingPolls = polls
	}
	// Files of a script end in a newline; answers that matter here do not.
	b.Body = bytes.TrimSuffix(b.Body, []byte("\n"))
	b.Body = bytes.ReplaceAll(b.Body, []byte("BAD-UTF8"), []byte{0xff})
	b.Body = bytes.ReplaceAll(b.Body, []byte("DEEP"), []byte(strings.Repeat("[", 1000)+strings.Repeat("]", 1000)))
	api(ts).Add(b)
}

func generateBatch(ts *testscript.TestScript, _ bool, args []string) {
	rows, err := strconv.Atoi(args[1])
	ts.Check(err)
	api(ts).Add(fakeapi.Generate(args[0], rows, 1))
}

func bigBatch(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	body := fmt.Sprintf(`{"general":{"id":%q,"status":"completed"},"stats":{},"results":[{"index":0,"email":%q}]}`,
		args[0], strings.Repeat("x", n))
	api(ts).Add(fakeapi.Batch{ID: args[0], Body: []byte(body)})
}

func addSteps(ts *testscript.TestScript, _ bool, args []string) {
	steps, err := fakeapi.ParseScript(args[1])
	ts.Check(err)
	api(ts).Script(strings.Trim(args[0], "*"), steps...)
}

func countRequests(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(api(ts).Requests(strings.Trim(args[0], "*"))); got != args[1] {
		ts.Fatalf("%s requests for %s, want %s", got, args[0], args[1])
	}
}

func startElsewhere(ts *testscript.TestScript, _ bool, args []string) {
	requests := ts.Value(elsewhereValue).(*atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"message":"no such key: %s"}`, r.Header.Get("x-api-key"))
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
	ts.Setenv("TAKEN", strings.TrimPrefix(server.URL, "http://"))
}

func checkUntouched(ts *testscript.TestScript, _ bool, args []string) {
	if n := ts.Value(elsewhereValue).(*atomic.Int64).Load(); n != 0 {
		ts.Fatalf("%d requests were made elsewhere", n)
	}
}

func validate(ts *testscript.TestScript, _ bool, args []string) {
	root, err := filepath.Abs(filepath.Join(ts.Getenv("DOCS"), args[0]))
	ts.Check(err)
	schema, err := jsonschema.NewCompiler().Compile(root)
	ts.Check(err)
	text := ts.ReadFile(args[1])
	values := []string{text}
	if args[1] == "stdout" || strings.HasSuffix(args[1], ".jsonl") {
		values = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	for _, value := range values {
		var v any
		if v, err = jsonschema.UnmarshalJSON(strings.NewReader(value)); err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			ts.Fatalf("not valid: %v\n%s", err, value)
		}
	}
}

func checkSecret(ts *testscript.TestScript, _ bool, args []string) {
	for _, arg := range args {
		if arg == "stdout" || arg == "stderr" {
			if strings.Contains(ts.ReadFile(arg), testKey) {
				ts.Fatalf("the API key is in %s", arg)
			}
			continue
		}
		ts.Check(filepath.WalkDir(ts.MkAbs(arg), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil && bytes.Contains(data, []byte(testKey)) {
				err = fmt.Errorf("the API key is in %s", path)
			}
			return err
		}))
	}
}

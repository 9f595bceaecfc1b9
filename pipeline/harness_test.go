package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
	"enrow-export/sinks/local"
)

// answers is a Source that gives each batch its answers in order, the last one
// again and again.
type answers struct {
	mu    sync.Mutex
	byID  map[string][]any // string: a body; error: a failure
	calls map[string]int
}

func newAnswers() *answers {
	return &answers{byID: make(map[string][]any), calls: make(map[string]int)}
}

func (s *answers) set(id string, replies ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[id] = replies
}

func (s *answers) Fetch(ctx context.Context, _ *schema.Table, id string, buf []byte) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[id]++
	replies := s.byID[id]
	if len(replies) == 0 {
		return nil, &Error{Op: "fetch", Batch: id, Class: Permanent, Err: errors.New("no such batch")}
	}
	reply := replies[0]
	if len(replies) > 1 {
		s.byID[id] = replies[1:]
	}
	if err, ok := reply.(error); ok {
		return nil, err
	}
	return append(buf[:0], reply.(string)...), nil
}

func (s *answers) count(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

// finished returns the answer of a finished batch; content makes two differ.
func finished(id, content string, rows int) string {
	results := make([]string, rows)
	for i := range results {
		results[i] = fmt.Sprintf(`{"index":"%d","qualification":"valid","email":"%s%d@example.com","new":%d}`, i, content, i, i)
	}
	return fmt.Sprintf(`{"general":{"id":%q,"status":"completed","custom":%q},"stats":{"finished":%d,"requested":%d},"results":[%s]}`,
		id, content, rows, rows, strings.Join(results, ","))
}

func ongoing(id string, done, of int) string {
	return fmt.Sprintf(`{"general":{"id":%q,"status":"ongoing"},"stats":{"finished":%d,"requested":%d}}`, id, done, of)
}

// config returns a Config for tests: the formats as "csv" or "csv=gzip".
func config(t *testing.T, source Source, store sinks.Store, formats ...string) Config {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	cfg := Config{
		Table: &schema.EmailFind, Source: source, Store: store,
		Mem: mem, ToolVersion: "test", PollInterval: time.Millisecond, Encoders: 2,
	}
	var err error
	if cfg.Layout, err = ParseLayout(DefaultLayout); err != nil {
		t.Fatal(err)
	}
	for _, f := range formats {
		name, compression, _ := strings.Cut(f, "=")
		enc, err := sinks.NewEncoding(name, compression)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Encodings = append(cfg.Encodings, enc)
	}
	return cfg
}

// runAll runs and returns the results by batch.
func runAll(ctx context.Context, t *testing.T, cfg Config, ids ...string) (map[string]Result, Summary, error) {
	t.Helper()
	results := make(map[string]Result)
	s, err := Run(ctx, cfg, ids, func(r Result) {
		if _, twice := results[r.BatchID]; twice {
			t.Errorf("batch %s is reported twice", r.BatchID)
		}
		results[r.BatchID] = r
	})
	return results, s, err
}

// export runs for one batch and expects an outcome.
func export(t *testing.T, cfg Config, id string, want Outcome) Result {
	t.Helper()
	results, _, err := runAll(t.Context(), t, cfg, id)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	if got := results[id]; got.Outcome != want {
		t.Fatalf("batch %s is %s (%v), want %s", id, got.Outcome, got.Err, want)
	}
	return results[id]
}

// objects returns the content of every object of the store.
func objects(t *testing.T, store sinks.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for info, err := range store.List(context.WithoutCancel(t.Context()), "") {
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := store.Get(context.WithoutCancel(t.Context()), info.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[info.Name] = string(data)
	}
	return all
}

// files returns the data objects, and the copies of answers, alone.
func files(t *testing.T, store sinks.Store) map[string]string {
	t.Helper()
	all := objects(t, store)
	maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, "_manifest/") })
	return all
}

func readEntry(t *testing.T, store sinks.Store, id string) *Entry {
	t.Helper()
	e, _, err := Manifest{store, &schema.EmailFind}.Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// noteOn returns what the note beside an entry tells, nil when there is none.
func noteOn(t *testing.T, store sinks.Store, id string) *Entry {
	t.Helper()
	m := Manifest{store, &schema.EmailFind}
	info, err := store.Stat(context.WithoutCancel(t.Context()), m.name(id))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := m.ofNote(id, info)
	if _, keeps := store.(sinks.Noter); keeps && e == nil && info.Note != "" {
		t.Errorf("the note of %s tells nothing: %s", id, info.Note)
	}
	return e
}

func hexSum(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

// truthful fails the test if the manifest names a file that is missing, or is
// neither what it says nor what it says is about to replace it.
func truthful(t *testing.T, store sinks.Store, ids ...string) {
	t.Helper()
	truthfulOf(t, store, false, ids...)
}

// truthfulOf is truthful, but that files may be missing if gone is set.
func truthfulOf(t *testing.T, store sinks.Store, gone bool, ids ...string) {
	t.Helper()
	all := objects(t, store)
	for _, id := range ids {
		e := readEntry(t, store, id)
		if e == nil {
			continue
		}
		if noted := noteOn(t, store, id); noted != nil && noted.UpdatedAt.IsZero() && noted.State != e.State {
			t.Errorf("the note of %s says that it is %s, the entry %s", id, noted.State, e.State)
		} else if want, _ := e.essence(); noted != nil && !noted.UpdatedAt.IsZero() && !reflect.DeepEqual(noted, want) {
			t.Errorf("the note of %s says %+v, the entry %+v", id, noted, want)
		}
		for format, f := range e.published() {
			data, ok := all[f.Path]
			sum := hexSum(data)
			if !ok && !gone || ok && sum != f.SHA256 && e.Replacing[format].SHA256 != sum {
				t.Errorf("manifest names %s, which is missing (%v) or different", f.Path, !ok)
			}
		}
	}
}

// stores are the kinds of store that the pipeline's promises are tested on.
var stores = map[string]func(t *testing.T) sinks.Store{
	"memory": func(*testing.T) sinks.Store { return sinks.NewMemory() },
	"local": func(t *testing.T) sinks.Store {
		s, err := local.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return s
	},
	// The real client, against fake-gcs-server. Each store is a folder of its
	// own in one of some buckets: that server searches a bucket from end to end.
	"gcs": func(t *testing.T) sinks.Store {
		n := storeCount.Add(1)
		s, err := gcs.Open(gcs.Config{
			Bucket: testBuckets[n%int64(len(testBuckets))], Prefix: fmt.Sprintf("store-%d", n), RetryPause: time.Microsecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	},
}

// forEachStore runs a subtest on each kind of store.
func forEachStore(t *testing.T, name string, test func(t *testing.T, store sinks.Store)) {
	for kind, open := range stores {
		t.Run(kind+"/"+name, func(t *testing.T) { test(t, open(t)) })
	}
}

var (
	testBuckets = func() (names []string) {
		for i := range 200 {
			names = append(names, fmt.Sprintf("bucket-%d", i))
		}
		return names
	}()
	storeCount atomic.Int64
)

package doctor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
	"enrow-export/sinks/storetest"
)

var update = flag.Bool("update", false, "write the golden files of doctor anew")

// fakeAPI answers with an account, or an error.
type fakeAPI struct {
	account pipeline.Account
	err     error
}

func (f fakeAPI) Account(context.Context) (pipeline.Account, error) { return f.account, f.err }

// now is the clock of all tests.
var now = time.Date(2026, 1, 20, 12, 0, 0, 0, time.UTC)

// goodAPI is an API that is content, and whose clock is right.
var goodAPI = fakeAPI{account: pipeline.Account{Credits: "1250.75", Webhooks: 1, Date: now}}

// Things that differ from machine to machine.
var differing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\.check-[A-Z2-7]+`), ".check-NAME"},
	{regexp.MustCompile(`[0-9.]+ [KMGTP]iB`), "N GiB"},
	{regexp.MustCompile(`[0-9,]+ open files: enough for --concurrency [0-9]+`), "N open files: enough for --concurrency N"},
	{regexp.MustCompile(`certificates of .*`), "certificates of the system"},
}

// findings makes all checks and returns them, a line each.
func findings(t *testing.T, cfg Config) string {
	t.Helper()
	var lines strings.Builder
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return now }
	}
	if cfg.APIURL == "" {
		cfg.APIURL = "https://api.enrow.io"
	}
	cfg.Timeout = time.Minute
	err := Run(t.Context(), cfg, func(c Check) {
		fmt.Fprintf(&lines, "%-11s  %-15s  %s\n", c.Status, c.Name, c.Found)
		if c.Hint != "" {
			fmt.Fprintf(&lines, "%32s%s\n", "hint: ", c.Hint)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(lines.String(), os.TempDir()+" can", "TMPDIR can")
	for _, d := range differing {
		text = d.what.ReplaceAllString(text, d.with)
	}
	return text
}

// golden compares findings with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-golden +found):\n%s", name, diff)
	}
}

// bucket returns a root in a store that is no directory.
func bucket(store sinks.Store) []Root {
	return []Root{{Flag: "to", At: "gs://bucket/enrow", Store: store, Service: "https://storage.googleapis.com"}}
}

// put writes an entry of that time.
func put(t *testing.T, store sinks.Store, id string, at time.Time, change func(*manifest.Entry)) {
	t.Helper()
	m := manifest.Manifest{Store: store, Table: schema.Tables()[0], ToolVersion: "1", Now: func() time.Time { return at }}
	if err := m.Change(t.Context(), id, change); err != nil {
		t.Fatal(err)
	}
}

func fails(e *manifest.Entry) {
	permanent := true
	e.State, e.Permanent, e.Error = manifest.StateFailed, &permanent, "x"
}

func ongoing(e *manifest.Entry) { e.State = manifest.StateOngoing }

// objects returns the names of all objects.
func objects(t *testing.T, store sinks.Store) (names []string) {
	t.Helper()
	for info, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	return names
}

// Each root as a user may have it, and all that is found there. Nothing is left in it, and
// nothing that was there before is touched.
func TestRoots(t *testing.T) {
	unlisted := errors.New("bucket gs://bucket does not exist")
	for name, test := range map[string]struct {
		prepare func(t *testing.T, store sinks.Store)
		wrap    func(store sinks.Store) sinks.Store
		left    int // objects that cannot be removed
	}{
		"good": {},
		"batches": {prepare: func(t *testing.T, store sinks.Store) {
			put(t, store, "a", now.Add(-time.Hour), func(*manifest.Entry) {})
			put(t, store, "b", now.Add(-2*time.Hour), ongoing)
		}},
		"troubled": {prepare: func(t *testing.T, store sinks.Store) {
			put(t, store, "old", now.Add(-8*24*time.Hour), func(*manifest.Entry) {})
			for _, id := range []string{"f1", "f2", "f3", "f4", "f5"} {
				put(t, store, id, now.Add(-time.Hour), fails)
			}
			put(t, store, "half", now.Add(-2*time.Hour), func(e *manifest.Entry) { e.Superseded = []string{"email_find/half.csv"} })
			for _, object := range []string{"_manifest/email_find/strange.json", "_manifest/.check-OLD"} {
				if _, err := store.Put(t.Context(), object, []byte("{}"), sinks.IfAbsent()); err != nil {
					t.Fatal(err)
				}
			}
		}},
		"careless": {wrap: func(s sinks.Store) sinks.Store { return &storetest.Careless{Store: s} }},
		"careless-of-versions": {wrap: func(s sinks.Store) sinks.Store {
			return &storetest.Careless{Store: s, Heeds: sinks.Condition.Absent}
		}},
		"careless-of-deletes": {wrap: func(s sinks.Store) sinks.Store { return deletesAll{s} }},
		"lagging":             {wrap: func(s sinks.Store) sinks.Store { return &storetest.Lagging{Store: s, Hides: isCheck} }},
		"no-put":              {wrap: denied("put")},
		"no-get":              {wrap: denied("get")},
		"no-list":             {wrap: denied("list")},
		"no-delete":           {wrap: denied("delete"), left: 2},
		"no-permission": {wrap: func(s sinks.Store) sinks.Store {
			return &storetest.Denied{Store: gone{errors.New("the credentials lack the permission to create")}, Ops: map[string]bool{"list": true}}
		}},
		"no-bucket": {wrap: func(sinks.Store) sinks.Store { return gone{unlisted} }},
	} {
		t.Run(name, func(t *testing.T) {
			store := sinks.Store(sinks.NewMemory())
			if test.prepare != nil {
				test.prepare(t, store)
			}
			before := objects(t, store)
			wrapped := store
			if test.wrap != nil {
				wrapped = test.wrap(store)
			}
			golden(t, name, findings(t, Config{API: goodAPI, Roots: bucket(sinks.WithTimeout(wrapped, time.Minute))}))
			if after := objects(t, store); len(after) != len(before)+test.left {
				t.Errorf("objects before %v, after %v", before, after)
			}
		})
	}
}

func isCheck(name string) bool { return strings.Contains(name, ".check-") }

func denied(op string) func(sinks.Store) sinks.Store {
	return func(s sinks.Store) sinks.Store {
		return &storetest.Denied{Store: s, Ops: map[string]bool{op: true}}
	}
}

// gone is a store behind which there is nothing.
type gone struct{ err error }

func (g gone) Put(context.Context, string, []byte, sinks.Condition) (sinks.Info, error) {
	return sinks.Info{}, g.err
}

func (g gone) Get(context.Context, string) ([]byte, sinks.Info, error) {
	return nil, sinks.Info{}, g.err
}

func (g gone) Stat(context.Context, string) (sinks.Info, error)      { return sinks.Info{}, g.err }
func (g gone) Delete(context.Context, string, sinks.Condition) error { return g.err }
func (g gone) Traits() sinks.Traits                                  { return sinks.FolderTraits }

func (g gone) List(context.Context, string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) { yield(sinks.Info{}, g.err) }
}

// deletesAll ignores the version of a delete alone.
type deletesAll struct{ sinks.Store }

func (d deletesAll) Delete(ctx context.Context, name string, _ sinks.Condition) error {
	return (&storetest.Careless{Store: d.Store}).Delete(ctx, name, sinks.IfVersion("any"))
}

// The checks of a directory, which has locks, space and a clock of its own.
func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	var stores [2]*local.Store
	for i := range stores {
		store, err := local.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		stores[i] = store
	}
	put(t, stores[0], "a", time.Now(), func(*manifest.Entry) {})
	dead := filepath.Join(dir, ".enrow-export-DEAD.tmp")
	if err := os.WriteFile(dead, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := objects(t, stores[0])
	root := Root{Flag: "into", At: "out", Store: sinks.WithTimeout(stores[0], time.Minute), Rival: sinks.WithTimeout(stores[1], time.Minute)}
	got := findings(t, Config{API: fakeAPI{account: pipeline.Account{Credits: "1", Date: time.Now()}}, Now: time.Now, Roots: []Root{root}})
	for _, masked := range []string{`last changed [0-9: -]+Z`, `file system (of this machine|that other machines may share.*)`} {
		got = regexp.MustCompile(masked).ReplaceAllString(got, "MASKED")
	}
	golden(t, "directory", got)
	if diff := cmp.Diff(before, objects(t, stores[0])); diff != "" {
		t.Errorf("objects (-before +after):\n%s", diff)
	}
	if _, err := os.Stat(dead); err != nil {
		t.Errorf("a temporary of another process: %v", err)
	}
}

func TestRootThatCannotBeOpened(t *testing.T) {
	golden(t, "not-open", findings(t, Config{Roots: []Root{{Flag: "to", At: "out", OpenErr: errors.New("out is a file, not a directory"), OpenHint: "name a directory"}}}))
}

// elsewhere is a store that knows more of how it is reached than its settings say.
type elsewhere struct {
	sinks.Store
	err error
}

func (e elsewhere) Connection(context.Context) (string, []string, error) {
	return "https://s3.example.com", []string{"AWS_CA_BUNDLE"}, e.err
}

func TestConnection(t *testing.T) {
	for name, unset := range map[string]string{"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""} {
		t.Setenv(name, unset)
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "https://s3.example.com without a proxy, certificates of AWS_CA_BUNDLE"},
		{errors.New("no client"), "https://storage.googleapis.com without a proxy, certificates of the system"},
	} {
		store := sinks.WithTimeout(elsewhere{sinks.NewMemory(), test.err}, time.Minute)
		var got string
		if err := Run(t.Context(), Config{APIURL: "https://api.enrow.io", Roots: bucket(store), Timeout: time.Minute}, func(c Check) {
			if c.Name == networkCheck {
				got = c.Found
			}
		}); err != nil || got != test.want {
			t.Errorf("%s, error %v, want %s", got, err, test.want)
		}
	}
}

// line returns the first line that has a text.
func line(text, has string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, has) {
			return line
		}
	}
	return ""
}

// A store that is not asked to keep conditions can be used all the same, and no check says
// that it keeps them. Another store does not know the flag.
func TestSingleWriter(t *testing.T) {
	for _, test := range []struct {
		store sinks.Store
		asked bool
	}{{&storetest.Careless{Store: sinks.NewContentMemory()}, false}, {sinks.NewMemory(), true}} {
		roots := bucket(test.store)
		roots[0].SingleWriter = true
		got := findings(t, Config{API: goodAPI, Roots: roots})
		status := map[bool]string{false: "not checked", true: "ok         "}[test.asked]
		for _, name := range []string{"conditions", "race", "stale-delete"} {
			if l := line(got, "  "+name+" "); !strings.HasPrefix(l, status) {
				t.Errorf("%s: %s", name, l)
			}
		}
		if l := line(got, "  delete "); !strings.HasPrefix(l, "ok") {
			t.Error(l)
		}
	}
}

// unreachable is a store whose listing takes long to find out that nothing listens, and so
// would anything else.
type unreachable struct {
	sinks.Store
	asked bool
}

func (u *unreachable) List(context.Context, string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		yield(sinks.Info{}, fmt.Errorf("%w: %w", sinks.ErrUnreachable, &sinks.AdvisedError{Text: "no connection", Hint: "check the network"}))
	}
}

func (u *unreachable) Put(context.Context, string, []byte, sinks.Condition) (sinks.Info, error) {
	u.asked = true
	return sinks.Info{}, errors.New("asked again")
}

func TestUnreachable(t *testing.T) {
	store := &unreachable{Store: sinks.NewMemory()}
	got := findings(t, Config{API: goodAPI, Roots: bucket(store)})
	if l := line(got, "  root "); store.asked || !strings.HasPrefix(l, "failed") || !strings.Contains(l, "no connection") {
		t.Errorf("asked again: %t\n%s", store.asked, got)
	}
}

// unlistable is a store whose permissions do not tell an object that is gone from one that
// may not be read, as those of S3 without s3:ListBucket.
type unlistable struct{ sinks.Store }

var errNoList = errors.New("the credentials lack the permission list")

func (u unlistable) Stat(ctx context.Context, name string) (sinks.Info, error) {
	info, err := u.Store.Stat(ctx, name)
	if errors.Is(err, sinks.ErrNotExist) {
		err = errNoList
	}
	return info, err
}

func (u unlistable) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	if _, err := u.Stat(ctx, name); err != nil {
		return err
	}
	return u.Store.Delete(ctx, name, cond)
}

func (u unlistable) List(context.Context, string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) { yield(sinks.Info{}, errNoList) }
}

// What was deleted is not said to be left.
func TestDeletedIsNotLeft(t *testing.T) {
	got := findings(t, Config{API: goodAPI, Roots: bucket(unlistable{sinks.NewMemory()})})
	if l := line(got, "  clean-up "); !strings.HasPrefix(l, "ok") {
		t.Error(l)
	}
}

// stopping cancels the checks at an operation, which then still takes effect.
type stopping struct {
	sinks.Store
	cancel context.CancelCauseFunc
	puts   atomic.Int64 // until it stops
}

var errStopped = errors.New("stopped")

func (s *stopping) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	if s.puts.Add(-1) == 0 {
		s.cancel(errStopped)
		ctx = context.WithoutCancel(ctx)
	}
	return s.Store.Put(ctx, name, data, cond)
}

// An interrupted doctor leaves nothing behind, and says why it ended.
func TestInterrupted(t *testing.T) {
	for puts := 1; puts <= 7; puts++ {
		ctx, cancel := context.WithCancelCause(t.Context())
		store := sinks.NewMemory()
		stops := &stopping{Store: store, cancel: cancel}
		stops.puts.Store(int64(puts))
		err := Run(ctx, Config{APIURL: "https://api.enrow.io", Roots: bucket(stops)}, func(c Check) {
			if c.Status == Failed {
				t.Errorf("put %d: %s failed: %s", puts, c.Name, c.Found)
			}
		})
		if !errors.Is(err, errStopped) {
			t.Errorf("put %d: error %v", puts, err)
		}
		if left := objects(t, store); left != nil {
			t.Errorf("put %d: %v are left", puts, left)
		}
	}
}

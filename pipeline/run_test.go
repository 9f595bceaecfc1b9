package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

func TestExportThenNothingToDo(t *testing.T) {
	source := newAnswers()
	body := finished("b", "x", 2)
	source.set("b", body)
	store := &storetest.Faulty{Store: sinks.NewMemory()}
	cfg := config(t, source, store, "csv", "ndjson=gzip")
	cfg.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	res := export(t, cfg, "b", Exported)
	got := readEntry(t, store, "b")
	if diff := cmp.Diff(res.Entry.Files, got.Files); diff != "" {
		t.Errorf("result and manifest differ:\n%s", diff)
	}
	all := objects(t, store)
	rows, now := int64(2), cfg.Now()
	want := &Entry{
		ManifestVersion: 1, BatchID: "b", Kind: "email-find", State: StateExported,
		Batch: got.Batch, Rows: &rows,
		Schema:        &SchemaRef{Table: "email_find", Version: 1, Fingerprint: schema.EmailFind.Fingerprint()},
		Source:        &SourceRef{hexSum(body), int64(len(body))},
		ContentSHA256: got.ContentSHA256, // compared with the files by the tests of Verify
		Files: map[string]File{
			"csv": {
				Path: "email_find/b.csv", Rows: 2, Bytes: int64(len(all["email_find/b.csv"])),
				SHA256: hexSum(all["email_find/b.csv"]), CRC32C: got.Files["csv"].CRC32C, Compression: "none",
			},
			"ndjson": {
				Path: "email_find/b.ndjson.gz", Rows: 2, Bytes: int64(len(all["email_find/b.ndjson.gz"])),
				SHA256: hexSum(all["email_find/b.ndjson.gz"]), CRC32C: got.Files["ndjson"].CRC32C, Compression: "gzip",
			},
		},
		FirstExportedAt: &now, UpdatedAt: now, Attempts: 1, ToolVersion: "test",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	ops := store.Ops()
	manifestAt := slices.Index(ops, "put _manifest/email_find/b.json")
	for _, file := range []string{"put email_find/b.csv", "put email_find/b.ndjson.gz"} {
		if at := slices.Index(ops, file); at < 0 || at > manifestAt {
			t.Errorf("%s is operation %d, the manifest's is %d: %v", file, at, manifestAt, ops)
		}
	}

	before := len(store.Ops())
	res = export(t, cfg, "b", Done)
	if *res.Entry.Rows != 2 || source.count("b") != 1 {
		t.Errorf("second run: %d rows, %d requests, want 2 and 1", *res.Entry.Rows, source.count("b"))
	}
	for _, op := range store.Ops()[before:] {
		if strings.HasPrefix(op, "put") || strings.HasPrefix(op, "delete") {
			t.Errorf("second run does %s", op)
		}
	}
}

// Each change of what is asked for, on a batch that is exported as csv: which
// requests are made and which files are there afterwards.
func TestSettingsChange(t *testing.T) {
	cases := []struct {
		name     string
		formats  []string
		change   func(*Config)
		source   string
		outcome  Outcome
		requests int
		want     string // names of the data files
	}{
		{"same", []string{"csv"}, nil, "old", Done, 0, "email_find/b.csv"},
		{"format added", []string{"csv", "ndjson"}, nil, "old", Exported, 1, "email_find/b.csv email_find/b.ndjson"},
		{"other format", []string{"ndjson"}, nil, "old", Exported, 1, "email_find/b.csv email_find/b.ndjson"},
		{"compression", []string{"csv=zstd"}, nil, "old", Exported, 1, "email_find/b.csv.zst"},
		{"layout", []string{"csv"}, func(c *Config) { c.Layout, _ = ParseLayout("x-{table}/{batch_id}/data.{ext}") }, "old", Exported, 1, "x-email_find/b/data.csv"},
		{"force", []string{"csv"}, func(c *Config) { c.Force = true }, "old", Exported, 1, "email_find/b.csv"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := sinks.NewMemory()
			source := newAnswers()
			source.set("b", finished("b", "old", 2))
			export(t, config(t, source, store, "csv"), "b", Exported)
			original := files(t, store)["email_find/b.csv"]

			source = newAnswers()
			source.set("b", finished("b", c.source, 2))
			cfg := config(t, source, store, c.formats...)
			if c.change != nil {
				c.change(&cfg)
			}
			export(t, cfg, "b", c.outcome)
			if source.count("b") != c.requests {
				t.Errorf("%d requests, want %d", source.count("b"), c.requests)
			}
			var names []string
			for name, data := range files(t, store) {
				names = append(names, name)
				if strings.HasSuffix(name, "csv") && data != original {
					t.Errorf("%s is not what it was", name)
				}
			}
			slices.Sort(names)
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("files %s, want %s", got, c.want)
			}
			truthful(t, store, "b")
			export(t, cfg.with(func(c *Config) { c.Force = false }), "b", Done)
		})
	}
}

func (c Config) with(change func(*Config)) Config {
	change(&c)
	return c
}

// A format that is added from an answer that has changed must not stand beside
// files of the old one.
func TestFormatAddedFromAnotherAnswer(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("b", finished("b", "old", 2))
	export(t, config(t, source, store, "csv=gzip", "parquet"), "b", Exported)
	source.set("b", finished("b", "new", 2))
	export(t, config(t, source, store, "ndjson"), "b", Exported)

	clean := sinks.NewMemory()
	export(t, config(t, source, clean, "csv=gzip", "parquet", "ndjson"), "b", Exported)
	if diff := cmp.Diff(files(t, clean), files(t, store)); diff != "" {
		t.Errorf("files (-of the new answer +got):\n%s", diff)
	}
}

func TestFailures(t *testing.T) {
	transient := &Error{Op: "fetch", Batch: "b", Class: Transient, Err: errors.New("try later"), Hint: "wait"}
	cases := []struct {
		name      string
		reply     any
		permanent bool
	}{
		{"transient", transient, false},
		{"permanent", &Error{Op: "fetch", Batch: "b", Class: Permanent, Err: errors.New("unknown")}, true},
		{"vendor's failure", `{"general":{"id":"b","status":"failed","why":1},"stats":{}}`, true},
		{"unreadable", `{"general":}`, true},
		{"cut off", `{"general":{}`, false},
		{"unclassified", errors.New("odd"), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, source := sinks.NewMemory(), newAnswers()
			source.set("b", c.reply)
			cfg := config(t, source, store, "csv")
			res := export(t, cfg, "b", FailedBatch)
			if IsPermanent(res.Err) != c.permanent {
				t.Errorf("error %v, permanent %v, want %v", res.Err, IsPermanent(res.Err), c.permanent)
			}
			e := readEntry(t, store, "b")
			if e.State != StateFailed || *e.Permanent != c.permanent || e.Error != res.Err.Error() || e.Attempts != 1 {
				t.Errorf("entry %+v", e)
			}
			if strings.Contains(c.name, "vendor") && string(e.Batch) == "" {
				t.Error("the vendor's words are not kept")
			}
			if names := files(t, store); len(names) != 0 {
				t.Errorf("files of a failed batch: %v", names)
			}
			// A later run that names the batch asks again, and may succeed.
			source.set("b", finished("b", "x", 1))
			export(t, cfg, "b", Exported)
			if e := readEntry(t, store, "b"); e.State != StateExported || e.Permanent != nil || e.Error != "" || e.Attempts != 2 {
				t.Errorf("entry after success %+v", e)
			}
			// What is exported stays so, whatever a forced run meets.
			want := files(t, store)
			source.set("b", c.reply)
			cfg.Force = true
			export(t, cfg, "b", FailedBatch)
			e = readEntry(t, store, "b")
			if e.State != StateExported || e.Error == "" || e.Attempts != 3 {
				t.Errorf("entry after a forced failure %+v", e)
			}
			if diff := cmp.Diff(want, files(t, store)); diff != "" {
				t.Errorf("files after a forced failure:\n%s", diff)
			}
			cfg.Force = false
			export(t, cfg, "b", Done)
		})
	}
}

func TestOneFailureDoesNotStopTheOthers(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	var ids []string
	for i := range 30 {
		id := fmt.Sprintf("b%02d", i)
		ids = append(ids, id, id) // twice: exported once
		if i%3 != 0 {
			source.set(id, finished(id, "x", 1))
		}
	}
	results, s, err := runAll(t.Context(), t, config(t, source, store, "csv"), ids...)
	if err != nil || s.Asked != 30 || s.Exported != 20 || s.Failed != 10 || s.NotTried != 0 || s.Rows != 20 || len(results) != 30 {
		t.Errorf("summary %+v, %d results, error %v", s, len(results), err)
	}
	for _, id := range ids {
		if n := source.count(id); n != 1 {
			t.Errorf("%d requests for %s, want 1", n, id)
		}
	}
}

func TestFatalErrorStopsTheRun(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	fatal := &Error{Op: "fetch", Class: Fatal, Err: errors.New("bad key"), Hint: "check the key"}
	var ids []string
	for i := range 200 {
		id := fmt.Sprintf("b%03d", i)
		ids = append(ids, id)
		source.set(id, finished(id, "x", 1))
		if i == 20 {
			source.set(id, fatal)
		}
	}
	cfg := config(t, source, store, "csv")
	cfg.Concurrency = 1
	_, s, err := runAll(t.Context(), t, cfg, ids...)
	var stop *Error
	if !errors.As(err, &stop) || stop.Class != Fatal || Hint(err) != "check the key" {
		t.Errorf("error %v, want the fatal one", err)
	}
	// Of those before it some may have been on their way into the store.
	underWay := cfg.Encoders + maxPublishing
	if s.Exported > 20 || s.Exported < 20-underWay || s.Exported+s.NotTried != len(ids) || source.count("b021") != 0 {
		t.Errorf("summary %+v, %d requests for the next batch", s, source.count("b021"))
	}
	if e := readEntry(t, store, "b020"); e != nil {
		t.Errorf("a fault of the run is noted at a batch: %+v", e)
	}
}

func TestUnusableEntryIsLeftAlone(t *testing.T) {
	whole := func() string {
		store, source := sinks.NewMemory(), newAnswers()
		source.set("b", finished("b", "x", 1))
		export(t, config(t, source, store, "csv"), "b", Exported)
		return objects(t, store)["_manifest/email_find/b.json"]
	}()
	for name, entry := range map[string]string{
		"cut":             whole[:len(whole)/2],
		"empty":           "",
		"unknown version": strings.Replace(whole, `"manifest_version": 1`, `"manifest_version": 2`, 1),
		"no version":      strings.Replace(whole, `"manifest_version": 1,`, ``, 1),
		"unknown field":   strings.Replace(whole, `"rows": 1,`, `"rows": 1, "later": 1,`, 1),
		"unknown state":   strings.Replace(whole, `"exported"`, `"done"`, 1),
		"other batch":     strings.Replace(whole, `"batch_id": "b"`, `"batch_id": "c"`, 1),
		"other kind":      strings.Replace(whole, `email-find`, `phone-find`, 1),
		"no files":        whole[:strings.Index(whole, `  "files"`)] + whole[strings.Index(whole, `  "first_exported_at"`):],
		"path escapes":    strings.Replace(whole, `email_find/b.csv`, `../../etc/passwd`, 1),
		"path of ours":    strings.Replace(whole, `email_find/b.csv`, `_manifest/email_find/b.json`, 1),
		"unknown format":  strings.Replace(whole, `"csv": {`, `"orc": {`, 1),
		"two values":      whole + whole,
	} {
		if entry == whole {
			t.Fatalf("%s changes nothing", name)
		}
		forEachStore(t, name, func(t *testing.T, store sinks.Store) {
			source := newAnswers()
			source.set("b", finished("b", "y", 1))
			put := func(name, data string) {
				if _, err := store.Put(t.Context(), name, []byte(data), sinks.IfAbsent()); err != nil {
					t.Fatal(err)
				}
			}
			put("_manifest/email_find/b.json", entry)
			put("email_find/b.csv", "data")
			before := objects(t, store)
			for _, force := range []bool{false, true} {
				cfg := config(t, source, store, "csv")
				cfg.Force = force
				res := export(t, cfg, "b", FailedBatch)
				var unusable *EntryError
				if !errors.As(res.Err, &unusable) || !IsPermanent(res.Err) || Hint(res.Err) == "" {
					t.Errorf("error %v, want an *EntryError with advice", res.Err)
				}
			}
			if diff := cmp.Diff(before, objects(t, store)); diff != "" {
				t.Errorf("something was overwritten:\n%s", diff)
			}
			if source.count("b") != 0 {
				t.Error("the API was asked")
			}
		})
	}
}

func TestPlan(t *testing.T) {
	store, source := sinks.NewMemory(), newAnswers()
	source.set("done", finished("done", "x", 1))
	source.set("slow", ongoing("slow", 1, 2))
	cfg := config(t, source, store, "csv")
	if _, _, err := runAll(t.Context(), t, cfg, "done", "slow", "bad"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), "_manifest/email_find/cut.json", []byte("{"), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	before := objects(t, store)
	plan := func(cfg Config) map[string]string {
		got := make(map[string]string)
		cfg.Source = nil
		err := Plan(t.Context(), cfg, []string{"done", "slow", "bad", "fresh", "cut", "done"}, func(p Planned) {
			got[p.BatchID] = fmt.Sprintf("%v %s", p.Export, p.Reason)
			if (p.Err != nil) != (p.BatchID == "cut") {
				t.Errorf("%s: error %v", p.BatchID, p.Err)
			}
		})
		if err != nil {
			t.Error(err)
		}
		return got
	}
	want := map[string]string{
		"done": "false is done", "slow": "true was ongoing", "bad": "true failed before", "fresh": "true new", "cut": "false ",
	}
	if diff := cmp.Diff(want, plan(cfg)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	want["done"] = "true is done, but forced"
	if diff := cmp.Diff(want, plan(cfg.with(func(c *Config) { c.Force = true }))); diff != "" {
		t.Errorf("forced plan (-want +got):\n%s", diff)
	}
	want["done"] = "true has no ndjson yet"
	if diff := cmp.Diff(want, plan(config(t, nil, store, "csv", "ndjson"))); diff != "" {
		t.Errorf("plan of another format (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, objects(t, store)); diff != "" {
		t.Errorf("planning changed something:\n%s", diff)
	}
}

// TestRaces lets many runs work on the same batches at once. However they
// interleave, no run shows an error, and in the end the manifest is true.
func TestRaces(t *testing.T) {
	for kind, open := range stores {
		for _, differ := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/sources differ %v", kind, differ), func(t *testing.T) {
				store := open(t)
				ids := []string{"b1", "b2", "b3"}
				var wg sync.WaitGroup
				for runner := range 8 {
					source := newAnswers()
					for _, id := range ids {
						content := "same"
						if differ {
							content = fmt.Sprintf("run%d", runner)
						}
						source.set(id, finished(id, content, 5))
					}
					cfg := config(t, source, store, "csv", "ndjson")
					cfg.Force = runner%2 == 1
					if runner >= 6 {
						cfg.Encodings = cfg.Encodings[:1]
					}
					wg.Go(func() {
						results, _, err := runAll(t.Context(), t, cfg, ids...)
						if err != nil {
							t.Error(err)
						}
						for id, res := range results {
							if res.Err != nil {
								t.Errorf("run %d, batch %s: %v", runner, id, res.Err)
							}
							// Who loses a race, to those that are forced, may have to
							// make his files again.
							if n := source.count(id); n > 3 {
								t.Errorf("run %d asked %d times for %s", runner, n, id)
							}
						}
					})
				}
				wg.Wait()
				truthful(t, store, ids...)
				for _, id := range ids {
					if e := readEntry(t, store, id); e.State != StateExported || len(e.Replacing) > 0 || len(e.Files) != 2 {
						t.Errorf("entry of %s: %+v", id, e)
					}
				}
			})
		}
	}
}

// full is a Store that can be read, but nothing fits into it any more.
type full struct{ sinks.Store }

func (full) Put(context.Context, string, []byte, sinks.Condition) (sinks.Info, error) {
	return sinks.Info{}, fmt.Errorf("%w: no space left", sinks.ErrUnreachable)
}

func TestUnusableDestinationStopsTheRun(t *testing.T) {
	source := newAnswers()
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("b%02d", i))
		source.set(ids[i], finished(ids[i], "x", 1))
	}
	cfg := config(t, source, full{sinks.NewMemory()}, "csv")
	cfg.Concurrency = 1
	_, s, err := runAll(t.Context(), t, cfg, ids...)
	var stop *Error
	if !errors.As(err, &stop) || stop.Class != Fatal || Hint(err) == "" ||
		!strings.HasPrefix(err.Error(), "publish: write email_find/b") || !strings.HasSuffix(err.Error(), ".csv: destination cannot be used: no space left") {
		t.Errorf("error %q with the hint %q, want a fatal one of a file, with advice", err, Hint(err))
	}
	requests := 0
	for _, id := range ids {
		requests += source.count(id)
	}
	// Those that were on their way when the first one failed.
	if most := cfg.Concurrency + cfg.Encoders + maxPublishing; s.NotTried != len(ids) || requests > most {
		t.Errorf("summary %+v, %d requests, want at most %d", s, requests, most)
	}
}

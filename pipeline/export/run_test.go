package export_test

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

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

func TestExportThenNothingToDo(t *testing.T) {
	source := pipelinetest.NewAnswers()
	body := pipelinetest.Finished("b", "x", 2)
	source.Set("b", body)
	store := &storetest.Faulty{Store: sinks.NewMemory()}
	cfg := pipelinetest.NewConfig(t, source, store, "csv", "ndjson=gzip")
	cfg.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	res := pipelinetest.Export(t, cfg, "b", export.Exported)
	got := pipelinetest.ReadEntry(t, store, "b")
	if diff := cmp.Diff(res.Entry.Files, got.Files); diff != "" {
		t.Errorf("result and manifest differ:\n%s", diff)
	}
	all := pipelinetest.Objects(t, store)
	rows, now := int64(2), cfg.Now()
	want := &manifest.Entry{
		ManifestVersion: 1, BatchID: "b", Kind: "email-find", State: manifest.StateExported,
		Batch: got.Batch, Rows: &rows,
		Schema:        &manifest.SchemaRef{Table: "email_find", Version: 1, Fingerprint: schema.EmailFind.Fingerprint()},
		Source:        &manifest.SourceRef{SHA256: pipelinetest.HexSum(body), Bytes: int64(len(body))},
		ContentSHA256: got.ContentSHA256, // compared with the files by the tests of Verify
		Files: map[string]manifest.File{
			"csv": {
				Path: "email_find/b.csv", Rows: 2, Bytes: int64(len(all["email_find/b.csv"])),
				SHA256: pipelinetest.HexSum(all["email_find/b.csv"]), CRC32C: got.Files["csv"].CRC32C, Compression: "none",
			},
			"ndjson": {
				Path: "email_find/b.ndjson.gz", Rows: 2, Bytes: int64(len(all["email_find/b.ndjson.gz"])),
				SHA256: pipelinetest.HexSum(all["email_find/b.ndjson.gz"]), CRC32C: got.Files["ndjson"].CRC32C, Compression: "gzip",
			},
		},
		RecordedAt: &now, FirstExportedAt: &now, UpdatedAt: now, Attempts: 1, ToolVersion: "test",
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
	res = pipelinetest.Export(t, cfg, "b", export.Done)
	if *res.Entry.Rows != 2 || source.Count("b") != 1 {
		t.Errorf("second run: %d rows, %d requests, want 2 and 1", *res.Entry.Rows, source.Count("b"))
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
		change   func(*export.Config)
		source   string
		outcome  export.Outcome
		requests int
		want     string // names of the data files
	}{
		{"same", []string{"csv"}, nil, "old", export.Done, 0, "email_find/b.csv"},
		{"format added", []string{"csv", "ndjson"}, nil, "old", export.Exported, 1, "email_find/b.csv email_find/b.ndjson"},
		{"other format", []string{"ndjson"}, nil, "old", export.Exported, 1, "email_find/b.csv email_find/b.ndjson"},
		{"compression", []string{"csv=zstd"}, nil, "old", export.Exported, 1, "email_find/b.csv.zst"},
		{"layout", []string{"csv"}, func(c *export.Config) { c.Layout, _ = manifest.ParseLayout("x-{table}/{batch_id}/data.{ext}") }, "old", export.Exported, 1, "x-email_find/b/data.csv"},
		{"force", []string{"csv"}, func(c *export.Config) { c.Force = true }, "old", export.Exported, 1, "email_find/b.csv"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := sinks.NewMemory()
			source := pipelinetest.NewAnswers()
			source.Set("b", pipelinetest.Finished("b", "old", 2))
			pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "b", export.Exported)
			original := pipelinetest.Files(t, store)["email_find/b.csv"]

			source = pipelinetest.NewAnswers()
			source.Set("b", pipelinetest.Finished("b", c.source, 2))
			cfg := pipelinetest.NewConfig(t, source, store, c.formats...)
			if c.change != nil {
				c.change(&cfg)
			}
			pipelinetest.Export(t, cfg, "b", c.outcome)
			if source.Count("b") != c.requests {
				t.Errorf("%d requests, want %d", source.Count("b"), c.requests)
			}
			var names []string
			for name, data := range pipelinetest.Files(t, store) {
				names = append(names, name)
				if strings.HasSuffix(name, "csv") && data != original {
					t.Errorf("%s is not what it was", name)
				}
			}
			slices.Sort(names)
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("files %s, want %s", got, c.want)
			}
			pipelinetest.Truthful(t, store, "b")
			pipelinetest.Export(t, pipelinetest.With(cfg, func(c *export.Config) { c.Force = false }), "b", export.Done)
		})
	}
}

// A format that is added from an answer that has changed must not stand beside
// files of the old one.
func TestFormatAddedFromAnotherAnswer(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("b", pipelinetest.Finished("b", "old", 2))
	pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv=gzip", "parquet"), "b", export.Exported)
	source.Set("b", pipelinetest.Finished("b", "new", 2))
	pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "ndjson"), "b", export.Exported)

	clean := sinks.NewMemory()
	pipelinetest.Export(t, pipelinetest.NewConfig(t, source, clean, "csv=gzip", "parquet", "ndjson"), "b", export.Exported)
	if diff := cmp.Diff(pipelinetest.Files(t, clean), pipelinetest.Files(t, store)); diff != "" {
		t.Errorf("files (-of the new answer +got):\n%s", diff)
	}
}

func TestFailures(t *testing.T) {
	transient := &pipeline.Error{Op: "fetch", Batch: "b", Class: pipeline.Transient, Err: errors.New("try later"), Hint: "wait"}
	cases := []struct {
		name      string
		reply     any
		permanent bool
	}{
		{"transient", transient, false},
		{"refused", &pipeline.Error{Op: "fetch", Batch: "b", Class: pipeline.Refused, Err: errors.New("unknown")}, false},
		{"vendor's failure", `{"general":{"id":"b","status":"failed","why":1},"stats":{}}`, true},
		{"failure of another batch", `{"general":{"id":"c","status":"failed","why":1},"stats":{}}`, false},
		{"unreadable", `{"general":}`, false},
		{"page", `<html>maintenance</html>`, false},
		{"unknown status", `{"general":{"id":"b","status":"queued"},"stats":{},"results":[]}`, false},
		{"another unknown status", `{"general":{"id":"b","status":"processing"},"stats":{}}`, false},
		{"status is null", `{"general":{"id":"b","status":null},"stats":{},"results":[]}`, false},
		{"totals lag", `{"general":{"id":"b","status":"completed"},"stats":{"requested":2},"results":[{"index":0}]}`, false},
		{"no results", `{"general":{"id":"b","status":"completed"},"stats":{}}`, false},
		{"cut off", `{"general":{}`, false},
		{"unclassified", errors.New("odd"), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
			source.Set("b", c.reply)
			cfg := pipelinetest.NewConfig(t, source, store, "csv")
			res := pipelinetest.Export(t, cfg, "b", export.Failed)
			if pipeline.IsPermanent(res.Err) != c.permanent {
				t.Errorf("error %v, permanent %v, want %v", res.Err, pipeline.IsPermanent(res.Err), c.permanent)
			}
			e := pipelinetest.ReadEntry(t, store, "b")
			if e.State != manifest.StateFailed || *e.Permanent != c.permanent || e.Error != res.Err.Error() || e.Attempts != 1 {
				t.Errorf("entry %+v", e)
			}
			if strings.Contains(c.name, "vendor") && string(e.Batch) == "" {
				t.Error("the vendor's words are not kept")
			}
			if names := pipelinetest.Files(t, store); len(names) != 0 {
				t.Errorf("files of a failed batch: %v", names)
			}
			// A later run that names the batch asks again, and may succeed.
			source.Set("b", pipelinetest.Finished("b", "x", 1))
			pipelinetest.Export(t, cfg, "b", export.Exported)
			if e := pipelinetest.ReadEntry(t, store, "b"); e.State != manifest.StateExported || e.Permanent != nil || e.Error != "" || e.Attempts != 2 {
				t.Errorf("entry after success %+v", e)
			}
			// What is exported stays so, whatever a forced run meets.
			want := pipelinetest.Files(t, store)
			source.Set("b", c.reply)
			cfg.Force = true
			pipelinetest.Export(t, cfg, "b", export.Failed)
			e = pipelinetest.ReadEntry(t, store, "b")
			if e.State != manifest.StateExported || e.Error == "" || e.Attempts != 3 {
				t.Errorf("entry after a forced failure %+v", e)
			}
			if diff := cmp.Diff(want, pipelinetest.Files(t, store)); diff != "" {
				t.Errorf("files after a forced failure:\n%s", diff)
			}
			cfg.Force = false
			pipelinetest.Export(t, cfg, "b", export.Done)
		})
	}
}

func TestOneFailureDoesNotStopTheOthers(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	var ids []string
	for i := range 30 {
		id := fmt.Sprintf("b%02d", i)
		ids = append(ids, id, id) // twice: exported once
		if i%3 != 0 {
			source.Set(id, pipelinetest.Finished(id, "x", 1))
		}
	}
	results, s, err := pipelinetest.RunAll(t.Context(), t, pipelinetest.NewConfig(t, source, store, "csv"), ids...)
	if err != nil || s.Asked != 30 || s.Exported != 20 || s.Failed != 10 || s.NotTried != 0 || s.Rows != 20 || len(results) != 30 {
		t.Errorf("summary %+v, %d results, error %v", s, len(results), err)
	}
	for _, id := range ids {
		if n := source.Count(id); n != 1 {
			t.Errorf("%d requests for %s, want 1", n, id)
		}
	}
}

func TestFatalErrorStopsTheRun(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	fatal := &pipeline.Error{Op: "fetch", Class: pipeline.Fatal, Err: errors.New("bad key"), Hint: "check the key"}
	var ids []string
	for i := range 200 {
		id := fmt.Sprintf("b%03d", i)
		ids = append(ids, id)
		source.Set(id, pipelinetest.Finished(id, "x", 1))
		if i == 20 {
			source.Set(id, fatal)
		}
	}
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	cfg.Concurrency = 1
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	var stop *pipeline.Error
	if !errors.As(err, &stop) || stop.Class != pipeline.Fatal || pipeline.Hint(err) != "check the key" {
		t.Errorf("error %v, want the fatal one", err)
	}
	// Of those before it some may have been on their way into the store.
	underWay := cfg.Encoders + sinks.FolderTraits.Operations
	if s.Exported > 20 || s.Exported < 20-underWay || s.Exported+s.NotTried != len(ids) || source.Count("b021") != 0 {
		t.Errorf("summary %+v, %d requests for the next batch", s, source.Count("b021"))
	}
	if e := pipelinetest.ReadEntry(t, store, "b020"); e != nil {
		t.Errorf("a fault of the run is noted at a batch: %+v", e)
	}
}

func TestUnusableEntryIsLeftAlone(t *testing.T) {
	whole := func() string {
		store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
		source.Set("b", pipelinetest.Finished("b", "x", 1))
		pipelinetest.Export(t, pipelinetest.NewConfig(t, source, store, "csv"), "b", export.Exported)
		return pipelinetest.Objects(t, store)["_manifest/email_find/b.json"]
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
		pipelinetest.ForEachStore(t, name, func(t *testing.T, store sinks.Store) {
			source := pipelinetest.NewAnswers()
			source.Set("b", pipelinetest.Finished("b", "y", 1))
			put := func(name, data string) {
				if _, err := store.Put(t.Context(), name, []byte(data), sinks.IfAbsent()); err != nil {
					t.Fatal(err)
				}
			}
			put("_manifest/email_find/b.json", entry)
			put("email_find/b.csv", "data")
			before := pipelinetest.Objects(t, store)
			for _, force := range []bool{false, true} {
				cfg := pipelinetest.NewConfig(t, source, store, "csv")
				cfg.Force = force
				res := pipelinetest.Export(t, cfg, "b", export.Failed)
				var unusable *manifest.EntryError
				if !errors.As(res.Err, &unusable) || pipeline.IsPermanent(res.Err) || pipeline.Hint(res.Err) == "" {
					t.Errorf("error %v, want an *EntryError with advice", res.Err)
				}
			}
			if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
				t.Errorf("something was overwritten:\n%s", diff)
			}
			if source.Count("b") != 0 {
				t.Error("the API was asked")
			}
		})
	}
}

func TestPlan(t *testing.T) {
	store, source := sinks.NewMemory(), pipelinetest.NewAnswers()
	source.Set("done", pipelinetest.Finished("done", "x", 1))
	source.Set("slow", pipelinetest.Ongoing("slow", 1, 2))
	cfg := pipelinetest.NewConfig(t, source, store, "csv")
	if _, _, err := pipelinetest.RunAll(t.Context(), t, cfg, "done", "slow", "bad"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), "_manifest/email_find/cut.json", []byte("{"), sinks.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	before := pipelinetest.Objects(t, store)
	plan := func(cfg export.Config) map[string]string {
		got := make(map[string]string)
		cfg.Source = nil
		err := export.Plan(t.Context(), cfg, []string{"done", "slow", "bad", "fresh", "cut", "done"}, func(p export.Planned) {
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
		"done": "false already exported", "slow": "true was ongoing", "bad": "true failed before", "fresh": "true new", "cut": "false ",
	}
	if diff := cmp.Diff(want, plan(cfg)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	want["done"] = "true already exported, but forced"
	if diff := cmp.Diff(want, plan(pipelinetest.With(cfg, func(c *export.Config) { c.Force = true }))); diff != "" {
		t.Errorf("forced plan (-want +got):\n%s", diff)
	}
	want["done"] = "true has no ndjson yet"
	if diff := cmp.Diff(want, plan(pipelinetest.NewConfig(t, nil, store, "csv", "ndjson"))); diff != "" {
		t.Errorf("plan of another format (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
		t.Errorf("planning changed something:\n%s", diff)
	}
}

// TestRaces lets many runs work on the same batches at once. However they
// interleave, no run shows an error, and in the end the manifest is true.
func TestRaces(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		for _, differ := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/sources differ %v", kind, differ), func(t *testing.T) {
				store := open(t)
				ids := []string{"b1", "b2", "b3"}
				var wg sync.WaitGroup
				for runner := range 8 {
					source := pipelinetest.NewAnswers()
					for _, id := range ids {
						content := "same"
						if differ {
							content = fmt.Sprintf("run%d", runner)
						}
						source.Set(id, pipelinetest.Finished(id, content, 5))
					}
					cfg := pipelinetest.NewConfig(t, source, store, "csv", "ndjson")
					cfg.Force = runner%2 == 1
					if runner >= 6 {
						cfg.Encodings = cfg.Encodings[:1]
					}
					wg.Go(func() {
						results, _, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
						if err != nil {
							t.Error(err)
						}
						for id, res := range results {
							if res.Err != nil {
								t.Errorf("run %d, batch %s: %v", runner, id, res.Err)
							}
							// Who loses a race, to those that are forced, may have to
							// make his files again.
							if n := source.Count(id); n > 3 {
								t.Errorf("run %d asked %d times for %s", runner, n, id)
							}
						}
					})
				}
				wg.Wait()
				pipelinetest.Truthful(t, store, ids...)
				for _, id := range ids {
					if e := pipelinetest.ReadEntry(t, store, id); e.State != manifest.StateExported || len(e.Replacing) > 0 || len(e.Files) != 2 {
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
	source := pipelinetest.NewAnswers()
	var ids []string
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("b%02d", i))
		source.Set(ids[i], pipelinetest.Finished(ids[i], "x", 1))
	}
	cfg := pipelinetest.NewConfig(t, source, full{sinks.NewMemory()}, "csv")
	cfg.Concurrency = 1
	_, s, err := pipelinetest.RunAll(t.Context(), t, cfg, ids...)
	var stop *pipeline.Error
	if !errors.As(err, &stop) || stop.Class != pipeline.Fatal || pipeline.Hint(err) == "" ||
		!strings.HasPrefix(err.Error(), "publish: write email_find/b") || !strings.HasSuffix(err.Error(), ".csv: destination cannot be used: no space left") {
		t.Errorf("error %q with the hint %q, want a fatal one of a file, with advice", err, pipeline.Hint(err))
	}
	requests := 0
	for _, id := range ids {
		requests += source.Count(id)
	}
	// Those that were on their way when the first one failed.
	if most := cfg.Concurrency + cfg.Encoders + sinks.FolderTraits.Operations; s.NotTried != len(ids) || requests > most {
		t.Errorf("summary %+v, %d requests, want at most %d", s, requests, most)
	}
}

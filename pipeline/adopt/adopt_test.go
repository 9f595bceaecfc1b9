package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/prune"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// adopted adopts and returns what is reported, as "outcome id" and "  path problem".
func adopted(ctx context.Context, t *testing.T, store sinks.Store, changes ...func(*Config)) ([]string, error) {
	t.Helper()
	exported := pipelinetest.NewConfig(t, nil, store)
	cfg := Config{Tables: schema.Tables(), Store: store, Layout: exported.Layout, Mem: exported.Mem, ToolVersion: "test"}
	for _, change := range changes {
		change(&cfg)
	}
	var lines []string
	err := Run(ctx, cfg, func(r Result) {
		lines = append(lines, fmt.Sprintf("%s %s", r.Outcome, r.BatchID))
		for _, f := range r.Left {
			mark := " "
			if f.Differs {
				mark = "!"
			}
			lines = append(lines, fmt.Sprintf(" %s%s %s", mark, f.Path, f.Problem))
		}
		if (r.Err != nil) != (r.Outcome == Failed) || (r.Entry != nil) != (r.Outcome == Adopted) {
			t.Errorf("%+v", r)
		}
	})
	return lines, err
}

// lose deletes all entries.
func lose(t *testing.T, store sinks.Store) {
	t.Helper()
	for name := range pipelinetest.Objects(t, store) {
		if strings.HasPrefix(name, "_manifest/") {
			pipelinetest.RemoveObject(t, store, name)
		}
	}
}

// nothingLeft fails the test unless pruning finds nothing and adopting again changes
// nothing.
func nothingLeft(t *testing.T, store sinks.Store, layout manifest.Layout) {
	t.Helper()
	refusal, err := prune.Run(t.Context(), prune.Config{Tables: schema.Tables(), Store: store, Layout: layout}, func(u prune.Unnamed) {
		t.Errorf("prune finds %s %s", u.Reason, u.Path)
	})
	if refusal != nil || err != nil {
		t.Errorf("prune: refusal %v, error %v", refusal, err)
	}
	before := pipelinetest.Objects(t, store)
	again, err := adopted(t.Context(), t, store, func(c *Config) { c.Layout = layout })
	if err != nil || again != nil {
		t.Errorf("adopted again: %q, error %v", again, err)
	}
	if diff := cmp.Diff(before, pipelinetest.Objects(t, store)); diff != "" {
		t.Errorf("adopting again changes something:\n%s", diff)
	}
}

// Whatever was exported with copies: the entries are those that were lost, verification
// and pruning find nothing, and an export has nothing to do.
func TestAdopt(t *testing.T) {
	ids := []string{"empty", "few", "many", "odd"}
	for name, change := range map[string]func(*export.Config){
		"default":   func(*export.Config) {},
		"columns":   func(c *export.Config) { c.Columns = []string{"batch_id", "email"} },
		"layout":    func(c *export.Config) { c.Layout, _ = manifest.ParseLayout("{ext}/{table}/b={batch_id}/data") },
		"one place": func(c *export.Config) { c.Layout, _ = manifest.ParseLayout("{batch_id}-{table}.{ext}") },
		"csv-safe":  func(c *export.Config) { c.Encodings[2].CSVSafe = true },
		"other kind": func(c *export.Config) {
			c.Table = &schema.PhoneFind
		},
	} {
		for _, formats := range [][]string{{"parquet", "ndjson", "csv"}, {"parquet=snappy", "ndjson=gzip", "csv=zstd"}, {"parquet=none", "ndjson", "csv=gzip"}} {
			pipelinetest.ForEachStore(t, name+"/"+formats[0], func(t *testing.T, store sinks.Store) {
				t.Parallel()
				source := pipelinetest.NewAnswers()
				source.Set("empty", pipelinetest.Finished("empty", "x", 0))
				source.Set("few", pipelinetest.Finished("few", "=é", 3))
				source.Set("many", pipelinetest.Finished("many", "x", 300))
				source.Set("odd", strings.Replace(pipelinetest.Finished("odd", "x", 4), `"finished":4`, `"finished":5`, 1))
				cfg := pipelinetest.NewConfig(t, source, store, formats...)
				cfg.KeepRaw, cfg.AllowMismatch = true, true
				change(&cfg)
				m := manifest.Manifest{Store: store, Table: cfg.Table}
				want := make(map[string]*manifest.Entry)
				for _, id := range ids {
					pipelinetest.Export(t, cfg, id, export.Exported)
					var err error
					if want[id], _, err = m.Read(t.Context(), id); err != nil {
						t.Fatal(err)
					}
				}
				lose(t, store)
				files := pipelinetest.Files(t, store)
				as := func(c *Config) { c.Layout, c.Encodings = cfg.Layout, cfg.Encodings }
				lines := []string{"adopted empty", "adopted few", "adopted many", "adopted odd"}

				dry, err := adopted(t.Context(), t, store, as, func(c *Config) { c.DryRun = true })
				if diff := cmp.Diff(lines, dry); diff != "" || err != nil {
					t.Errorf("dry run, error %v (-want +got):\n%s", err, diff)
				}
				if diff := cmp.Diff(files, pipelinetest.Objects(t, store)); diff != "" {
					t.Errorf("a dry run changes something:\n%s", diff)
				}
				got, err := adopted(t.Context(), t, store, as)
				if diff := cmp.Diff(lines, got); diff != "" || err != nil {
					t.Errorf("error %v (-want +got):\n%s", err, diff)
				}
				for _, id := range ids {
					e, _, err := m.Read(t.Context(), id)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want[id], e, pipelinetest.EntryIgnore); diff != "" {
						t.Errorf("entry (-lost +adopted):\n%s", diff)
					}
					checked := pipelinetest.Verify(t, store, "full", 1, cfg.Table, id)
					if len(checked.Differences) > 0 || e.FirstExportedAt == nil {
						t.Errorf("differences %v, entry %+v", checked.Differences, e)
					}
					asked := source.Count(id)
					pipelinetest.Export(t, cfg, id, export.Done)
					if source.Count(id) != asked {
						t.Errorf("%s is asked for again", id)
					}
				}
				if diff := cmp.Diff(files, pipelinetest.Files(t, store)); diff != "" {
					t.Errorf("files have changed:\n%s", diff)
				}
				nothingLeft(t, store, cfg.Layout)
			})
		}
	}
}

// What is not as the answer says is reported and stays, and so is what one entry cannot
// name.
func TestAdoptLeavesWhatDiffers(t *testing.T) {
	pipelinetest.ForEachStore(t, "differs", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		keep := func(id, content string, formats ...string) {
			source.Set(id, pipelinetest.Finished(id, content, 2))
			cfg := pipelinetest.NewConfig(t, source, store, formats...)
			cfg.KeepRaw = true
			pipelinetest.Export(t, cfg, id, export.Exported)
		}
		elsewhere := func(id, content, format string, rows int, columns ...string) string {
			other := sinks.NewMemory()
			source.Set(id, pipelinetest.Finished(id, content, rows))
			cfg := pipelinetest.NewConfig(t, source, other, format)
			cfg.Columns = columns
			pipelinetest.Export(t, cfg, id, export.Exported)
			for _, data := range pipelinetest.Files(t, other) {
				return data
			}
			panic("no file")
		}
		for _, id := range []string{"all", "badraw", "both", "half", "notaraw", "otherraw"} {
			keep(id, "x", "csv", "ndjson")
		}
		lose(t, store)
		pipelinetest.ReplaceObject(t, store, "email_find/all.csv", elsewhere("all", "y", "csv", 2))
		pipelinetest.ReplaceObject(t, store, "email_find/all.ndjson", "cut")
		pipelinetest.ReplaceObject(t, store, "email_find/half.ndjson", elsewhere("both", "x", "ndjson", 2))
		pipelinetest.ReplaceObject(t, store, "_raw/email_find/badraw.json.zst", "cut")
		pipelinetest.ReplaceObject(t, store, "_raw/email_find/otherraw.json.zst", pipelinetest.CopyOf(t, []byte(pipelinetest.Finished("x", "x", 2))))
		pipelinetest.ReplaceObject(t, store, "_raw/email_find/notaraw.json.zst", pipelinetest.CopyOf(t, []byte(pipelinetest.Ongoing("notaraw", 1, 2))))
		pipelinetest.PutObject(t, store, "email_find/both.csv.gz", elsewhere("both", "x", "csv=gzip", 2))
		pipelinetest.PutObject(t, store, "email_find/both.parquet", elsewhere("both", "x", "parquet", 2, "batch_id", "email"))
		pipelinetest.PutObject(t, store, "email_find/mine.csv", "mine\n")
		pipelinetest.PutObject(t, store, "email_find/nothing.csv", elsewhere("nothing", "x", "csv", 0))
		pipelinetest.PutObject(t, store, "_manifest/email_find/cut.json", "{")
		pipelinetest.PutObject(t, store, "email_find/cut.csv", elsewhere("cut", "x", "csv", 2))
		before := pipelinetest.Files(t, store)
		got, err := adopted(t.Context(), t, store, func(c *Config) { c.Encodings = pipelinetest.NewConfig(t, nil, nil, "ndjson").Encodings })
		want := []string{
			"queued all", " !email_find/all.csv has other rows than the response", " !email_find/all.ndjson is not recognised as a file of the batch",
			"queued badraw", " !_raw/email_find/badraw.json.zst cannot be read back: read zstd: unexpected EOF",
			"  email_find/badraw.csv has no raw copy that shows which response it was made from",
			"  email_find/badraw.ndjson has no raw copy that shows which response it was made from",
			"adopted both", "  email_find/both.parquet has other columns than the other files of the batch", "  email_find/both.csv.gz is a second csv file of the batch",
			"failed cut",
			"adopted half", " !email_find/half.ndjson belongs to another batch or table than its path",
			"left mine", " !email_find/mine.csv is not recognised as a file of the batch",
			"queued notaraw", " !_raw/email_find/notaraw.json.zst has the response of a batch that is ongoing",
			"  email_find/notaraw.csv has no raw copy that shows which response it was made from",
			"  email_find/notaraw.ndjson has no raw copy that shows which response it was made from",
			"left nothing", "  email_find/nothing.csv has no rows and does not name its batch",
			"queued otherraw", " !_raw/email_find/otherraw.json.zst has no response for the batch: ",
			"  email_find/otherraw.csv has no raw copy that shows which response it was made from",
			"  email_find/otherraw.ndjson has no raw copy that shows which response it was made from",
		}
		for i := range got { // the rest is Flatten's and the decompressor's
			for _, stem := range []string{"has no response for the batch: ", "cannot be read back: "} {
				if head, rest, ok := strings.Cut(got[i], stem); ok && rest != "" && !strings.Contains(rest, "@") {
					got[i] = head + stem
				}
			}
		}
		for i := range want {
			if head, _, ok := strings.Cut(want[i], "cannot be read back: "); ok {
				want[i] = head + "cannot be read back: "
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(before, pipelinetest.Files(t, store)); diff != "" {
			t.Errorf("files have changed:\n%s", diff)
		}
		for _, id := range []string{"both", "half"} {
			pipelinetest.Sound(t, store, id)
		}
		objects := pipelinetest.Objects(t, store)
		for _, id := range []string{"mine", "nothing"} {
			if _, there := objects["_manifest/email_find/"+id+".json"]; there {
				t.Errorf("%s has an entry", id)
			}
		}
		again, err := adopted(t.Context(), t, store)
		if diff := cmp.Diff(objects, pipelinetest.Objects(t, store)); diff != "" || err != nil || slices.Contains(again, "queued all") {
			t.Errorf("adopting again, %q, error %v, changes something:\n%s", again, err, diff)
		}
	})
}

// Without a copy the next export asks again, and takes the files over.
func TestAdoptWithoutCopies(t *testing.T) {
	pipelinetest.ForEachStore(t, "no copies", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		cfg := pipelinetest.NewConfig(t, source, store, "parquet", "csv")
		for _, id := range []string{"same", "changed", "failed"} {
			source.Set(id, pipelinetest.Finished(id, "x", 2))
			pipelinetest.Export(t, cfg, id, export.Exported)
		}
		files := pipelinetest.Files(t, store)
		lose(t, store)
		source.Set("failed", errors.New("no answer"), pipelinetest.Finished("failed", "x", 2))
		other := pipelinetest.With(cfg, func(c *export.Config) { c.Columns = []string{"batch_id", "email"} })
		pipelinetest.Export(t, other, "failed", export.Failed)
		failed := pipelinetest.ReadEntry(t, store, "failed")

		got, err := adopted(t.Context(), t, store, func(c *Config) { c.IDs = []string{"same", "failed", "none"} })
		const why = " has no raw copy that shows which response it was made from"
		want := []string{
			"known failed", "  email_find/failed.csv" + why, "  email_find/failed.parquet" + why,
			"queued same", "  email_find/same.csv" + why, "  email_find/same.parquet" + why,
			"left none",
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(failed, pipelinetest.ReadEntry(t, store, "failed")); diff != "" {
			t.Errorf("entry of a batch that failed (-before +after):\n%s", diff)
		}
		if _, err := adopted(t.Context(), t, store); err != nil {
			t.Fatal(err)
		}
		source.Set("changed", pipelinetest.Finished("changed", "y", 3))
		left, err := export.Pending(t.Context(), cfg, false)
		pending := slices.Sorted(slices.Values(append(left.Fresh, left.FailedBefore...)))
		if diff := cmp.Diff([]string{"changed", "failed", "same"}, pending); diff != "" || err != nil {
			t.Errorf("pending, error %v (-want +got):\n%s", err, diff)
		}
		for _, id := range pending {
			pipelinetest.Export(t, cfg, id, export.Exported)
			pipelinetest.Sound(t, store, id)
		}
		for path, data := range pipelinetest.Files(t, store) {
			base, _ := manifest.Generation(path)
			if changed := data != files[path]; changed != strings.Contains(base, "/changed.") {
				t.Errorf("%s was changed: %v", path, changed)
			}
		}
		nothingLeft(t, store, cfg.Layout)
	})
}

// Files that an entry says are about to be deleted are not named again.
func TestAdoptLeavesSupersededFiles(t *testing.T) {
	pipelinetest.ForEachStore(t, "superseded", func(t *testing.T, store sinks.Store) {
		pipelinetest.First("csv", "ndjson")(t, store)
		lose(t, store)
		pipelinetest.PutObject(t, store, "_raw/email_find/"+pipelinetest.FaultID+".json.zst", pipelinetest.CopyOf(t, []byte(pipelinetest.Finished(pipelinetest.FaultID, "old", 3))))
		m := manifest.Manifest{Store: store, Table: &schema.EmailFind}
		e := m.Next(nil, pipelinetest.FaultID)
		e.Superseded = []string{"email_find/" + pipelinetest.FaultID + ".csv"}
		if _, err := m.Put(t.Context(), e, sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		got, err := adopted(t.Context(), t, store)
		want := []string{"adopted batch-1", "  email_find/batch-1.csv is about to be deleted: the entry lists it as superseded"}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		pipelinetest.Sound(t, store, pipelinetest.FaultID)
		if e := pipelinetest.ReadEntry(t, store, pipelinetest.FaultID); len(e.Files) != 1 || len(e.Superseded) != 1 {
			t.Errorf("entry %+v", e)
		}
	})
}

// A packed root is not touched.
func TestAdoptRefusesAPackedRoot(t *testing.T) {
	store := sinks.NewMemory()
	pipelinetest.PutObject(t, store, manifest.PackFolder+"email_find/1.json", "{}")
	if got, err := adopted(t.Context(), t, store); err == nil || !strings.Contains(err.Error(), "packed root") {
		t.Errorf("%q, error %v", got, err)
	}
}

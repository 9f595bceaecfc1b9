package export_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// Under two layouts the batches "ab" and "ab-v2" have the same paths.
const (
	suffixed  = "{table}/{batch_id}-v2.{ext}"
	contested = "email_find/ab-v2"
)

// neighbours returns the runs of two batches that want the same path: "ab-v2" under the
// default layout, and "ab" under the other one.
func neighbours(t *testing.T, store sinks.Store, rows int, formats ...string) (first, second export.Config) {
	t.Helper()
	source := pipelinetest.NewAnswers()
	for _, id := range []string{"ab", "ab-v2"} {
		source.Set(id, pipelinetest.Finished(id, id, rows))
	}
	first = pipelinetest.NewConfig(t, source, store, formats...)
	second = pipelinetest.NewConfig(t, source, store, formats...)
	second.Layout, _ = manifest.ParseLayout(suffixed)
	return first, second
}

// refused expects that the batch fails because of a file in the way, which stays.
func refused(t *testing.T, cfg export.Config, id, path string) {
	t.Helper()
	before := pipelinetest.Files(t, cfg.Store)
	res := pipelinetest.Export(t, cfg, id, export.Failed)
	if !strings.Contains(res.Err.Error(), path+" is in the way") || pipeline.IsPermanent(res.Err) || pipeline.Hint(res.Err) == "" {
		t.Errorf("error %v, hint %q", res.Err, pipeline.Hint(res.Err))
	}
	if diff := cmp.Diff(before[path], pipelinetest.Files(t, cfg.Store)[path]); diff != "" {
		t.Errorf("the file in the way (-before +after):\n%s", diff)
	}
}

// The file of another batch is never replaced, whichever of the two was first, and
// whether or not it has rows.
func TestFileOfAnotherBatchIsNotReplaced(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		for _, format := range []string{"parquet", "ndjson", "csv", "csv=gzip", "ndjson=zstd"} {
			for name, rows := range map[string]int{"rows": 3, "no rows": 0} {
				t.Run(kind+"/"+format+"/"+name, func(t *testing.T) {
					t.Parallel()
					for _, turn := range []bool{false, true} {
						store := open(t)
						first, second := neighbours(t, store, rows, format)
						ids := [2]string{"ab-v2", "ab"}
						if turn {
							first, second = second, first
							ids = [2]string{"ab", "ab-v2"}
						}
						pipelinetest.Export(t, first, ids[0], export.Exported)
						path := contested + "." + first.Encodings[0].Ext()
						refused(t, second, ids[1], path)
						// Also where it has been damaged, and by force.
						second.Force = true
						refused(t, second, ids[1], path)
						pipelinetest.Sound(t, store, ids[0])
						pipelinetest.ReplaceObject(t, store, path, "damage")
						refused(t, second, ids[1], path)
						// Its own batch mends it.
						pipelinetest.Export(t, first, ids[0], export.Exported)
						pipelinetest.Sound(t, store, ids[0])
						// Out of the way, the other batch has its turn.
						second.Layout, _ = manifest.ParseLayout("{table}/{ext}/{batch_id}.{ext}")
						pipelinetest.Export(t, second, ids[1], export.Exported)
						pipelinetest.Sound(t, store, ids[0])
						pipelinetest.Sound(t, store, ids[1])
					}
				})
			}
		}
	}
}

// What an earlier program has overwritten is not overwritten back: the entry names the
// path, and the content another batch.
func TestContentSaysMoreThanTheEntry(t *testing.T) {
	pipelinetest.ForEachStore(t, "overwritten", func(t *testing.T, store sinks.Store) {
		first, second := neighbours(t, store, 3, "csv")
		pipelinetest.Export(t, first, "ab-v2", export.Exported)
		elsewhere := sinks.NewMemory()
		pipelinetest.Export(t, pipelinetest.With(second, func(c *export.Config) { c.Store = elsewhere }), "ab", export.Exported)
		pipelinetest.ReplaceObject(t, store, contested+".csv", pipelinetest.Files(t, elsewhere)[contested+".csv"])
		refused(t, first, "ab-v2", contested+".csv")
		first.Force = true
		refused(t, first, "ab-v2", contested+".csv")
	})
}

// Files of nobody are not replaced, a copy of another answer neither.
func TestForeignFileIsNotReplaced(t *testing.T) {
	pipelinetest.ForEachStore(t, "foreign", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		for _, id := range []string{"a", "b", "c"} {
			source.Set(id, pipelinetest.Finished(id, "x", 2))
		}
		cfg := pipelinetest.NewConfig(t, source, store, "csv")
		cfg.KeepRaw = true
		pipelinetest.PutObject(t, store, "email_find/a.csv", "mine\n")
		pipelinetest.PutObject(t, store, manifest.RawPath(cfg.Table, "b"), pipelinetest.CopyOf(t, []byte(pipelinetest.Finished("c", "x", 2))))
		pipelinetest.PutObject(t, store, manifest.RawPath(cfg.Table, "c"), "mine")
		refused(t, cfg, "a", "email_find/a.csv")
		refused(t, cfg, "b", manifest.RawPath(cfg.Table, "b"))
		refused(t, cfg, "c", manifest.RawPath(cfg.Table, "c"))
		if e := pipelinetest.ReadEntry(t, store, "a"); e.State != manifest.StateFailed || *e.Permanent || len(e.Named()) > 0 {
			t.Errorf("entry %+v", e)
		}
	})
}

// A batch that has moved on deletes its own file at the old path, not what another
// has put there since.
func TestSupersededFileOfAnotherBatchStays(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		for name, rows := range map[string]int{"rows": 3, "no rows": 0} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				store := open(t)
				plain, other := neighbours(t, store, rows, "csv")
				pipelinetest.Export(t, other, "ab", export.Exported)
				pipelinetest.RemoveObject(t, store, contested+".csv")
				pipelinetest.Export(t, plain, "ab-v2", export.Failed, export.Exported)
				pipelinetest.Export(t, plain, "ab", export.Exported) // supersedes the path
				if e := pipelinetest.ReadEntry(t, store, "ab"); len(e.Superseded) > 0 {
					t.Errorf("entry %+v", e)
				}
				pipelinetest.Sound(t, store, "ab")
				if e := pipelinetest.ReadEntry(t, store, "ab-v2"); e.State == manifest.StateExported {
					pipelinetest.Sound(t, store, "ab-v2")
				}
			})
		}
	}
}

// Nor does it delete there what it does not recognise: somebody has put it there since,
// whether the run finds that out itself or follows one that died before it looked.
func TestUnrecognisedSupersededFileStays(t *testing.T) {
	const path = "email_find/b.csv"
	pipelinetest.ForEachStore(t, "unrecognised", func(t *testing.T, store sinks.Store) {
		source := pipelinetest.NewAnswers()
		source.Set("b", pipelinetest.Finished("b", "x", 2))
		plain := pipelinetest.NewConfig(t, source, store, "csv")
		moved := pipelinetest.NewConfig(t, source, store, "csv")
		moved.Layout, _ = manifest.ParseLayout("{table}/{ext}/{batch_id}.{ext}")

		pipelinetest.Export(t, plain, "b", export.Exported)
		pipelinetest.ReplaceObject(t, store, path, "mine\n")
		pipelinetest.Export(t, moved, "b", export.Exported)
		if got := pipelinetest.Files(t, store)[path]; got != "mine\n" {
			t.Errorf("the file is %q after the run that superseded its path", got)
		}

		m := manifest.Manifest{Store: store, Table: moved.Table}
		if err := m.Change(t.Context(), "b", func(e *manifest.Entry) { e.Superseded = []string{path} }); err != nil {
			t.Fatal(err)
		}
		moved.Force = true
		pipelinetest.Export(t, moved, "b", export.Exported)
		if got := pipelinetest.Files(t, store)[path]; got != "mine\n" {
			t.Errorf("the file is %q after the run that found its path superseded", got)
		}
		if e := pipelinetest.ReadEntry(t, store, "b"); len(e.Superseded) > 0 {
			t.Errorf("entry %+v", e)
		}
		pipelinetest.Sound(t, store, "b")
	})
}

// Whenever the run of another layout publishes at the same path: no entry ever says what
// is not true, and one of the two batches has the path in the end.
func TestTwoLayoutsMeet(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		for name, rows := range map[string]int{"rows": 3, "no rows": 0} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				for at := 1; ; at++ {
					store := open(t)
					first, second := neighbours(t, store, rows, "csv", "parquet")
					slow := &pipelinetest.Intruded{
						Faulty: storetest.Faulty{Store: store}, At: at,
						Do: func() { _, _, _ = pipelinetest.RunAll(t.Context(), t, second, "ab") },
						Watch: func() {
							pipelinetest.Truthful(t, store, "ab", "ab-v2")
						},
					}
					first.Store = slow
					results, _, err := pipelinetest.RunAll(t.Context(), t, first, "ab-v2")
					if err != nil {
						t.Fatal(err)
					}
					pipelinetest.Truthful(t, store, "ab", "ab-v2")
					if !slow.Happened() {
						if results["ab-v2"].Err != nil {
							t.Errorf("undisturbed: %v", results["ab-v2"].Err)
						}
						return
					}
					exported := 0
					for _, id := range []string{"ab", "ab-v2"} {
						if e := pipelinetest.ReadEntry(t, store, id); e != nil && e.State == manifest.StateExported {
							pipelinetest.Sound(t, store, id)
							exported++
						}
					}
					if exported > 1 {
						t.Errorf("met at operation %d: both batches have the path", at)
					}
				}
			})
		}
	}
}

// A file of one's own run that died is replaced, whatever its settings were.
func TestOwnOrphanIsReplaced(t *testing.T) {
	pipelinetest.ForEachStore(t, "orphan", func(t *testing.T, store sinks.Store) {
		for rows, layout := range map[int]string{0: manifest.DefaultLayout, 1: "{ext}/{table}/{batch_id}", 3: manifest.DefaultLayout} {
			layout, err := manifest.ParseLayout(layout)
			if err != nil {
				t.Fatal(err)
			}
			for before, now := range map[string]string{"parquet=snappy": "parquet", "parquet": "parquet=gzip", "csv": "csv", "ndjson": "ndjson"} {
				source := pipelinetest.NewAnswers()
				source.Set("a", pipelinetest.Finished("a", "old", rows))
				died := pipelinetest.NewConfig(t, source, sinks.NewMemory(), before)
				died.Columns, died.KeepRaw, died.Layout = []string{"batch_id", "email"}, true, layout
				pipelinetest.Export(t, died, "a", export.Exported)
				for name, data := range pipelinetest.Files(t, died.Store) {
					if rows > 0 || !strings.HasSuffix(name, ".csv") { // whose a header is cannot be seen
						pipelinetest.PutObject(t, store, name, data)
					}
				}
				source.Set("a", pipelinetest.Finished("a", "new", 2))
				if rows == 0 {
					source.Set("a", pipelinetest.Finished("a", "new", 0))
				}
				cfg := pipelinetest.NewConfig(t, source, store, now)
				cfg.KeepRaw, cfg.Layout = true, layout
				pipelinetest.Export(t, cfg, "a", export.Exported)
				pipelinetest.Sound(t, store, "a")
				for name := range pipelinetest.Objects(t, store) {
					pipelinetest.RemoveObject(t, store, name)
				}
			}
		}
	})
}

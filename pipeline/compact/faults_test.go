package compact

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/pipeline/verify"
	"enrow-export/schema"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// compaction is one to be disturbed: what has changed since the one before it, nil
// when there was none, and which batches it refuses.
type compaction struct {
	name    string
	change  func(t *testing.T, from sinks.Store)
	refuses map[string]string
}

var compactions = []compaction{
	{name: "first"},
	{name: "more batches", change: func(t *testing.T, from sinks.Store) {
		pipelinetest.ExportAll(t, from, "a", false, map[string]int{"batch-03b": 4, "batch-20": 2, "batch-21": 0}, "parquet")
	}},
	{name: "changed batches", change: func(t *testing.T, from sinks.Store) {
		pipelinetest.ExportAll(t, from, "b", true, map[string]int{"batch-02": 5, "batch-04": 9}, "parquet")
		pipelinetest.ExportAll(t, from, "a", false, map[string]int{"batch-03b": 4}, "parquet")
	}, refuses: map[string]string{"batch-02": changedReason("batch-02"), "batch-04": changedReason("batch-04")}},
}

// source returns what the batches are packed from, before the change and after.
func (c compaction) source(t *testing.T) (before, after sinks.Store) {
	stores := make([]sinks.Store, 2)
	for i := range stores {
		stores[i] = sinks.NewMemory()
		pipelinetest.ExportAll(t, stores[i], "a", false, pipelinetest.SomeBatches(5), "parquet")
	}
	if c.change != nil {
		c.change(t, stores[1])
	}
	return stores[0], stores[1]
}

func (c compaction) config(t *testing.T, from, into sinks.Store) Config {
	cfg := compactConfig(t, from, into)
	cfg.TargetSize = 9000
	return cfg
}

// seenOnce fails the test if the rows of any batch are visible twice, or others
// than those before or after; or if the manifest names a file that is neither as
// it says nor as it says that it is about to be.
func seenOnce(t *testing.T, into sinks.Store, before, after map[string][]string) {
	t.Helper()
	visible := visibleRows(t, into)
	for id, rows := range visible {
		if !slices.Equal(rows, before[id]) && !slices.Equal(rows, after[id]) {
			t.Errorf("batch %s is visible as %q", id, rows)
		}
	}
	for id := range before {
		if visible[id] == nil {
			t.Errorf("batch %s was visible, and is not any more", id)
		}
	}
	pipelinetest.Truthful(t, into, listedIDs(t, into)...)
}

// TestCompactFaults fails each operation on the packed root in every way, one at a
// time. Right after it no row is visible twice or gone; and after another run all
// is as one undisturbed run leaves it.
func TestCompactFaults(t *testing.T) {
	modes := map[string]storetest.Mode{
		"error before": storetest.FailBefore, "error after": storetest.FailAfter, "cancelled": storetest.CancelBefore,
	}
	for kind, open := range pipelinetest.Stores {
		for _, c := range compactions {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				old, from := c.source(t)
				prepared := func() sinks.Store {
					into := open(t)
					if c.change != nil {
						compact(t, c.config(t, old, into))
					}
					return into
				}
				quiet := prepared()
				before := visibleRows(t, quiet)
				compact(t, c.config(t, from, quiet))
				after, ids := visibleRows(t, quiet), listedIDs(t, quiet)
				want := packedState(t, quiet)
				points := 0
				shift := 0
				for name, mode := range modes {
					for at := range pipelinetest.FaultPoints(shift) {
						into := prepared()
						ctx, cancel := context.WithCancel(t.Context())
						faulty := &storetest.Faulty{Store: into, At: at, Mode: mode, Cancel: cancel}
						_, err := Run(ctx, c.config(t, from, faulty), func(p Packed) {
							if p.Err != nil && c.refuses[p.BatchID] == "" {
								t.Errorf("%s at %d: batch %s: %v", name, at, p.BatchID, p.Err)
							}
						})
						cancel()
						if !faulty.Fired() {
							if err != nil || at < 10 {
								t.Errorf("%s: after %d operations: error %v", name, at, err)
							}
							break
						}
						points++
						where := fmt.Sprintf("%s at %d (%s)", name, at, faulty.Ops()[at-1])
						seenOnce(t, into, before, after)
						_, _, refused := compact(t, c.config(t, from, into))
						if diff := cmp.Diff(c.refuses, refused, cmpopts.EquateEmpty()); diff != "" {
							t.Errorf("%s: refused (-want +got):\n%s", where, diff)
						}
						if diff := cmp.Diff(want, packedState(t, into)); diff != "" {
							t.Errorf("%s: what is there (-quiet run +got):\n%s", where, diff)
						}
						if t.Failed() {
							t.Fatalf("%s: error %v", where, err)
						}
					}
					shift++
				}
				packedTrue(t, quiet)
				if all := listedIDs(t, from); !slices.Equal(ids, all) {
					t.Errorf("packed are %q of %q", ids, all)
				}
				t.Logf("%d faults", points)
			})
		}
	}
}

// packedState returns what a root holds, as far as it does not depend on the time:
// the digest of each file, and of each entry where its rows are.
func packedState(t *testing.T, into sinks.Store) map[string]string {
	t.Helper()
	state := make(map[string]string)
	for name, content := range pipelinetest.Objects(t, into) {
		switch {
		case strings.HasPrefix(name, manifest.PackFolder):
			state[name] = "a record" // its times may differ
		case !strings.HasPrefix(name, "_"):
			state[name] = pipelinetest.HexSum(content)
		}
	}
	for _, id := range listedIDs(t, into) {
		e := pipelinetest.ReadEntry(t, into, id)
		state[id] = fmt.Sprintf("%s %d %s %+v %v %v", e.State, *e.Rows, e.ContentSHA256, e.Files, e.Replacing, e.Superseded)
	}
	return state
}

// diedAt returns a root to pack into, as a run leaves it that dies when these objects and
// no others are there.
func diedAt(t *testing.T, from sinks.Store, there func(names []string) bool) sinks.Store {
	t.Helper()
	for at := 1; ; at++ {
		into := sinks.NewMemory()
		faulty := &storetest.Faulty{Store: into, At: at}
		if _, err := Run(t.Context(), compactConfig(t, from, faulty), func(Packed) {}); err == nil {
			t.Fatal("no fault leaves it so")
		}
		if there(slices.Sorted(maps.Keys(pipelinetest.Objects(t, into)))) {
			return into
		}
	}
}

// A run that died before its pack was put has settled nothing: the next one packs what is
// there then, and takes its record away. A run that died after it has settled all, though
// the batches are exported again with other rows, or are gone, before the next.
func TestCompactResumesWithAChangedSource(t *testing.T) {
	setUp := func(t *testing.T, packs int) (from, into sinks.Store) {
		from = sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(3), "parquet")
		return from, diedAt(t, from, func(names []string) bool {
			isPack := func(name string) bool { return strings.HasPrefix(name, "email_find/") }
			return len(names) == packs+1 && slices.ContainsFunc(names, isPack) == (packs > 0)
		})
	}
	records := func(t *testing.T, into sinks.Store) (names []string) {
		for name := range pipelinetest.Objects(t, into) {
			if strings.HasPrefix(name, manifest.PackFolder) {
				names = append(names, name)
			}
		}
		return names
	}
	t.Run("before its pack", func(t *testing.T) {
		from, into := setUp(t, 0)
		old := records(t, into)
		pipelinetest.ExportAll(t, from, "b", true, map[string]int{"batch-01": 4}, "parquet")
		compact(t, compactConfig(t, from, into))
		packedRight(t, from, into, []string{"batch-00", "batch-01", "batch-02"})
		compact(t, compactConfig(t, from, into))
		if left := records(t, into); len(old) != 1 || len(left) != 1 || left[0] == old[0] {
			t.Errorf("records %q, there was %q", left, old)
		}
	})
	t.Run("after its pack", func(t *testing.T) {
		from, into := setUp(t, 1)
		want := map[string]string{}
		for _, id := range []string{"batch-00", "batch-01", "batch-02"} {
			want[id] = pipelinetest.ReadEntry(t, from, id).ContentSHA256
		}
		pipelinetest.ExportAll(t, from, "b", true, map[string]int{"batch-01": 4}, "parquet")
		pipelinetest.RemoveObject(t, from, "email_find/batch-02.parquet")
		pipelinetest.RemoveObject(t, from, "_manifest/email_find/batch-02.json")
		s, packed, refused := compact(t, compactConfig(t, from, into))
		if diff := cmp.Diff(map[string]string{"batch-01": changedReason("batch-01")}, refused); diff != "" || s.Already != 1 || len(packed) > 0 {
			t.Errorf("%+v, refused (-want +got):\n%s", s, diff)
		}
		packedTrue(t, into)
		for id, rows := range want {
			if e := pipelinetest.ReadEntry(t, into, id); e.ContentSHA256 != rows {
				t.Errorf("batch %s has other rows than were packed", id)
			}
		}
	})
}

// Entries that were lost are written again from the record of their pack. Without the
// record the root is not whole, and nothing is packed into it: the rows of the batches
// would be there twice.
func TestCompactMissesEntries(t *testing.T) {
	setUp := func(t *testing.T) (from, into sinks.Store, record string) {
		from, into = sinks.NewMemory(), sinks.NewMemory()
		pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
		compact(t, compactConfig(t, from, into))
		for name := range pipelinetest.Objects(t, into) {
			if strings.HasPrefix(name, manifest.PackFolder) {
				record = name
			}
		}
		return from, into, record
	}
	fails := func(t *testing.T, from, into sinks.Store, want string) {
		t.Helper()
		all := pipelinetest.Objects(t, into)
		_, err := Run(t.Context(), compactConfig(t, from, into), func(Packed) {})
		if err == nil || err.Error() != want || pipeline.Hint(err) == "" {
			t.Errorf("error %v, want %s", err, want)
		}
		if diff := cmp.Diff(sums(all), sums(pipelinetest.Objects(t, into))); diff != "" {
			t.Errorf("the root has changed:\n%s", diff)
		}
	}
	const lost = "compact: the packed root is not whole: email_find/packed-000001.parquet "
	for name, ids := range map[string][]string{"one": {"batch-01"}, "all": {"batch-00", "batch-01", "batch-02", "batch-03"}} {
		t.Run(name, func(t *testing.T) {
			from, into, record := setUp(t)
			for _, id := range ids {
				pipelinetest.RemoveObject(t, into, "_manifest/email_find/"+id+".json")
			}
			without := sinks.NewMemory()
			for name, content := range pipelinetest.Objects(t, into) {
				if name == record {
					continue
				}
				if _, err := without.Put(t.Context(), name, []byte(content), sinks.IfAbsent()); err != nil {
					t.Fatal(err)
				}
			}
			why := "has 20 rows, and the entries of its batches name 13 of them, and no record has them"
			if name == "all" {
				why = "is there, and no entry names it, and no record has them"
			}
			fails(t, from, without, lost+why)
			if s, packed, _ := compact(t, compactConfig(t, from, into)); s.Already != 4 || len(packed) > 0 {
				t.Errorf("%+v", s)
			}
			packedRight(t, from, into, []string{"batch-00", "batch-01", "batch-02", "batch-03"})
		})
	}
	t.Run("packed twice", func(t *testing.T) { // as an earlier version did
		from, into, _ := setUp(t)
		other := sinks.NewMemory()
		pipelinetest.ExportAll(t, other, "a", false, map[string]int{"batch-01": 7}, "parquet")
		twice := sinks.NewMemory()
		compact(t, compactConfig(t, other, twice))
		pack, _, err := twice.Get(t.Context(), "email_find/packed-000001.parquet")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := into.Put(t.Context(), "email_find/packed-000002.parquet", pack, sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		pipelinetest.Overwrite(t, into, "_manifest/email_find/batch-01.json", func(string) string {
			e := pipelinetest.Objects(t, twice)["_manifest/email_find/batch-01.json"]
			return strings.ReplaceAll(e, "packed-000001", "packed-000002")
		})
		fails(t, from, into, "compact: the packed root is not whole: batch batch-01 is in email_find/packed-000001.parquet and in email_find/packed-000002.parquet")
	})
	t.Run("pack is gone", func(t *testing.T) {
		from, into, _ := setUp(t)
		pipelinetest.RemoveObject(t, into, "email_find/packed-000001.parquet")
		fails(t, from, into, lost+"is missing")
	})
	t.Run("pack is longer", func(t *testing.T) {
		from, into, _ := setUp(t)
		pipelinetest.Overwrite(t, into, "email_find/packed-000001.parquet", func(s string) string { return s + "!" })
		fails(t, from, into, lost+"has another size than recorded")
	})
	t.Run("somebody's pack", func(t *testing.T) {
		from, into, _ := setUp(t)
		if _, err := into.Put(t.Context(), "email_find/packed-000007.parquet", []byte("PAR1"), sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
		fails(t, from, into, "compact: the packed root is not whole: email_find/packed-000007.parquet is there, and no entry names it, and no record has them")
	})
}

// A record is input: one that this program does not write is refused.
func TestCompactRefusesRecords(t *testing.T) {
	from := sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(2), "parquet")
	for what, damage := range map[string]func(string) string{
		"cut":           func(s string) string { return s[:len(s)/2] },
		"other version": func(s string) string { return strings.Replace(s, `"pack_version":2`, `"pack_version":3`, 1) },
		"new field":     func(s string) string { return strings.Replace(s, `{`, `{"new":1,`, 1) },
		"other number":  func(s string) string { return strings.Replace(s, `"number":1`, `"number":2`, 1) },
		"other pack":    func(s string) string { return strings.Replace(s, "packed-000001", "packed-000002", 2) },
		"SQL": func(s string) string {
			return strings.Replace(s, `"compression":"zstd","packed_from"`, `"compression":"none) X","packed_from"`, 1)
		},
		"no entry":       func(s string) string { return strings.Replace(s, `"entries":[`, `"entries":[null,`, 1) },
		"negative":       func(s string) string { return strings.Replace(s, `"rows":0`, `"rows":-1`, 1) },
		"not exported":   func(s string) string { return strings.Replace(s, `"state":"exported"`, `"state":"pending"`, 1) },
		"of another one": func(s string) string { return strings.Replace(s, `"kind":"email-find"`, `"kind":"phone-find"`, 1) },
	} {
		into := sinks.NewMemory()
		compact(t, compactConfig(t, from, into))
		for name, content := range pipelinetest.Objects(t, into) {
			if strings.HasPrefix(name, manifest.PackFolder) {
				if damage(content) == content {
					t.Fatalf("%s: no damage to %s", what, content)
				}
				pipelinetest.Overwrite(t, into, name, damage)
			}
		}
		pipelinetest.RemoveObject(t, into, "_manifest/email_find/batch-01.json")
		all := pipelinetest.Objects(t, into)
		_, err := Run(t.Context(), compactConfig(t, from, into), func(Packed) {})
		if err == nil || !strings.Contains(err.Error(), "cannot be used") && !strings.Contains(err.Error(), "no record has them") {
			t.Errorf("%s: error %v", what, err)
		}
		if diff := cmp.Diff(sums(all), sums(pipelinetest.Objects(t, into))); diff != "" {
			t.Errorf("%s: the root has changed:\n%s", what, diff)
		}
	}
}

// A root that version 1 of the records left is gone on with: its finished records have no
// entries, the last one may have been interrupted after its pack was put, or before.
func TestCompactGoesOnWithRecordsOfVersion1(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
	compact(t, compactConfig(t, from, into))
	var record string
	for name, content := range pipelinetest.Objects(t, into) {
		if strings.HasPrefix(name, manifest.PackFolder) {
			record = content
			pipelinetest.RemoveObject(t, into, name)
		}
	}
	old := strings.Replace(record, `"pack_version":2`, `"pack_version":1,"done":false,"replaces":""`, 1)
	put := func(name, content string) {
		t.Helper()
		if _, err := into.Put(t.Context(), name, []byte(content), sinks.IfAbsent()); err != nil {
			t.Fatal(err)
		}
	}
	put("_packs/email_find/000001.json", old)
	put("_packs/email_find/000002.json", strings.NewReplacer(`"number":1`, `"number":2`, "packed-000001", "packed-000002").Replace(old)) // its pack was never put
	pipelinetest.RemoveObject(t, into, "_manifest/email_find/batch-01.json")
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"later": 3}, "parquet")
	s, packed, _ := compact(t, compactConfig(t, from, into))
	if s.Already != 4 || len(packed) != 1 || packed[0].Path != "email_find/packed-000002.parquet" {
		t.Errorf("%+v, packed %+v", s, packed)
	}
	packedRight(t, from, into, []string{"batch-00", "batch-01", "batch-02", "batch-03", "later"})
}

// Without its records a root is gone on with, as long as no entry is lost.
func TestCompactWithoutItsRecords(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(3), "parquet")
	compact(t, compactConfig(t, from, into))
	for name := range pipelinetest.Objects(t, into) {
		if strings.HasPrefix(name, manifest.PackFolder) {
			pipelinetest.RemoveObject(t, into, name)
		}
	}
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"later": 3}, "parquet")
	_, packed, _ := compact(t, compactConfig(t, from, into))
	if len(packed) != 1 || packed[0].Path != "email_find/packed-000002.parquet" {
		t.Errorf("packed %+v", packed)
	}
	packedRight(t, from, into, []string{"batch-00", "batch-01", "batch-02", "later"})
}

// Without room for a packed file all is as it was, and the error says where there
// has to be some.
func TestCompactWithoutSpool(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	_, err := Run(t.Context(), compactConfig(t, from, into), func(Packed) {})
	if err == nil || !strings.Contains(err.Error(), "make temporary file") || !strings.HasPrefix(pipeline.Hint(err), "TMPDIR names another folder") {
		t.Errorf("error %v, hint %s", err, pipeline.Hint(err))
	}
	if n := len(pipelinetest.Objects(t, into)); n > 0 {
		t.Errorf("%d objects", n)
	}
}

// Compactions that meet, and exports beside them, pack every batch once.
func TestCompactionsRace(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, into sinks.Store) {
		from := sinks.NewMemory()
		rows := pipelinetest.SomeBatches(16)
		pipelinetest.ExportAll(t, from, "a", false, rows, "parquet")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				cfg := compactConfig(t, from, into)
				for range 3 {
					_, err := Run(t.Context(), cfg, func(p Packed) {
						if p.Err != nil && !errors.Is(p.Err, errUnderWay) {
							t.Errorf("batch %s: %v", p.BatchID, p.Err)
						}
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 12 {
			id := fmt.Sprintf("late-%02d", i)
			rows[id] = i % 5
			pipelinetest.ExportAll(t, from, "a", false, map[string]int{id: i % 5}, "parquet")
		}
		all.Wait()
		compact(t, compactConfig(t, from, into))
		packedRight(t, from, into, slices.Sorted(maps.Keys(rows)))
	})
}

// What happens to a packed file is seen by verify, in the batches that it hits.
func TestVerifyPacked(t *testing.T) {
	damages := map[string]struct {
		damage func(t *testing.T, into sinks.Store)
		want   map[verify.Depth]string // of batch-02
	}{
		"missing": {
			func(t *testing.T, into sinks.Store) {
				pipelinetest.RemoveObject(t, into, "email_find/packed-000001.parquet")
			},
			map[verify.Depth]string{verify.Size: "is missing", verify.Checksum: "is missing", verify.Full: "is missing"},
		},
		"flipped": {
			func(t *testing.T, into sinks.Store) {
				pipelinetest.Overwrite(t, into, "email_find/packed-000001.parquet", func(s string) string { return s[:99] + "!" + s[100:] })
			},
			map[verify.Depth]string{verify.Size: "", verify.Checksum: "has another sha256 than the manifest says", verify.Full: "has another sha256 than the manifest says"},
		},
		"longer": {
			func(t *testing.T, into sinks.Store) {
				pipelinetest.Overwrite(t, into, "email_find/packed-000001.parquet", func(s string) string { return s + "!" })
			},
			map[verify.Depth]string{verify.Size: "has another size than recorded", verify.Checksum: "has %d bytes, the manifest says", verify.Full: "has %d bytes, the manifest says"},
		},
		"rows of another batch": {
			func(t *testing.T, into sinks.Store) {
				pipelinetest.Overwrite(t, into, "_manifest/email_find/batch-02.json", func(s string) string {
					return strings.Replace(s, `"first_row": 7,`, `"first_row": 8,`, 1)
				})
			},
			map[verify.Depth]string{verify.Size: "", verify.Checksum: "", verify.Full: "has other rows from row 8 on than the manifest says: their content_sha256 differs"},
		},
	}
	for name, d := range damages {
		for depth, want := range d.want {
			from, into := sinks.NewMemory(), sinks.NewMemory()
			pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
			compact(t, compactConfig(t, from, into))
			d.damage(t, into)
			v := verify.New(into, depth, 1)
			checked, err := v.Verify(t.Context(), pipelinetest.Known(t, into, &schema.EmailFind, "batch-02"))
			v.Close()
			got := ""
			if len(checked.Differences) > 0 {
				got = checked.Differences[0].Problem
			}
			want, _, _ = strings.Cut(want, "%d")
			if err != nil || len(checked.Differences) > 1 || !strings.HasPrefix(got, want) || (want == "") != (got == "") {
				t.Errorf("%s, %s: differences %v, error %v", name, depth, checked.Differences, err)
			}
		}
	}
}

// Exports that replace batches again and again, and compactions beside them, do each
// other no harm.
func TestCompactBesideForcedExports(t *testing.T) {
	pipelinetest.ForEachStore(t, "", func(t *testing.T, into sinks.Store) {
		from := sinks.NewMemory()
		rows := pipelinetest.SomeBatches(8)
		pipelinetest.ExportAll(t, from, "a", false, rows, "parquet")
		var compactions sync.WaitGroup
		stop := make(chan struct{})
		for range 2 {
			cfg := compactConfig(t, from, into)
			compactions.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := Run(t.Context(), cfg, func(Packed) {}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 10 {
			pipelinetest.ExportAll(t, from, fmt.Sprintf("v%d", i), true, map[string]int{"batch-01": i%4 + 1, "batch-05": 9 - i%3}, "parquet")
			pipelinetest.ExportAll(t, from, "a", false, map[string]int{fmt.Sprintf("late-%d", i): i}, "parquet")
			for id, packed := range visibleRows(t, into) {
				if len(packed) != 1 {
					t.Errorf("round %d: batch %s is visible as %q", i, id, packed)
				}
			}
		}
		close(stop)
		compactions.Wait()
		compact(t, compactConfig(t, from, into))
		packedTrue(t, into)
		if got, want := listedIDs(t, into), listedIDs(t, from); !slices.Equal(got, want) {
			t.Errorf("packed are %q of %q", got, want)
		}
	})
}

// At any operation of one compaction, batches are exported again with other rows, and
// another compaction comes and goes. Each batch is packed once, with the rows of before
// or of after.
func TestCompactIsOvertaken(t *testing.T) {
	for kind, open := range pipelinetest.Stores {
		for _, c := range compactions {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				for at := range pipelinetest.FaultPoints(0) {
					old, from := c.source(t)
					into := open(t)
					if c.change != nil {
						compact(t, c.config(t, old, into))
					}
					before := visibleRows(t, into)
					overtaken := &pipelinetest.Intruded{Faulty: storetest.Faulty{Store: into}, At: at}
					overtaken.Do = func() {
						pipelinetest.ExportAll(t, from, "z", true, map[string]int{"batch-01": 8, "batch-02": 1}, "parquet")
						pipelinetest.ExportAll(t, from, "z", false, map[string]int{"batch-00b": 3}, "parquet")
						compact(t, c.config(t, from, into))
					}
					if _, err := Run(t.Context(), c.config(t, from, overtaken), func(Packed) {}); err != nil {
						t.Errorf("overtaken at operation %d: %v", at, err)
					}
					for id, rows := range before {
						if now := visibleRows(t, into)[id]; !slices.Equal(now, rows) {
							t.Errorf("overtaken at operation %d: batch %s is visible as %q, was as %q", at, id, now, rows)
						}
					}
					packedTrue(t, into)
					compact(t, c.config(t, from, into))
					packedTrue(t, into)
					if got, want := listedIDs(t, into), listedIDs(t, from); !slices.Equal(got, want) {
						t.Errorf("overtaken at operation %d: packed are %q of %q", at, got, want)
					}
					if t.Failed() {
						t.Fatalf("overtaken at operation %d (%v)", at, overtaken.Ops()[at-1:])
					}
					if !overtaken.Begun.Load() {
						break
					}
				}
			})
		}
	}
}

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

// Without room for a packed file all is as it was, and the error says where there
// has to be some.
func TestCompactWithoutSpool(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, pipelinetest.SomeBatches(4), "parquet")
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	_, err := Run(t.Context(), compactConfig(t, from, into), func(Packed) {})
	if err == nil || !strings.Contains(err.Error(), "make temporary file") || !strings.HasPrefix(pipeline.Hint(err), "set TMPDIR to a directory") {
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
			map[verify.Depth]string{verify.Size: "", verify.Checksum: "has another sha256 than the manifest records", verify.Full: "has another sha256 than the manifest records"},
		},
		"longer": {
			func(t *testing.T, into sinks.Store) {
				pipelinetest.Overwrite(t, into, "email_find/packed-000001.parquet", func(s string) string { return s + "!" })
			},
			map[verify.Depth]string{verify.Size: "has another size than recorded", verify.Checksum: "has %d bytes, but the manifest records", verify.Full: "has %d bytes, but the manifest records"},
		},
		"rows of another batch": {
			func(t *testing.T, into sinks.Store) {
				pipelinetest.Overwrite(t, into, "_manifest/email_find/batch-02.json", func(s string) string {
					return strings.Replace(s, `"first_row": 7,`, `"first_row": 8,`, 1)
				})
			},
			map[verify.Depth]string{verify.Size: "", verify.Checksum: "", verify.Full: "has other rows from row 8 on than the manifest records: the content_sha256 differs"},
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
					if !overtaken.Happened() {
						break
					}
				}
			})
		}
	}
}

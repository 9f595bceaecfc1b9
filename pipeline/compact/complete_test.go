package compact

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// diedAt returns a root to pack into, as a run leaves it that dies when these objects and
// no others are there.
func diedAt(t *testing.T, from sinks.Store, there func(names []string) bool) sinks.Store {
	t.Helper()
	for at := 1; ; at++ {
		into := sinks.NewMemory()
		ctx, cancel := context.WithCancel(t.Context())
		// Nothing is done after that, or entries that are written at a time might be.
		faulty := &storetest.Faulty{Store: into, At: at, Mode: storetest.CancelBefore, Cancel: cancel}
		_, err := Run(ctx, compactConfig(t, from, faulty), func(Packed) {})
		cancel()
		if err == nil {
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
	const lost = "compact: the packed root is incomplete: email_find/packed-000001.parquet "
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
			why := "has 20 rows, but the entries of its batches name 13 of them, and no record contains its entries"
			if name == "all" {
				why = "exists, but no entry names it, and no record contains its entries"
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
		fails(t, from, into, "compact: the packed root is incomplete: batch batch-01 is in email_find/packed-000001.parquet and in email_find/packed-000002.parquet")
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
		fails(t, from, into, "compact: the packed root is incomplete: email_find/packed-000007.parquet exists, but no entry names it, and no record contains its entries")
	})
}

// Rows say nothing of a batch that has none: its record does, as long as it is there, and
// only compact asks it.
func TestCompactMissesTheEntryOfABatchWithoutRows(t *testing.T) {
	from, into := sinks.NewMemory(), sinks.NewMemory()
	pipelinetest.ExportAll(t, from, "a", false, map[string]int{"empty": 0, "full": 3}, "parquet")
	compact(t, compactConfig(t, from, into))
	all := pipelinetest.Objects(t, into)
	pipelinetest.RemoveObject(t, into, "_manifest/email_find/empty.json")
	if faults, err := manifest.PackFaults(t.Context(), into, compactConfig(t, from, into).Tables, true); len(faults) > 0 || err != nil {
		t.Errorf("faults %v, error %v", faults, err)
	}
	if s, packed, _ := compact(t, compactConfig(t, from, into)); s.Already != 2 || len(packed) > 0 {
		t.Errorf("%+v", s)
	}
	packedRight(t, from, into, []string{"empty", "full"})
	if diff := cmp.Diff(len(all), len(pipelinetest.Objects(t, into))); diff != "" {
		t.Errorf("objects (-before +after):\n%s", diff)
	}
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

//go:build crash

package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// TestCrashCompact kills compact at random moments, again and again, and starts it
// until it is done. After every kill a reader of all packed files meets the rows
// of each batch once or not at all, and never less than before; in the end all is
// as one quiet run leaves it.
func TestCrashCompact(t *testing.T) {
	builtProgram(t)
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			ids := batchIDs(100)
			_, api := answersAPI(t, ids, 1)
			fresh := open(t)
			from := fresh()
			from.mustExport(t, api, ids[:70]...)
			more := fresh()
			more.mustExport(t, api, ids...)

			seed := rand.Uint64()
			c := &compactCrasher{crasher: crasher{random: rand.New(rand.NewPCG(seed, 0))}, rows: make(map[string]int64)}
			for id, e := range more.entries(t) {
				c.rows[id] = *e.Rows
			}
			defer func() { t.Logf("seed %d: %d kills survived, in %d runs", seed, c.kills, c.runs) }()
			for !t.Failed() && c.kills < *crashKills {
				into := fresh()
				c.endure(t, from, into, fresh)
				c.endure(t, more, into, func() *place { // the same root, with more batches
					quiet := fresh()
					c.mustCompact(t, from, quiet)
					return quiet
				})
			}
		})
	}
}

// compactCrasher counts what TestCrashCompact does.
type compactCrasher struct {
	crasher
	rows map[string]int64 // of each batch
	took time.Duration    // the longest quiet run
}

// small is a target size that packs the batches into several files.
const small = "100KiB"

func (c *compactCrasher) mustCompact(t *testing.T, from, into *place) {
	t.Helper()
	cmd, stdout, stderr := from.call(t, "compact", "--into", into.to, "--target-size", small)
	start := time.Now()
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("compact: %v\n%s%s", err, stdout, stderr)
	}
	c.took = max(c.took, time.Since(start))
}

// endure takes one compaction through its kills. quiet makes a root as into is
// before it.
func (c *compactCrasher) endure(t *testing.T, from, into *place, quiet func() *place) {
	t.Helper()
	undisturbed := quiet()
	before := c.visible(t, undisturbed)
	c.mustCompact(t, from, undisturbed)
	want, wantEntries := packedFiles(t, undisturbed), undisturbed.entries(t)
	if len(want) < 3 || len(wantEntries) != len(from.entries(t)) {
		t.Fatalf("a quiet run leaves %d files, %d entries", len(want), len(wantEntries))
	}
	for {
		cmd, stdout, stderr := from.call(t, "compact", "--into", into.to, "--target-size", small)
		killed, err := c.killed(cmd, time.Duration(c.random.Int64N(int64(c.took))))
		c.runs++
		if err != nil || stderr.Len() > 0 {
			t.Errorf("kill %d: %v\n%s%s", c.kills, err, stdout, stderr)
		}
		seen := c.visible(t, into)
		for id := range before {
			if !seen[id] {
				t.Errorf("kill %d: the rows of %s are gone", c.kills, id)
			}
		}
		truthful(t, into.files(t), into.entries(t))
		if t.Failed() {
			return
		}
		if !killed {
			break
		}
	}
	if diff := cmp.Diff(want, packedFiles(t, into), cmp.AllowUnexported(content{})); diff != "" {
		t.Errorf("files (-quiet run +got):\n%s", diff)
	}
	for id, e := range into.entries(t) {
		if diff := cmp.Diff(wantEntries[id], e, entryIgnore); diff != "" {
			t.Errorf("entry (-quiet run +got):\n%s", diff)
		}
	}
	for _, name := range into.litter(t) {
		if !strings.HasPrefix(name, "_packs/email_find/") {
			t.Errorf("%s is left", name)
		}
	}
}

// packedFiles returns the data files alone.
func packedFiles(t *testing.T, p *place) map[string]content {
	t.Helper()
	all := p.files(t)
	for name := range all {
		if strings.HasPrefix(name, "_") {
			delete(all, name)
		}
	}
	return all
}

// visible returns the batches that have rows in some file, and fails the test
// unless each has all of its rows, once.
func (c *compactCrasher) visible(t *testing.T, p *place) map[string]bool {
	t.Helper()
	rows := make(map[string]int64)
	for name := range packedFiles(t, p) {
		data, _, err := p.store.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := sinks.NewParquetReader(data, memory.DefaultAllocator)
		if err != nil {
			t.Fatalf("%s is not whole: %v", name, err)
		}
		for group := range r.RowGroups() {
			rec, err := r.ReadGroup(group, &schema.EmailFind)
			if err != nil {
				t.Fatalf("%s is not whole: %v", name, err)
			}
			ids := rec.Column(0).(*array.String)
			for i := range ids.Len() {
				rows[ids.Value(i)]++
			}
		}
	}
	seen := make(map[string]bool)
	for id, n := range rows {
		seen[id] = true
		if n != c.rows[id] {
			t.Errorf("kill %d: %d rows of %s are visible, it has %d", c.kills, n, id, c.rows[id])
		}
	}
	return seen
}

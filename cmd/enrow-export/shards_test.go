package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"enrow-export/pipeline/export"
)

const eight = 8

// TestProcessesRaceInShards lets eight processes work on one list at once, each
// on its shard: together they do all of it, and no batch is asked for twice.
func TestProcessesRaceInShards(t *testing.T) {
	ids := batchIDs(60)
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			p := open(t)()
			var racers []*racer
			for i := range eight {
				r := &racer{args: []string{"--format", "parquet,csv", "--shard", fmt.Sprintf("%d/%d", i+1, eight)}, ids: ids}
				r.api, _ = answersAPI(t, ids, 1)
				racers = append(racers, r)
			}
			race(t, p, racers)
			for _, id := range ids {
				var askedBy []int
				for i, r := range racers {
					if r.api.Requests(id) > 0 { // race checks that it is not more than one
						askedBy = append(askedBy, i+1)
					}
				}
				if len(askedBy) != 1 {
					t.Errorf("%s is asked for by the shards %d, want one", id, askedBy)
				} else if !(export.Shard{Index: askedBy[0], Count: eight}).Holds(id) {
					t.Errorf("%s is asked for by shard %d", id, askedBy[0])
				}
			}
			consistent(t, p, ids, 2)
			p.verifies(t)
		})
	}
}

// TestProcessesRaceUnsharded lets eight processes work on one list without
// shards: they get in each other's way, and harm nothing.
func TestProcessesRaceUnsharded(t *testing.T) {
	ids := batchIDs(20)
	for kind, open := range places {
		t.Run(kind, func(t *testing.T) {
			fresh := open(t)
			alone := fresh()
			_, url := answersAPI(t, ids, 1)
			alone.mustExport(t, url, append([]string{"--format", "parquet,csv"}, ids...)...)

			p := fresh()
			var racers []*racer
			for i := range eight {
				r := &racer{args: []string{"--format", "parquet,csv"}, ids: slices.Concat(ids[2*i:], ids[:2*i])}
				r.api, _ = answersAPI(t, ids, 1)
				racers = append(racers, r)
			}
			race(t, p, racers)
			consistent(t, p, ids, 2)
			if diff := cmp.Diff(alone.files(t), baseFiles(t, p.files(t)), cmp.AllowUnexported(content{})); diff != "" {
				t.Errorf("files (-one process +got):\n%s", diff)
			}
			p.verifies(t)
		})
	}
}

// verifies checks that the program itself finds all as the manifest says.
func (p *place) verifies(t *testing.T) {
	t.Helper()
	cmd, stdout, stderr := p.call(t, "verify", "--depth", "full")
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Errorf("verify: %v\n%s%s", err, stdout, stderr)
	}
}

package export_test

import (
	"fmt"
	"testing"

	"enrow-export/pipeline/export"
)

// What shard an id is in may never change: two machines would both take a batch,
// or neither of them.
func TestShardGolden(t *testing.T) {
	golden := map[string][4]int{ // id: its shard of 2, 3, 8 and 1000
		"3d4cb64e-i64d-41e8-a686-736751004a32":     {2, 1, 6, 206},
		"910f3e13-b2bf-442d-ab0b-4cf44dfrij84fjrt": {1, 3, 1, 633},
		"0":         {1, 1, 1, 41},
		"A_b-":      {2, 3, 8, 520},
		"batch-000": {1, 2, 5, 597},
	}
	for id, want := range golden {
		for i, n := range []int{2, 3, 8, 1000} {
			var got []int
			for index := 1; index <= n; index++ {
				if (export.Shard{index, n}).Holds(id) {
					got = append(got, index)
				}
			}
			if len(got) != 1 || got[0] != want[i] {
				t.Errorf("%s is in the shards %d of %d, want %d", id, got, n, want[i])
			}
		}
	}
	if !(export.Shard{}).Holds("a") || !(export.Shard{1, 1}).Holds("a") {
		t.Error("the whole lacks an id")
	}
}

// Shards are about as large as each other, for ids that are alike too.
func TestShardsAreEven(t *testing.T) {
	const ids, n = 8000, 8
	var sizes [n]int
	for i := range ids {
		for s := range n {
			if (export.Shard{s + 1, n}).Holds(fmt.Sprintf("batch-%06d", 2*i)) {
				sizes[s]++
			}
		}
	}
	for s, size := range sizes {
		if size < 900 || size > 1100 {
			t.Errorf("shard %d of %d holds %d ids of %d", s+1, n, size, ids)
		}
	}
}

func TestParseShard(t *testing.T) {
	for text, want := range map[string]export.Shard{"1/1": {1, 1}, "1/4": {1, 4}, "4/4": {4, 4}, "17/1000": {17, 1000}} {
		if got, err := export.ParseShard(text); got != want || err != nil || got.String() != text {
			t.Errorf("%q: %v, error %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "x", "1", "/", "1/", "/4", "0/4", "5/4", "1/0", "0/0", "-1/4", "1/-4", "+1/4", "1/4/5", "1 /4", "1/4 ", "1.0/4", "1/4294967296", "a/b", "0x1/4",
	} {
		if got, err := export.ParseShard(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
	if got := (export.Shard{}).String(); got != "" {
		t.Errorf("all ids are called %q", got)
	}
}

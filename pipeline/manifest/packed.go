package manifest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// PackFormat is the only format that is packed. Packing makes files of other formats no
// faster to scan.
const PackFormat = "parquet"

// PackFolder has the records of a compacted root. An object in it tells that a root is
// one.
const PackFolder = "_packs/"

// PackPath returns the path of a pack. Packs of a table are numbered from 1.
func PackPath(table *schema.Table, number int) string {
	return fmt.Sprintf("%s%06d.parquet", packPrefix(table), number)
}

// mostPacks is more than the number of any pack.
const mostPacks = 1e9

// PackNumber is the inverse of PackPath.
func PackNumber(table *schema.Table, path string) (number int, ok bool) {
	digits := strings.TrimSuffix(strings.TrimPrefix(path, packPrefix(table)), ".parquet")
	number, err := strconv.Atoi(digits)
	return number, err == nil && number > 0 && number <= mostPacks && PackPath(table, number) == path
}

func packPrefix(table *schema.Table) string { return table.Name + "/packed-" }

// Packs lists the packs of a table, in the order of their names.
func Packs(ctx context.Context, store sinks.Store, table *schema.Table) ([]sinks.Info, error) {
	var packs []sinks.Info
	for info, err := range store.List(ctx, packPrefix(table)) {
		if err != nil {
			return nil, fmt.Errorf("list packs: %w", err)
		}
		if _, ok := PackNumber(table, info.Name); ok {
			packs = append(packs, info)
		}
	}
	return packs, nil
}

// IsCompacted reports whether the store is a compacted root.
func IsCompacted(ctx context.Context, store sinks.Store) (bool, error) {
	for _, err := range store.List(ctx, PackFolder) {
		if err != nil {
			return false, fmt.Errorf("list the destination: %w", err)
		}
		return true, nil
	}
	return false, nil
}

// CheckNotCompacted returns an error of the operation if the store is a compacted
// root.
func CheckNotCompacted(ctx context.Context, store sinks.Store, op string) error {
	if compacted, err := IsCompacted(ctx, store); err != nil || !compacted {
		return err
	}
	return errCompacted(op)
}

// CheckNotPacked returns an error of the operation if a file of the batch is a
// pack: to replace it would delete the rows of other batches.
func (e *Entry) CheckNotPacked(op string) error {
	if e != nil && e.Files[PackFormat].Shared() {
		return errCompacted(op)
	}
	return nil
}

func errCompacted(op string) error {
	return &pipeline.Error{
		Op: op, Class: pipeline.Fatal, Err: errors.New("the destination is a packed root; only compact writes to it"),
		Hint: "name the root that it was packed from with --to, and run compact afterwards",
	}
}

// PackTally adds up which rows of which packs the entries of a table name. Each row of a
// pack belongs to exactly one batch.
type PackTally struct{ packs map[string]*named }

// named is what entries name of one pack.
type named struct {
	file   File // of the entry that came first
	ranges []rowRange
	other  bool // an entry says otherwise of the pack than the first
}

type rowRange struct{ first, rows int64 }

// Add adds the entry of a batch.
func (t *PackTally) Add(e *Entry) {
	f := e.Files[PackFormat]
	if !f.Shared() {
		return
	}
	if t.packs == nil {
		t.packs = make(map[string]*named)
	}
	p := t.packs[f.Path]
	if p == nil {
		p = &named{file: f}
		t.packs[f.Path] = p
	}
	p.other = p.other || f.SHA256 != p.file.SHA256 || f.Bytes != p.file.Bytes || f.FileRows != p.file.FileRows
	p.ranges = append(p.ranges, rowRange{f.FirstRow, f.Rows})
}

// Pack returns what the entries say of the pack at a path, but for what differs from
// batch to batch, and how many entries there are.
func (t *PackTally) Pack(path string) (f File, batches int) {
	p := t.packs[path]
	if p == nil {
		return File{}, 0
	}
	f = p.file
	f.Rows, f.FirstRow, f.PackedFrom = f.FileRows, 0, ""
	return f, len(p.ranges)
}

// Paths returns the paths of the packs that entries name, in order.
func (t *PackTally) Paths() []string { return slices.Sorted(maps.Keys(t.packs)) }

// fault returns why the entries are not those of the pack, in words that follow its
// path, empty when they are.
func (p *named) fault() string {
	if p.other {
		return "is described in different ways by the entries of its batches"
	}
	slices.SortFunc(p.ranges, func(a, b rowRange) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.rows, b.rows)) })
	var end, rows int64 // of the ranges so far
	for _, r := range p.ranges {
		if r.first < end {
			return "has rows that the entries of two batches name"
		}
		end, rows = r.first+r.rows, rows+r.rows
	}
	if rows != p.file.FileRows {
		return fmt.Sprintf("has %d rows, but the entries of its batches name %d of them", p.file.FileRows, rows)
	}
	return ""
}

// PackFault is a pack whose rows the entries do not name once each.
type PackFault struct {
	Path    string
	Problem string // in words that follow the path
}

// Faults compares the entries added with packs that are there. No pack is read.
func (t *PackTally) Faults(packs []sinks.Info) (faults []PackFault) {
	for _, info := range packs {
		problem := "exists, but no entry names it"
		if p := t.packs[info.Name]; p != nil {
			problem = p.fault()
		}
		if problem != "" {
			faults = append(faults, PackFault{info.Name, problem})
		}
	}
	return faults
}

// PackFaults finds the packs of a store whose rows the entries do not name once each.
// A root that is not compacted has none, and costs one request. packed says that an entry
// is known to name a pack: the records may be lost.
func PackFaults(ctx context.Context, store sinks.Store, tables []*schema.Table, packed bool) ([]PackFault, error) {
	if !packed {
		var err error
		if packed, err = IsCompacted(ctx, store); err != nil || !packed {
			return nil, err
		}
	}
	// The packs are listed before the entries are read: a compaction that puts one
	// meanwhile is not taken for one that was interrupted.
	var packs []sinks.Info
	for _, table := range tables {
		more, err := Packs(ctx, store, table)
		if err != nil {
			return nil, err
		}
		packs = append(packs, more...)
	}
	var tally PackTally
	unusable := make(map[*schema.Table]string) // an entry of the table, which may name the rows
	for k, err := range Summaries(ctx, store, tables) {
		if err != nil {
			return nil, err
		}
		if e := (*EntryError)(nil); errors.As(k.Err, &e) {
			unusable[k.Table] = e.Name
		}
		if k.Entry != nil && k.Entry.State == StateExported {
			tally.Add(k.Entry)
		}
	}
	faults := tally.Faults(packs)
	for i, f := range faults {
		for table, name := range unusable {
			if _, of := PackNumber(table, f.Path); of {
				faults[i].Problem += fmt.Sprintf("; entry %s cannot be used", name)
			}
		}
	}
	return faults, nil
}

// PackHint says what to do about a PackFault.
const PackHint = "a compaction is running or was interrupted, or an entry was lost: move away entries that cannot be used, then run compact, which writes the missing entries"

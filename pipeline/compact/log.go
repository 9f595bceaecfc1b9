package compact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// packVersion is the version of the records that this program writes and reads.
const packVersion = 1

// packRecord is one packed file in the log of a compacted root: which file is to
// be there, and what the manifest is to say of its batches. It is written before
// the file and the entries, so that the next run can finish after a crash, and does
// nothing else with its batches.
type packRecord struct {
	Version int    `json:"pack_version"`
	Number  int    `json:"number"`
	Table   string `json:"table"`
	// Done says that file and entries are there; then Entries are left out.
	Done bool `json:"done,omitempty"`
	// Abandoned says that the file was never put, and never is to be.
	Abandoned bool          `json:"abandoned,omitempty"`
	File      manifest.File `json:"file"`
	// Replaces is the sha256 of the file that is there until this one takes its
	// place; empty for a new one.
	Replaces string            `json:"replaces,omitempty"`
	Entries  []*manifest.Entry `json:"entries,omitempty"`
}

// packLog is the log of the packed files of one table. Records are numbered from
// 1 without a gap, and each is put under the condition that there is none of its
// number: of two compactions that are under way, one gets to say which batches
// come next, and the other has to look again. A record is only added when the one
// before is done, so that the last one alone may be unfinished.
type packLog struct {
	store sinks.Store
	table *schema.Table
}

func (l packLog) prefix() string { return manifest.PackFolder + l.table.Name + "/" }

func (l packLog) name(number int) string { return fmt.Sprintf("%s%06d.json", l.prefix(), number) }

// path returns the path of the packed file that record number begins with.
func (l packLog) path(number int) string {
	return fmt.Sprintf("%s/packed-%06d.parquet", l.table.Name, number)
}

// last returns the record with the highest number and the condition under which
// it may be replaced; nil when there is none.
func (l packLog) last(ctx context.Context) (*packRecord, sinks.Condition, error) {
	highest := 0
	for info, err := range l.store.List(ctx, l.prefix()) {
		if err != nil {
			return nil, sinks.Condition{}, fmt.Errorf("list packs: %w", err)
		}
		digits, ok := strings.CutSuffix(strings.TrimPrefix(info.Name, l.prefix()), ".json")
		if n, err := strconv.Atoi(digits); ok && err == nil && l.name(n) == info.Name {
			highest = max(highest, n)
		}
	}
	if highest == 0 {
		return nil, sinks.IfAbsent(), nil
	}
	return l.read(ctx, highest)
}

// lost returns the highest number of a packed file, for a log that has no record:
// there is one when the log was lost.
func (l packLog) lost(ctx context.Context) (int, error) {
	highest := 0
	for info, err := range l.store.List(ctx, l.table.Name+"/packed-") {
		if err != nil {
			return 0, fmt.Errorf("list packed files: %w", err)
		}
		digits := strings.TrimSuffix(strings.TrimPrefix(info.Name, l.table.Name+"/packed-"), ".parquet")
		if n, err := strconv.Atoi(digits); err == nil && l.path(n) == info.Name {
			highest = max(highest, n)
		}
	}
	return highest, nil
}

func (l packLog) read(ctx context.Context, number int) (*packRecord, sinks.Condition, error) {
	name := l.name(number)
	data, info, err := l.store.Get(ctx, name)
	if err != nil {
		return nil, sinks.Condition{}, fmt.Errorf("read %s: %w", name, err)
	}
	r := new(packRecord)
	err = jsonv2.Unmarshal(data, r, manifest.DecodeOptions)
	if err == nil && (r.Version != packVersion || r.Number != number || r.Table != l.table.Name) {
		err = errors.New("it is of another version, number or table")
	}
	if err == nil && sinks.CheckName(r.File.Path) != nil {
		err = errors.New("it names a file where none can be")
	}
	if err != nil {
		return nil, sinks.Condition{}, &pipeline.Error{
			Op: "compact", Class: pipeline.Fatal, Err: fmt.Errorf("record %s cannot be used: %w", name, err),
			Hint: "nothing was changed: use the version of enrow-export that wrote it; if it is damaged, move it away, and verify the root afterwards",
		}
	}
	return r, sinks.IfVersion(info.Version), nil
}

// write puts a record, and returns the condition under which it may be replaced.
// A lost race is a *sinks.ConflictError.
func (l packLog) write(ctx context.Context, r *packRecord, cond sinks.Condition) (sinks.Condition, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return cond, fmt.Errorf("encode record of a pack: %w", err)
	}
	info, err := sinks.Put(ctx, l.store, l.name(r.Number), buf.Bytes(), cond)
	if err != nil {
		return cond, fmt.Errorf("write record of a pack: %w", err)
	}
	return sinks.IfVersion(info.Version), nil
}

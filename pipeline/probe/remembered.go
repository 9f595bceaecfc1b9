package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

// RecordName is the name of the object that remembers in a root that its store has kept
// its conditions.
const RecordName = "_manifest/store.json"

// recordVersion is the version of records that this program writes and believes.
const recordVersion = 1

// record is the content of RecordName. docs/doctor.md explains it.
type record struct {
	StoreVersion int `json:"store_version"`
	// Root and Service are where the check was made: a copy of the root may lie in a
	// store of another kind.
	Root    string `json:"root"`
	Service string `json:"service"`
	// Kept are the conditions that were kept.
	Kept        []string  `json:"kept"`
	CheckedAt   time.Time `json:"checked_at"`
	ToolVersion string    `json:"tool_version"`
}

// tried are the conditions that Conditions tries.
var tried = []string{"put_if_absent", "put_if_version"}

// Root is where a program is about to write.
type Root struct {
	Store sinks.Store
	At    string // as it was typed
	// Service is the URL of the service that the root is in.
	Service string
	// Flag is what the root was given with, such as "to".
	Flag string
	// Flags are the flags that say how the root is reached, for a command line. They begin
	// with a space.
	Flags       string
	ToolVersion string
	Log         *slog.Logger // nil for none
}

// Remembered makes sure that the store of a root keeps its conditions. Where the store has
// ContentVersions (S3, and whatever speaks its protocol, is one), the cheap try is made
// when the root does not say that it was made before, and the root remembers that it
// succeeded. Elsewhere nothing is done: there a version is proof enough. The error is a
// *pipeline.Error of class Fatal, or the cause of ctx.
func (r Root) Remembered(ctx context.Context) error {
	if !r.Store.Traits().ContentVersions {
		return nil
	}
	known, cond, err := r.read(ctx)
	if err != nil || known {
		return r.failure(ctx, err)
	}
	err = Conditions(ctx, r.Store)
	if left := (*LeftError)(nil); errors.As(err, &left) {
		if r.Log != nil {
			r.Log.WarnContext(ctx, "an object of the check of the destination is left", "error", left)
		}
		err = nil
	}
	if err == nil && cond.Valid() {
		err = r.write(ctx, cond)
	}
	return r.failure(ctx, err)
}

// read reports whether the root remembers a check, and the condition under which it can. A
// record that is damaged, or of another root, is to be replaced. One of a version that is
// not known stays.
func (r Root) read(ctx context.Context) (known bool, cond sinks.Condition, err error) {
	data, info, err := r.Store.Get(ctx, RecordName)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
		return false, sinks.IfAbsent(), nil
	case err != nil:
		return false, cond, fmt.Errorf("read %s: %w", RecordName, err)
	}
	var version struct {
		StoreVersion int `json:"store_version"`
	}
	if json.Unmarshal(data, &version) == nil && version.StoreVersion > recordVersion {
		return false, cond, nil
	}
	return r.believes(data), sinks.IfVersion(info.Version), nil
}

// believes reports whether data is a record of this root that says enough.
func (r Root) believes(data []byte) bool {
	var found record
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&found) != nil || decoder.More() || found.StoreVersion != recordVersion || found.Root != r.At || found.Service != r.Service || found.CheckedAt.IsZero() {
		return false
	}
	return !slices.ContainsFunc(tried, func(condition string) bool { return !slices.Contains(found.Kept, condition) })
}

// write remembers a check. Another run may be faster with the same.
func (r Root) write(ctx context.Context, cond sinks.Condition) error {
	data, err := json.MarshalIndent(record{
		StoreVersion: recordVersion, Root: r.At, Service: r.Service, Kept: tried,
		CheckedAt: time.Now().UTC().Truncate(time.Millisecond), ToolVersion: r.ToolVersion,
	}, "", "  ")
	if err != nil {
		return err
	}
	_, err = r.Store.Put(ctx, RecordName, append(data, '\n'), cond)
	if _, faster := sinks.Conflict(err); err == nil || faster {
		return nil
	}
	return fmt.Errorf("write %s: %w", RecordName, err)
}

// failure returns the error of the check of a root.
func (r Root) failure(ctx context.Context, err error) error {
	var broken *BrokenError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &broken):
		return &pipeline.Error{
			Op: "check destination", Class: pipeline.Fatal,
			Err:  fmt.Errorf("the store of %s does not keep conditions: %w", r.At, broken),
			Hint: fmt.Sprintf("run enrow-export doctor --%s %s%s; add --single-writer only if no two processes ever write to %s at once", r.Flag, r.At, r.Flags, r.At),
		}
	}
	failure := manifest.Failure("check destination", "", err)
	failure.Class = pipeline.Fatal // nothing is begun on a store that is not known to be good
	return failure
}

package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// watermarkVersion is the version of the watermarks that this program writes and
// reads.
const watermarkVersion = 1

// Watermark says up to when a warehouse was loaded, for each table by its name.
type Watermark struct {
	Version int                  `json:"watermark_version"`
	Tables  map[string]time.Time `json:"tables"`
}

// watermarkSlack moves the watermark back from the time at which the manifest is read.
// The time of an entry is older than its writing by up to one operation on the store,
// and clocks differ. Loading a batch twice does no harm.
const watermarkSlack = 15 * time.Minute

var watermarkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// ValidWatermarkName reports whether a watermark can have that name.
func ValidWatermarkName(name string) bool { return watermarkName.MatchString(name) }

func watermarkObject(name string) string { return "_loads/" + name + ".json" }

// readWatermark returns the watermark of that name, an empty one when there is none,
// and the condition under which it may be replaced.
func readWatermark(ctx context.Context, store sinks.Store, name string) (Watermark, sinks.Condition, error) {
	w := Watermark{Version: watermarkVersion, Tables: make(map[string]time.Time)}
	data, info, err := store.Get(ctx, watermarkObject(name))
	if errors.Is(err, sinks.ErrNotExist) {
		return w, sinks.IfAbsent(), nil
	}
	if err != nil {
		return w, sinks.Condition{}, fmt.Errorf("read watermark %s: %w", watermarkObject(name), err)
	}
	err = jsonv2.Unmarshal(data, &w, jsonv2.RejectUnknownMembers(true))
	if err != nil || w.Version != watermarkVersion || w.Tables == nil {
		return w, sinks.Condition{}, &pipeline.Error{
			Op: "load", Class: pipeline.Fatal, Err: fmt.Errorf("watermark %s cannot be used: it is damaged, or of another version", watermarkObject(name)),
			Hint: "use the version of enrow-export that wrote it, or move it away to load everything again",
		}
	}
	return w, sinks.IfVersion(info.Version), nil
}

// advanceWatermark notes up to when tables were loaded, and returns what the
// watermark says then. It never goes back.
func advanceWatermark(ctx context.Context, store sinks.Store, name string, tables map[string]time.Time) (Watermark, error) {
	var w Watermark
	err := sinks.RetryConflicts(ctx, func(int) (err error) {
		var cond sinks.Condition
		if w, cond, err = readWatermark(ctx, store, name); err != nil {
			return err
		}
		changed := false
		for table, at := range tables {
			if at.After(w.Tables[table]) {
				w.Tables[table] = at.UTC()
				changed = true
			}
		}
		if !changed {
			return nil
		}
		data, err := json.MarshalIndent(w, "", "  ")
		if err != nil {
			return fmt.Errorf("encode watermark: %w", err)
		}
		_, err = sinks.Put(ctx, store, watermarkObject(name), append(data, '\n'), cond)
		return err
	})
	return w, err
}

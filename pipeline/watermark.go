package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

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

// WatermarkSlack is how far before the reading of the manifest a watermark lies.
// An entry is stamped a moment before it can be seen, which may take as long as
// an operation on the store does, and clocks differ. What changed in that time is
// loaded twice, which does no harm.
const WatermarkSlack = 15 * time.Minute

var watermarkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// ValidWatermarkName reports whether a watermark can have that name.
func ValidWatermarkName(name string) bool { return watermarkName.MatchString(name) }

func watermarkObject(name string) string { return "_loads/" + name + ".json" }

// ReadWatermark returns the watermark of that name, an empty one when there is
// none.
func ReadWatermark(ctx context.Context, store sinks.Store, name string) (Watermark, error) {
	w, _, err := readWatermark(ctx, store, name)
	return w, err
}

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
		return w, sinks.Condition{}, &Error{
			Op: "load", Class: Fatal, Err: fmt.Errorf("watermark %s cannot be used: it is damaged, or of another version", watermarkObject(name)),
			Hint: "use the version of enrow-export that wrote it, or move it away to load everything again",
		}
	}
	return w, sinks.IfVersion(info.Version), nil
}

// AdvanceWatermark notes up to when tables were loaded, and returns what the
// watermark says then. It never goes back.
func AdvanceWatermark(ctx context.Context, store sinks.Store, name string, tables map[string]time.Time) (Watermark, error) {
	for range maxRounds {
		w, cond, err := readWatermark(ctx, store, name)
		if err != nil {
			return w, err
		}
		changed := false
		for table, at := range tables {
			if at.After(w.Tables[table]) {
				w.Tables[table] = at.UTC()
				changed = true
			}
		}
		if !changed {
			return w, nil
		}
		data, err := json.MarshalIndent(w, "", "  ")
		if err != nil {
			return w, fmt.Errorf("encode watermark: %w", err)
		}
		_, err = put(ctx, store, watermarkObject(name), append(data, '\n'), cond)
		if _, lost := conflict(err); !lost {
			return w, err
		}
	}
	return Watermark{}, errContended
}

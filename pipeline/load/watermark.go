package load

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/schema/dialect"
	"enrow-export/sinks"
)

// watermarkVersion is the version of the watermarks that this program writes. Version 1
// said up to when a warehouse was loaded.
const watermarkVersion = 2

// watermark is the object that keeps what a warehouse has.
type watermark struct {
	Version int `json:"watermark_version"`
	// Changes counts how often the watermark was written.
	Changes int64 `json:"changes"`
	// Target says what was loaded. The first builds that wrote version 2 left it out.
	Target
	// Loaded has Loaded in base64, by table: for each batch 8 bytes of the SHA-256 of
	// its id and 8 bytes of the SHA-256 of the file that was loaded.
	Loaded map[string]string `json:"loaded"`
	// Tables says, in version 1, up to when each table was loaded.
	Tables map[string]time.Time `json:"tables,omitempty"`
}

// Target is where scripts load to, as far as they say it: what one target has, another one
// has not.
type Target struct {
	Dialect   string `json:"dialect,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

// isValid reports whether a watermark can have the target, or none.
func (t Target) isValid() bool {
	_, known := dialect.ByName(t.Dialect)
	return (known || t == Target{}) && schema.Printable(t.Namespace)
}

func (t Target) words() string {
	if t.Namespace == "" {
		return t.Dialect
	}
	return t.Dialect + " with the namespace " + t.Namespace
}

var watermarkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// ValidWatermarkName reports whether a watermark can have that name.
func ValidWatermarkName(name string) bool { return watermarkName.MatchString(name) }

func watermarkObject(name string) string { return "_loads/" + name + ".json" }

// stored is a watermark as it was read.
type stored struct {
	loaded  Loaded
	changes int64
	target  Target
	// upTo is not nil in one of version 1.
	upTo map[string]time.Time
	cond sinks.Condition // under which it may be replaced
}

// readWatermark returns the watermark of that name, an empty one when there is none.
func readWatermark(ctx context.Context, store sinks.Store, name string) (stored, error) {
	s := stored{loaded: make(Loaded), cond: sinks.IfAbsent()}
	data, info, err := store.Get(ctx, watermarkObject(name))
	if errors.Is(err, sinks.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read watermark %s: %w", watermarkObject(name), err)
	}
	s.cond = sinks.IfVersion(info.Version)
	if err := s.decode(data); err != nil {
		return s, &pipeline.Error{
			Op: "load", Class: pipeline.Fatal, Err: fmt.Errorf("watermark %s cannot be used: %w", watermarkObject(name), err),
			Hint: "use the version of enrow-export that wrote it, or move it away to load everything again",
		}
	}
	return s, nil
}

func (s *stored) decode(data []byte) error {
	var w watermark
	if err := jsonv2.Unmarshal(data, &w, jsonv2.RejectUnknownMembers(true)); err != nil {
		return errors.New("it is damaged, or of another version")
	}
	switch {
	case w.Version == 1 && w.Tables != nil && w.Loaded == nil:
		s.upTo = w.Tables
		return nil
	case w.Version != watermarkVersion || w.Loaded == nil || w.Tables != nil || w.Changes < 1 || w.Changes > mostChanges || !w.isValid():
		return errors.New("it is damaged, or of another version")
	}
	s.changes, s.target = w.Changes, w.Target
	for table, text := range w.Loaded {
		if schema.TableByName(table) == nil {
			return errors.New("it names an unknown table")
		}
		c, err := decodeContents(text)
		if err != nil {
			return fmt.Errorf("the contents of %s %w", table, err)
		}
		s.loaded[table] = c
	}
	return nil
}

// mostChanges is more than any watermark is written.
const mostChanges = 1 << 40

// write replaces the watermark that was read. A lost race is a *sinks.ConflictError.
func (s *stored) write(ctx context.Context, store sinks.Store, name string) error {
	s.changes++
	data, err := json.MarshalIndent(s.encode(), "", "  ")
	if err != nil {
		return fmt.Errorf("encode watermark: %w", err)
	}
	if _, err = sinks.Put(ctx, store, watermarkObject(name), append(data, '\n'), s.cond); err != nil {
		return fmt.Errorf("write watermark: %w", err)
	}
	return nil
}

func (s *stored) encode() watermark {
	w := watermark{Version: watermarkVersion, Changes: s.changes, Target: s.target, Loaded: make(map[string]string)}
	for table, c := range s.loaded {
		w.Loaded[table] = base64.StdEncoding.EncodeToString(c.encode())
	}
	return w
}

// changeWatermark writes what change makes of the watermark of that name, if change
// reports that it is another then. It returns the watermark as it is in the end. The
// watermark of another target is an error.
func changeWatermark(ctx context.Context, store sinks.Store, name string, target Target, change func(*stored) (changed bool, err error)) (s stored, err error) {
	err = sinks.RetryConflicts(ctx, func(int) (err error) {
		if s, err = readWatermark(ctx, store, name); err != nil {
			return err
		}
		if s.target != (Target{}) && s.target != target {
			return &pipeline.Error{
				Op: "load", Class: pipeline.Fatal, Err: fmt.Errorf("the watermark %s belongs to %s, not to %s", name, s.target.words(), target.words()),
				Hint: "give each warehouse and namespace a watermark of its own, with --watermark NAME",
			}
		}
		s.target = target
		changed, err := change(&s)
		if err != nil || !changed {
			return err
		}
		return s.write(ctx, store, name)
	})
	return s, err
}

func (c Config) target() Target { return Target{c.Dialect.Name, c.Namespace} }

// OnlyNew makes cfg leave out the contents that the warehouse has, by the watermark of
// that name. A watermark of version 1 is carried over.
func OnlyNew(ctx context.Context, cfg *Config, name string) error {
	s, err := changeWatermark(ctx, cfg.Store, name, cfg.target(), func(s *stored) (bool, error) {
		if s.upTo == nil {
			return false, nil
		}
		return true, carryOver(ctx, *cfg, s)
	})
	cfg.Loaded = s.loaded
	return err
}

// carryOver notes what a watermark of version 1 says: the batches whose entry was written
// before a time are loaded. Of packed batches it does not say so: the time in their
// entries could be older than the entries.
func carryOver(ctx context.Context, cfg Config, s *stored) error {
	p := planner{Config: cfg}
	for k, err := range manifest.Summaries(ctx, cfg.Store, schema.Tables()) {
		if err != nil {
			return err
		}
		if k.Entry == nil || k.Entry.State != manifest.StateExported || !k.Entry.UpdatedAt.Before(s.upTo[k.Table.Name]) {
			continue
		}
		if _, f, why := p.choose(k.Entry); why == "" && !f.Shared() {
			s.loaded.add(k.Table.Name, k.BatchID, f)
		}
	}
	return nil
}

// Doubt takes the batches that a script loads out of the watermark, before the script is
// printed, and returns how often the watermark has changed then, for the Mark. Such a
// batch is in it with other contents, if at all: whether the warehouse has those or the new ones is
// not known until the script is confirmed.
func Doubt(ctx context.Context, cfg Config, name string, loads Loaded) (changes int64, err error) {
	s, err := changeWatermark(ctx, cfg.Store, name, cfg.target(), func(s *stored) (bool, error) { return s.loaded.forget(loads), nil })
	return s.changes, err
}

// Confirm notes that a script with the mark has run, and returns what the warehouse has
// then. When the watermark has changed since the script was made, another script was
// confirmed or printed meanwhile, and which of both ran last is not known: overtaken is
// true then, and what the script loads is new again.
func Confirm(ctx context.Context, store sinks.Store, m Mark) (loaded Loaded, overtaken bool, err error) {
	s, err := changeWatermark(ctx, store, m.Watermark, m.Target, func(s *stored) (bool, error) {
		overtaken = false
		switch {
		case s.upTo != nil:
			return false, errors.New("the watermark is of an earlier version, and the script was made for another one: print the script again")
		case s.loaded.covers(m.Loads): // it was confirmed before
			return false, nil
		case s.changes != m.Changes:
			overtaken = true
			return s.loaded.forget(m.Loads), nil
		}
		return s.loaded.merge(m.Loads), nil
	})
	return s.loaded, overtaken, err
}

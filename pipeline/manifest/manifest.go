package manifest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Manifest is the entries of one table in a store. Store and Table must be set;
// what only reads needs no more.
type Manifest struct {
	Store sinks.Store
	Table *schema.Table
	// ToolVersion stamps the entries that Next returns, Now those that Put writes.
	ToolVersion string
	Now         func() time.Time // time.Now when nil
	Log         *slog.Logger     // told of lost races; may be nil
	// Cache learns what entries say that are put, or read after they were listed. The caller
	// flushes it. May be nil.
	Cache *Cache
}

func (m Manifest) prefix() string { return "_manifest/" + m.Table.Name + "/" }

// Name returns the name of the object that the entry of a batch is.
func (m Manifest) Name(id string) string { return m.prefix() + id + ".json" }

// idOf is the inverse of Name. Objects of other names are no entries.
func (m Manifest) idOf(name string) (id string, ok bool) {
	id, ok = strings.CutSuffix(strings.TrimPrefix(name, m.prefix()), ".json")
	return id, ok && schema.ValidBatchID(id)
}

// Read returns the entry of a batch, nil when there is none, and the condition
// under which it may be replaced. The error of an entry that cannot be used is an
// *EntryError.
func (m Manifest) Read(ctx context.Context, id string) (*Entry, sinks.Condition, error) {
	data, info, err := m.Store.Get(ctx, m.Name(id))
	if errors.Is(err, sinks.ErrNotExist) {
		return nil, sinks.IfAbsent(), nil
	}
	if err != nil {
		return nil, sinks.Condition{}, fmt.Errorf("read manifest entry %s: %w", m.Name(id), err)
	}
	e, err := m.unmarshal(id, data)
	if err != nil {
		return nil, sinks.Condition{}, &EntryError{Name: m.Name(id), Err: err}
	}
	return e, sinks.IfVersion(info.Version), nil
}

// Put replaces the entry under cond and returns the condition for the next Put. A
// lost race is a *sinks.ConflictError. Put stamps the entry: UpdatedAt becomes the time of
// this writing, but none before the one that it has; RecordedAt that of the first writing,
// and FirstExportedAt that of the first writing as exported. Where versions may be the content's, UpdatedAt is a later time than
// before, and the paths in Superseded are given up.
func (m Manifest) Put(ctx context.Context, e *Entry, cond sinks.Condition) (sinks.Condition, error) {
	at, before := m.Time(), e.UpdatedAt
	if m.Store.Traits().ContentVersions {
		e.giveUp()
		if !at.After(e.UpdatedAt) { // no two writings of an entry have the same bytes
			at = e.UpdatedAt.Add(time.Millisecond)
		}
	}
	if at.After(e.UpdatedAt) {
		e.UpdatedAt = at
	}
	if e.RecordedAt == nil {
		recorded := cmp.Or(before, e.UpdatedAt)
		e.RecordedAt = &recorded
	}
	if e.State == StateExported && e.FirstExportedAt == nil {
		first := e.UpdatedAt
		e.FirstExportedAt = &first
	}
	data, err := e.marshal()
	if err != nil {
		return sinks.Condition{}, err
	}
	info, err := sinks.Put(ctx, m.Store, m.Name(e.BatchID), data, cond)
	if err != nil {
		return sinks.Condition{}, fmt.Errorf("write manifest entry: %w", err)
	}
	m.Cache.learn(ctx, m, e, info.Version)
	return sinks.IfVersion(info.Version), nil
}

// Time returns the time as entries have it.
func (m Manifest) Time() time.Time {
	now := m.Now
	if now == nil {
		now = time.Now
	}
	return now().UTC().Truncate(time.Millisecond)
}

// Next returns a copy of the entry, or a pending one if old is nil, to be changed
// and put: stamped with the version of the program.
func (m Manifest) Next(old *Entry, id string) *Entry {
	e := &Entry{State: StatePending}
	if old != nil {
		copied := *old
		e = &copied
	}
	e.ManifestVersion = Version
	e.BatchID = id
	e.Kind = m.Table.Kind
	e.ToolVersion = m.ToolVersion
	return e
}

// Change reads the entry of a batch and puts what change makes of it, again while
// other runs are faster. change gets Next of what is there.
func (m Manifest) Change(ctx context.Context, id string, change func(*Entry)) error {
	return m.Retry(ctx, id, func(int) error {
		old, cond, err := m.Read(ctx, id)
		if err != nil {
			return err
		}
		e := m.Next(old, id)
		change(e)
		_, err = m.Put(ctx, e, cond)
		return err
	})
}

// Retry is sinks.RetryConflicts for a change of one batch. Lost races are logged.
func (m Manifest) Retry(ctx context.Context, id string, change func(round int) error) error {
	return sinks.RetryConflicts(ctx, func(round int) error {
		err := change(round)
		if _, lost := sinks.Conflict(err); lost {
			cmp.Or(m.Log, pipeline.NoLog).DebugContext(ctx, "another run was faster; checking again", pipeline.LogBatch, id)
		}
		return err
	})
}

package manifest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

const (
	// LearningPays is the number of entries from which on the cache is written.
	LearningPays = ListingPays
	// mostLearned bounds the entries that are kept until the cache is written.
	mostLearned = 8192
	// cacheWrites bounds the segments that are written at a time.
	cacheWrites = 4
)

// Cache writes the cache of a store (cache.go). Operations that change a root keep one and
// flush it in the end. A nil *Cache learns nothing.
type Cache struct {
	store sinks.Store
	log   *slog.Logger // told what could not be written

	mu      sync.Mutex
	learned map[string]lesson // by table
	count   int
}

// lesson is what was learned of the entries of one table.
type lesson struct {
	m     Manifest
	lines map[string]line
}

// NewCache returns the cache of a store, nil where there can be none. log may be nil.
func NewCache(store sinks.Store, log *slog.Logger) *Cache {
	if !store.Traits().ListedVersions {
		return nil
	}
	return &Cache{store: store, log: cmp.Or(log, pipeline.NoLog), learned: make(map[string]lesson)}
}

// learn notes what the entry says in that version.
func (c *Cache) learn(ctx context.Context, m Manifest, e *Entry, version string) {
	if c == nil || e == nil || strings.ContainsFunc(version, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return
	}
	text := m.noteOf(e)
	if text == "" {
		return
	}
	c.mu.Lock()
	of, ok := c.learned[m.Table.Name]
	if !ok {
		of = lesson{m, make(map[string]line)}
		c.learned[m.Table.Name] = of
	}
	if _, known := of.lines[e.BatchID]; !known {
		c.count++
	}
	of.lines[e.BatchID] = line{version, text}
	full := c.count >= mostLearned
	c.mu.Unlock()
	if full {
		c.Flush(ctx)
	}
}

// Flush writes what was learned, if that is much. What cannot be written is read again
// by whoever needs it.
func (c *Cache) Flush(ctx context.Context) {
	if c == nil {
		return
	}
	c.mu.Lock()
	learned, count := c.learned, c.count
	if count >= LearningPays {
		c.learned, c.count = make(map[string]lesson), 0
	}
	c.mu.Unlock()
	if count < LearningPays {
		return
	}
	for _, of := range learned {
		if err := of.m.merge(ctx, of.lines); err != nil && ctx.Err() == nil {
			c.log.DebugContext(ctx, "the cache of the manifest could not be written", "error", err)
		}
	}
}

// merge puts lines into the segments of the cache. Of two that write a segment at the same
// time one is enough.
func (m Manifest) merge(ctx context.Context, lines map[string]line) error {
	all := m.segments(ctx)
	if len(all) == 0 || all[0].first != firstSegment {
		all = append([]*segment{{first: firstSegment}}, all...)
	}
	groups := make(map[*segment]map[string]line)
	for id, l := range lines {
		s := covering(all, id)
		if s == nil {
			continue // no id is before the first segment
		}
		if groups[s] == nil {
			groups[s] = make(map[string]line)
		}
		groups[s][id] = l
	}
	writes, ctx := errgroup.WithContext(ctx)
	writes.SetLimit(cacheWrites)
	for s, news := range groups {
		writes.Go(func() error {
			for id, l := range m.read(ctx, s) {
				if _, known := news[id]; !known {
					news[id] = l
				}
			}
			return m.putSegment(ctx, s, news)
		})
	}
	return writes.Wait()
}

// putSegment puts the lines of a segment, and divides it if they are too many. The new
// segments come first: until the old one is put, it has their lines, too.
func (m Manifest) putSegment(ctx context.Context, s *segment, lines map[string]line) error {
	ids := inListingOrder(lines)
	parts := (len(ids) + maxLines - 1) / maxLines
	for i := parts - 1; i >= 0; i-- {
		part := ids[i*len(ids)/parts : (i+1)*len(ids)/parts]
		data, err := encodeSegment(part, lines)
		if err != nil {
			return err
		}
		at, cond := &segment{first: part[0]}, sinks.IfAbsent()
		if i == 0 {
			at = s
			if s.version != "" {
				cond = sinks.IfVersion(s.version)
			}
		}
		if _, err := m.Store.Put(ctx, m.segmentName(at), data, cond); err != nil {
			return fmt.Errorf("write %s: %w", m.segmentName(at), err)
		}
	}
	return nil
}

package manifest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"enrow-export/schema"
)

// The cache has what entries say, for a thousand entries in one object, so that whoever
// lists a manifest need not read each entry. It exists where a listing shows the versions
// of objects. What it says of an entry is believed only if the listing shows the version
// of which it says so: whether an object of the cache is old, lost or somebody else's does
// no harm. Its objects are segments:
//
//	_cache/email_find/-.zst      batches up to the next segment
//	_cache/email_find/b-17.zst   the batch b-17 and those that follow, in the order of a listing
//
// A segment is a line that tells its format, and a line for each entry: the batch id, the
// version of the entry's object, and a note (summary.go).

const (
	cacheHeader = "enrow-export cache 2\n"
	cacheExt    = ".zst"
	// firstSegment is the name of the segment that begins before all ids. It is no id.
	firstSegment = "-"

	// maxLines bounds the entries of a segment. A longer one is divided.
	maxLines = 4096
	// maxSegment and maxSegmentText bound a segment that is read.
	maxSegment     = 4 << 20
	maxSegmentText = maxLines * (maxNote + 512)
)

func (m Manifest) cachePrefix() string { return "_cache/" + m.Table.Name + "/" }

// listingKey orders batch ids as a listing does, where each is followed by an extension.
func listingKey(id string) string { return id + "." }

// segment is an object of the cache. It is read when it is needed first.
type segment struct {
	first   string // id, or firstSegment
	version string // empty when there is no object yet
	size    int64

	once  sync.Once
	lines map[string]line // by batch id
}

// line is what a segment says of one entry.
type line struct{ version, note string }

func (m Manifest) segmentName(s *segment) string { return m.cachePrefix() + s.first + cacheExt }

// segments lists the cache, in the order of a listing. It returns none where there is no
// cache, or where it cannot be listed.
func (m Manifest) segments(ctx context.Context) []*segment {
	if !m.Store.Traits().ListedVersions {
		return nil
	}
	var all []*segment
	for info, err := range m.Store.List(ctx, m.cachePrefix()) {
		if err != nil {
			return nil
		}
		first, ok := strings.CutSuffix(strings.TrimPrefix(info.Name, m.cachePrefix()), cacheExt)
		if ok && (first == firstSegment || schema.ValidBatchID(first)) {
			all = append(all, &segment{first: first, version: info.Version, size: info.Size})
		}
	}
	return all
}

// covering returns the segment that an id belongs to, nil when there is none.
func covering(all []*segment, id string) *segment {
	key := listingKey(id)
	n := sort.Search(len(all), func(i int) bool { return listingKey(all[i].first) > key })
	if n == 0 {
		return nil
	}
	return all[n-1]
}

// read returns the lines of a segment. There are none if it cannot be read.
func (m Manifest) read(ctx context.Context, s *segment) map[string]line {
	s.once.Do(func() {
		if s.version == "" || s.size > maxSegment {
			return
		}
		if data, _, err := m.Store.Get(ctx, m.segmentName(s)); err == nil {
			s.lines = parseSegment(data)
		}
	})
	return s.lines
}

// parseSegment returns the lines of a segment's content, none if it is not one.
func parseSegment(data []byte) map[string]line {
	text, err := DecompressRaw(data, maxSegmentText)
	body, ok := bytes.CutPrefix(text, []byte(cacheHeader))
	if err != nil || !ok {
		return nil
	}
	lines := make(map[string]line)
	for text := range bytes.Lines(body) {
		parts := strings.SplitN(strings.TrimSuffix(string(text), "\n"), " ", 3)
		if len(parts) == 3 && schema.ValidBatchID(parts[0]) {
			lines[parts[0]] = line{parts[1], parts[2]}
		}
	}
	return lines
}

// encodeSegment is the inverse of parseSegment, for the batches given, in their order.
func encodeSegment(ids []string, lines map[string]line) ([]byte, error) {
	var text bytes.Buffer
	text.WriteString(cacheHeader)
	for _, id := range ids {
		fmt.Fprintf(&text, "%s %s %s\n", id, lines[id].version, lines[id].note)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true),
		zstd.WithWindowSize(1<<19), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	defer func() { _ = z.Close() }() // it has written to memory
	return z.EncodeAll(text.Bytes(), nil), nil
}

// inListingOrder returns the ids of lines.
func inListingOrder(lines map[string]line) []string {
	ids := make([]string, 0, len(lines))
	for id := range lines {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(listingKey(a), listingKey(b)) })
	return ids
}

package overview

import (
	"cmp"
	"slices"
	"time"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// sizes are the limits of Overview.Sizes, in bytes.
var sizes = []int64{10 << 10, 100 << 10, 1 << 20, 10 << 20, 0}

// Builder makes an Overview of batches that are given to it.
type Builder struct {
	kinds           map[string]*Kind
	days            map[time.Time]*Day
	sizes           []Size
	failed, waiting named
	now, lastExport time.Time
}

// skew is by how much the clocks of machines may differ. A time that is further ahead is of a
// clock that was wrong, and says nothing about when a batch was exported last.
const skew = time.Hour

// NewBuilder returns a Builder without batches, for an Overview of that time.
func NewBuilder(now time.Time) *Builder {
	b := &Builder{now: now, kinds: make(map[string]*Kind), days: make(map[time.Time]*Day)}
	for _, below := range sizes {
		b.sizes = append(b.sizes, Size{Below: below})
	}
	b.failed.before = func(a, b Batch) int {
		if a.NeedAttention != b.NeedAttention {
			if a.NeedAttention {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Since.Compare(a.Since), a.byName(b))
	}
	b.waiting.before = func(a, b Batch) int { return cmp.Or(a.Since.Compare(b.Since), a.byName(b)) }
	return b
}

func (b Batch) byName(other Batch) int {
	return cmp.Or(cmp.Compare(b.Kind, other.Kind), cmp.Compare(b.BatchID, other.BatchID))
}

// Add counts a batch. One that the manifest does not know counts nothing.
func (b *Builder) Add(k manifest.Known) {
	kind := b.kinds[k.Table.Kind]
	if kind == nil {
		kind = &Kind{Kind: k.Table.Kind}
	}
	switch e := k.Entry; {
	case k.Err != nil:
		kind.Unreadable++
		b.failed.add(Batch{Kind: kind.Kind, BatchID: k.BatchID, Error: k.Err.Error(), NeedAttention: true})
	case e == nil:
		return
	case e.NeedsAttention():
		kind.NeedAttention++
		b.failed.add(batchOf(e, e.UpdatedAt))
	case e.State == manifest.StateExported:
		kind.Exported++
	case e.Dismissed:
		kind.Dismissed++
	case e.State == manifest.StateFailed:
		kind.Failed++
		b.failed.add(batchOf(e, e.UpdatedAt))
		b.waits(kind, e)
	default:
		if e.State == manifest.StateOngoing {
			kind.Ongoing++
		} else {
			kind.Pending++
		}
		b.waits(kind, e)
	}
	b.kinds[kind.Kind] = kind
	if k.Entry != nil && k.Entry.State == manifest.StateExported {
		b.exported(k.Table, kind, k.Entry)
	}
}

// waits adds a batch that waits.
func (b *Builder) waits(kind *Kind, e *manifest.Entry) {
	kind.OldestWaiting = earlier(kind.OldestWaiting, e.Since())
	b.waiting.add(batchOf(e, e.Since()))
}

func batchOf(e *manifest.Entry, since time.Time) Batch {
	return Batch{Kind: e.Kind, BatchID: e.BatchID, State: e.State, Since: since, Attempts: e.Attempts, Error: e.Error, NeedAttention: e.NeedsAttention()}
}

// exported adds an exported batch: its rows, credits and bytes.
func (b *Builder) exported(table *schema.Table, kind *Kind, e *manifest.Entry) {
	s := Sums{Rows: *e.Rows}
	for _, f := range e.Files {
		s.Bytes += share(f)
	}
	if totals := (manifest.Manifest{Table: table}).Totals(e); totals != nil {
		s.Spent, s.Refunded = totals.Spent, totals.Refunded
		if totals.Found != nil {
			s.Found, s.FoundOf = min(*totals.Found, s.Rows), s.Rows
		}
	}
	if len(e.Mismatches)+len(e.Warnings) > 0 {
		kind.Warned++
	}
	kind.Add(s)
	at := e.UpdatedAt
	if e.FirstExportedAt != nil {
		at = *e.FirstExportedAt
	}
	if at.After(b.lastExport) && at.Before(b.now.Add(skew)) {
		b.lastExport = at
	}
	date := at.UTC().Truncate(24 * time.Hour)
	day := b.days[date]
	if day == nil {
		day = &Day{Date: date}
		b.days[date] = day
	}
	day.Batches++
	day.Add(s)
	i := slices.IndexFunc(b.sizes, func(size Size) bool { return s.Bytes < size.Below || size.Below == 0 })
	b.sizes[i].Batches++
}

// share returns the bytes of a file that are one batch's: of a pack its part of the rows.
func share(f manifest.File) int64 {
	if f.Shared() && f.FileRows > 0 {
		return int64(float64(f.Bytes) * float64(f.Rows) / float64(f.FileRows))
	}
	return f.Bytes
}

// Overview returns the figures of all entries that were added. The Builder must not be used
// after it.
func (b *Builder) Overview() *Overview {
	o := &Overview{At: b.now, Sizes: b.sizes, Failed: b.failed.first(), Waiting: b.waiting.first(), LastExport: b.lastExport}
	for _, table := range schema.Tables() {
		if k := b.kinds[table.Kind]; k != nil {
			o.Kinds = append(o.Kinds, *k)
		}
	}
	for _, d := range b.days {
		o.Days = append(o.Days, *d)
	}
	slices.SortFunc(o.Days, func(a, b Day) int { return a.Date.Compare(b.Date) })
	if o.LastExport.After(b.now) {
		o.LastExport = b.now
	}
	return o
}

// named keeps the first MostNamed batches in an order.
type named struct {
	before func(a, b Batch) int
	list   []Batch
}

func (n *named) add(b Batch) {
	if n.list = append(n.list, b); len(n.list) >= 4*MostNamed {
		n.list = n.first()
	}
}

func (n *named) first() []Batch {
	slices.SortFunc(n.list, n.before)
	return slices.Clip(n.list[:min(len(n.list), MostNamed)])
}

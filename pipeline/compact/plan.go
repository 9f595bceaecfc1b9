package compact

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// packPlan is what is to be done with the batches of one table.
type packPlan struct {
	table  *schema.Table
	groups map[string][]candidate // to be packed, by the fingerprint of their columns
	// changed are batches that are packed, and have been exported again with other rows.
	changed []string
	// unreadable are packed batches whose entry where they come from cannot be used.
	unreadable []manifest.Known
	// packed is what the entries say of the packs that are there.
	packed manifest.PackTally
}

// fingerprints returns those of the groups, that of all columns first.
func (p packPlan) fingerprints() []string {
	all := p.table.Fingerprint()
	sorted := slices.Sorted(maps.Keys(p.groups))
	if i := slices.Index(sorted, all); i > 0 {
		sorted = slices.Insert(slices.Delete(sorted, i, i+1), 0, all)
	}
	return sorted
}

// plan compares the two manifests, which come in the same order. Before it is used, all
// of the packs must be in it: see complete.
func (c *compactor) plan(ctx context.Context, table *schema.Table) (*packPlan, error) {
	plan := &packPlan{table: table, groups: make(map[string][]candidate)}
	packed := newMerge(manifest.Summaries(ctx, c.Into, []*schema.Table{table}), plan.add)
	defer packed.stop()
	for k, err := range manifest.Summaries(ctx, c.From, []*schema.Table{table}) {
		if err != nil {
			return nil, err
		}
		there, err := packed.find(k.BatchID)
		if err != nil {
			return nil, err
		}
		if k.Err == nil && k.Entry.State != manifest.StateExported {
			c.summary.NotExported++
			continue
		}
		if there == nil || there.Entry.State != manifest.StateExported {
			file := manifest.File{}
			fingerprint := table.Fingerprint()
			if k.Err == nil { // else that is told when it is read
				file, fingerprint = k.Entry.Files[manifest.PackFormat], k.Entry.Schema.Fingerprint
			}
			plan.groups[fingerprint] = append(plan.groups[fingerprint], candidate{id: k.BatchID, bytes: file.Bytes})
			continue
		}
		if k.Err != nil {
			plan.unreadable = append(plan.unreadable, k)
			continue
		}
		same, err := c.sameContent(ctx, k, *there)
		switch {
		case err != nil:
			return nil, err
		case same:
			c.summary.Already++
		default:
			plan.changed = append(plan.changed, k.BatchID)
		}
	}
	return plan, packed.drain()
}

// add takes note of an entry of the root to pack into.
func (p *packPlan) add(there manifest.Known) error {
	switch {
	case there.Err != nil:
		return there.Err
	case there.Entry.State != manifest.StateExported:
	case !there.Entry.Files[manifest.PackFormat].Shared():
		return &pipeline.Error{
			Op: "compact", Class: pipeline.Fatal, Err: fmt.Errorf("the root to pack into is a destination of export: it has a file of the single batch %s", there.BatchID),
			Hint: "name another root with --into",
		}
	default:
		p.packed.Add(there.Entry)
	}
	return nil
}

// sameContent reports whether a packed batch has the rows that it has where it
// comes from.
func (c *compactor) sameContent(ctx context.Context, from, into manifest.Known) (bool, error) {
	if from.Entry.Files[manifest.PackFormat].SHA256 == into.Entry.Files[manifest.PackFormat].PackedFrom {
		return true, nil
	}
	var both [2]*manifest.Entry
	for i, store := range []sinks.Store{c.From, c.Into} {
		var err error
		both[i], _, err = manifest.Manifest{Store: store, Table: from.Table}.Read(ctx, from.BatchID)
		var unusable *manifest.EntryError
		switch {
		case errors.As(err, &unusable):
			return false, nil
		case err != nil:
			return false, err
		case both[i] == nil, both[i].State != manifest.StateExported:
			return true, nil // it has just gone
		}
	}
	return sameRows(both[0], both[1]), nil
}

// merge finds in one manifest what comes along in the order of another. Each entry that
// it passes goes to seen.
type merge struct {
	next func() (manifest.Known, error, bool)
	stop func()
	seen func(manifest.Known) error
	head *manifest.Known
	over bool
}

func newMerge(all iter.Seq2[manifest.Known, error], seen func(manifest.Known) error) *merge {
	next, stop := iter.Pull2(all)
	return &merge{next: next, stop: stop, seen: seen}
}

// find returns what is known of a batch, nil for nothing. Ids come in the order in
// which manifests are listed.
func (m *merge) find(id string) (*manifest.Known, error) {
	name := func(id string) string { return id + ".json" } // which is listed
	for !m.over && (m.head == nil || name(m.head.BatchID) < name(id)) {
		if err := m.advance(); err != nil {
			return nil, err
		}
	}
	if m.over || m.head.BatchID != id {
		return nil, nil
	}
	return m.head, nil
}

func (m *merge) advance() error {
	k, err, ok := m.next()
	m.head, m.over = &k, !ok
	if err != nil || !ok {
		return err
	}
	return m.seen(k)
}

// drain passes all that is left.
func (m *merge) drain() error {
	for !m.over {
		if err := m.advance(); err != nil {
			return err
		}
	}
	return nil
}

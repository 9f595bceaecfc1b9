package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// packPlan is what is to be done with the batches of one table.
type packPlan struct {
	table  *schema.Table
	groups map[string][]candidate // to be packed, by the fingerprint of their columns
	// changed are batches that are packed, and have been exported again.
	changed []candidate
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

// plan compares the two manifests, which come in the same order.
func (c *compactor) plan(ctx context.Context, table *schema.Table) (packPlan, error) {
	plan := packPlan{table: table, groups: make(map[string][]candidate)}
	packed := newMerge(Entries(ctx, c.Into, []*schema.Table{table}, false))
	defer packed.stop()
	for k, err := range Entries(ctx, c.From, []*schema.Table{table}, false) {
		if err != nil {
			return plan, err
		}
		there, err := packed.find(k.BatchID)
		if err != nil {
			return plan, err
		}
		if there != nil && there.Err != nil {
			return plan, there.Err
		}
		if there != nil && there.Entry.State == StateExported && !there.Entry.Files[packFormat].Shared() {
			return plan, &Error{
				Op: "compact", Class: Fatal, Err: fmt.Errorf("the root to pack into is a destination of export: it has files of batch %s alone", k.BatchID),
				Hint: "name another root with --into",
			}
		}
		if k.Err == nil && k.Entry.State != StateExported {
			c.summary.NotExported++
			continue
		}
		file := File{}
		fingerprint := table.Fingerprint()
		if k.Err == nil { // else that is told when it is read
			file, fingerprint = k.Entry.Files[packFormat], k.Entry.Schema.Fingerprint
		}
		cand := candidate{id: k.BatchID, bytes: file.Bytes}
		if there == nil || there.Entry.State != StateExported {
			plan.groups[fingerprint] = append(plan.groups[fingerprint], cand)
			continue
		}
		same, err := c.sameContent(ctx, k, *there)
		switch {
		case err != nil:
			return plan, err
		case same:
			c.summary.Already++
		default:
			plan.changed = append(plan.changed, cand)
		}
	}
	return plan, nil
}

// sameContent reports whether a packed batch has the rows that it has where it
// comes from.
func (c *compactor) sameContent(ctx context.Context, from, into Known) (bool, error) {
	if from.Err == nil && from.Entry.Files[packFormat].SHA256 == into.Entry.Files[packFormat].PackedFrom {
		return true, nil
	}
	var both [2]*Entry
	for i, store := range []sinks.Store{c.From, c.Into} {
		var err error
		both[i], _, err = Manifest{Store: store, Table: from.Table}.Read(ctx, from.BatchID)
		var unusable *EntryError
		switch {
		case errors.As(err, &unusable):
			return false, nil
		case err != nil:
			return false, err
		case both[i] == nil, both[i].State != StateExported:
			return true, nil // it has just gone
		}
	}
	return sameRows(both[0], both[1]), nil
}

// errOtherVersion says that files have columns that this program does not know.
var errOtherVersion = errors.New("has files of another version of the table")

// tableOf returns the table with the columns that files were written with.
func tableOf(table *schema.Table, ref *SchemaRef) (*schema.Table, error) {
	selected, err := table.Select(ref.Columns, nil)
	if err != nil || selected.Fingerprint() != ref.Fingerprint {
		return nil, fmt.Errorf("%w: it was written under version %d of table %s, and this program has version %d; export --force writes it anew",
			errOtherVersion, ref.Version, ref.Table, table.Version)
	}
	return selected, nil
}

// merge finds in one manifest what comes along in the order of another.
type merge struct {
	next func() (Known, error, bool)
	stop func()
	head *Known
	over bool
}

func newMerge(all iter.Seq2[Known, error]) *merge {
	next, stop := iter.Pull2(all)
	return &merge{next: next, stop: stop}
}

// find returns what is known of a batch, nil for nothing. Ids come in the order in
// which manifests are listed.
func (m *merge) find(id string) (*Known, error) {
	name := func(id string) string { return id + ".json" } // which is listed
	for !m.over && (m.head == nil || name(m.head.BatchID) < name(id)) {
		k, err, ok := m.next()
		if err != nil {
			return nil, err
		}
		m.head, m.over = &k, !ok
	}
	if m.over || m.head.BatchID != id {
		return nil, nil
	}
	return m.head, nil
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/manifest"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
)

// wanted is what an export works on.
type wanted struct {
	works []export.Work
	kind  string        // of all of them, or runs.AllKinds
	left  *runs.GivenUp // nil without --pending
}

// total returns the number of the batches.
func (w wanted) total() (n int) {
	for _, work := range w.works {
		n += len(work.IDs)
	}
	return n
}

// givenUpText says which batches are permanently failed, and is empty when there are none.
func givenUpText(g *runs.GivenUp) string {
	if g == nil || g.Count == 0 {
		return ""
	}
	var named []string
	for _, b := range g.First {
		named = append(named, strings.TrimSuffix(b.BatchID+" "+strings.TrimSuffix(kindShown(b.Kind), ", "), " "))
	}
	text := fmt.Sprintf("permanently failed: %s, %s", count(int64(g.Count), "batch"), strings.Join(named, ", "))
	if more := g.Count - len(g.First); more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text + "\n  --retry-failed exports them again; enrow-export dismiss removes batches from this list"
}

// pendingTables returns the tables whose manifests --pending looks at: all of them,
// unless --kind says which.
func pendingTables(c *cli.Context) []*schema.Table {
	if c.IsSet("kind") {
		return tables(c)
	}
	return schema.Tables()
}

// wantedBatches adds the pending or saved ids, removes repeats, and keeps the ids of the
// shard.
func wantedBatches(c *cli.Context, cfg export.Config, from source, ids []string, part export.Shard) (wanted, error) {
	own := export.Work{Table: cfg.Table, Columns: cfg.Columns, IDs: ids}
	w := wanted{kind: cfg.Table.Kind}
	var err error
	switch {
	case c.Bool("pending"):
		if w, err = withPending(c, cfg, own, part); err != nil {
			return w, err
		}
	case namesBatches(c):
		w.works = []export.Work{own}
	default:
		if own.IDs, err = savedIDs(c, cfg, from); err != nil {
			return w, err
		}
		w.works = []export.Work{own}
	}
	for i := range w.works {
		work := &w.works[i]
		work.IDs = slices.DeleteFunc(schema.DistinctIDs(work.IDs), func(id string) bool { return !part.Holds(id) })
	}
	return w, nil
}

// withPending returns the named batches and then the pending ones, of each kind. Batches that
// have failed before come last of all: their faults hold up no other batch.
func withPending(c *cli.Context, cfg export.Config, named export.Work, part export.Shard) (wanted, error) {
	if len(named.IDs) == 0 {
		to, err := rootOf(c, "to")
		if err == nil {
			err = to.exists() // or a wrong name would have nothing pending for ever
		}
		if err == nil {
			err = to.known(c.Context, cfg.Store)
		}
		if err != nil {
			return wanted{kind: runs.AllKinds}, err
		}
	}
	kinds := pendingTables(c)
	ids, err := idsOfKinds(c, cfg, named, kinds)
	if err != nil {
		return wanted{kind: runs.AllKinds}, err
	}
	return unfinished(c, cfg, kinds, ids, part)
}

// unfinished returns the batches of the kinds that a run has to take up: those that are named,
// and those that the manifest has unfinished.
func unfinished(c *cli.Context, cfg export.Config, kinds []*schema.Table, ids map[*schema.Table][]string, part export.Shard) (wanted, error) {
	w := wanted{kind: runs.AllKinds, left: &runs.GivenUp{First: []runs.Batch{}}}
	if len(kinds) == 1 {
		w.kind = kinds[0].Kind
	}
	var later []export.Work
	for _, table := range kinds {
		work := export.Work{Table: table}
		var err error
		if work.Columns, err = columns(c, table); err != nil {
			return w, err
		}
		left, err := export.Pending(c.Context, work.Of(cfg), c.Bool("retry-failed"))
		if err != nil {
			return w, err
		}
		again := work
		work.IDs, again.IDs = left.Fresh, left.FailedBefore
		if own := ids[table]; len(own) > 0 {
			work.IDs = append(without(own, left.FailedBefore), left.Fresh...)
			left.GivenUp = without(left.GivenUp, own)
		}
		w.works, later = append(w.works, work), append(later, again)
		for _, id := range left.GivenUp {
			if part.Holds(id) {
				w.left.Add(table.Kind, id)
			}
		}
	}
	w.works = append(w.works, later...)
	return w, nil
}

// idsOfKinds sorts the named ids by kind. --kind decides, or else the manifest, which may know
// an id under several kinds. An unknown id is of the default kind.
func idsOfKinds(c *cli.Context, cfg export.Config, named export.Work, kinds []*schema.Table) (map[*schema.Table][]string, error) {
	if c.IsSet("kind") {
		return map[*schema.Table][]string{named.Table: named.IDs}, nil
	}
	ctx, ids := c.Context, make(map[*schema.Table][]string)
	for k, err := range manifest.SummariesOf(ctx, cfg.Store, kinds, named.IDs) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, manifest.Failure("export", "", fmt.Errorf("look for the kinds of batches: %w", err))
		}
		ids[k.Table] = append(ids[k.Table], k.BatchID)
	}
	return ids, nil
}

// without returns the ids that are not among others.
func without(ids, others []string) []string {
	among := make(map[string]bool, len(others))
	for _, id := range others {
		among[id] = true
	}
	return slices.DeleteFunc(ids, func(id string) bool { return among[id] })
}

// savedIDs returns the batches of which there are saved answers. That there are none is
// more often a mistyped root than a destination of which nothing is to be exported.
func savedIDs(c *cli.Context, cfg export.Config, from source) (ids []string, err error) {
	for id, err := range from.saved(c.Context, cfg.Table) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if ids != nil {
		return ids, nil
	}
	none := &pipeline.Error{
		Op: "replay", Class: pipeline.Fatal, Err: fmt.Errorf("no response of a batch of kind %s was saved in %s", cfg.Table.Kind, c.String("from")),
		Hint: "check --from and --kind: export --keep-raw keeps a copy of each response",
	}
	for _, other := range schema.Tables() {
		if other.Kind == cfg.Table.Kind {
			continue
		}
		for _, err := range from.saved(c.Context, other) {
			if err == nil {
				none.Hint = fmt.Sprintf("responses of another kind were saved there: add --kind %s", other.Kind)
				return nil, none
			}
			break
		}
	}
	return nil, none
}

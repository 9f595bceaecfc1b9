package prune

import (
	"context"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

// recognise finds out whether a file is this program's. Its path must be one that the
// layout gives to a batch, and its content a table of that batch; or path and content
// must be those of a copy of an answer.
func (p *pruner) recognise(ctx context.Context, u *Unnamed) error {
	for _, table := range p.Tables {
		id, whose := p.owner(table, u.Path)
		if whose == nil {
			continue
		}
		data, info, err := p.Store.Get(ctx, u.Path)
		if err != nil {
			return err
		}
		if w := whose(data); w == manifest.Ours || w == manifest.Anyones {
			u.Reason = p.reasonOf(batchKey{table, id}, u.Path, Orphan)
			u.BatchID, u.table, u.Bytes, u.version = id, table, info.Size, info.Version
			return nil
		}
	}
	return nil
}

// owner returns the batch of the table that a path is for, and what tells whether the
// content is of that batch. It is nil when the path is for no batch. Paths of a later
// generation are this program's only in a store where it puts some.
func (p *pruner) owner(table *schema.Table, path string) (id string, whose func(data []byte) manifest.Whose) {
	if p.Store.Traits().ContentVersions {
		path, _ = manifest.Generation(path)
	}
	if id, ok := manifest.ParseRaw(table, path); ok {
		return id, func(data []byte) manifest.Whose { return manifest.WhoseAnswer(id, data, manifest.MaxAnswer) }
	}
	id, encodings := p.Layout.Parse(table, path)
	if len(encodings) == 0 {
		return "", nil
	}
	return id, func(data []byte) manifest.Whose { return manifest.WhoseTable(table, id, encodings, data) }
}

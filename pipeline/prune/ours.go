package prune

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// recognise finds out whether a file is this program's. Its path must be one that the
// layout gives to a batch, and its content a table of that batch; or path and content
// must be those of a copy of an answer.
func (p *pruner) recognise(ctx context.Context, u *Unnamed) error {
	for _, table := range p.Tables {
		id, isOurs := p.owner(table, u.Path)
		if isOurs == nil {
			continue
		}
		data, info, err := p.Store.Get(ctx, u.Path)
		if err != nil {
			return err
		}
		if isOurs(data) {
			u.Reason, u.BatchID, u.table, u.Bytes, u.version = Orphan, id, table, info.Size, info.Version
			return nil
		}
	}
	return nil
}

// owner returns the batch of the table that a path is for, and a test whether the
// content is of that batch. The test is nil when the path is for no batch.
func (p *pruner) owner(table *schema.Table, path string) (id string, isOurs func(data []byte) bool) {
	if id, ok := manifest.ParseRaw(table, path); ok {
		return id, func(data []byte) bool { return isAnswerOf(id, data) }
	}
	id, encodings := p.Layout.Parse(table, path)
	if len(encodings) == 0 {
		return "", nil
	}
	return id, func(data []byte) bool {
		return slices.ContainsFunc(encodings, func(enc sinks.Encoding) bool { return isTableOf(table, id, enc, data) })
	}
}

// isTableOf reports whether data is a file of the table, with all columns or some of
// them, and with rows of the batch.
func isTableOf(table *schema.Table, id string, enc sinks.Encoding, data []byte) bool {
	contents, err := enc.Inspect(data)
	if err != nil {
		return false
	}
	if contents.Rows == 0 && contents.Columns == nil {
		return true
	}
	names := table.ColumnNames()
	for _, column := range contents.Columns {
		if !slices.Contains(names, column) {
			return false
		}
	}
	return contents.Columns[0] == names[0] && (contents.Rows == 0 || contents.First == id)
}

// longestRaw bounds the decompressed size of a file that may be a copy of an answer.
const longestRaw = 1 << 30

// isAnswerOf reports whether data is a stored copy of an answer for the batch.
func isAnswerOf(id string, data []byte) bool {
	body, err := manifest.DecompressRaw(data, longestRaw)
	if err != nil || !jsontext.Value(body).IsValid(jsontext.AllowInvalidUTF8(true)) {
		return false
	}
	got, ok := schema.StringMember(schema.Member(body, "general"), "id")
	return ok && got == id
}

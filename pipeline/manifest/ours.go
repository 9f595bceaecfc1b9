package manifest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/schema"
	"enrow-export/sinks"
)

// Whose is what the content of a file says of the batch that it is of. A path says
// nothing of that: under another layout it may be another batch's.
type Whose uint8

const (
	// Nobodys is a file that is not recognised: foreign, or damaged.
	Nobodys Whose = iota
	// Anyones is a file of the table without a row, in a format that does not name the
	// batch then.
	Anyones
	// Anothers is a file of another batch or table.
	Anothers
	// Ours is a file of the batch.
	Ours
)

// MaxAnswer bounds the answer in a copy that is looked into. It is more than an export
// keeps.
const MaxAnswer = 1 << 30

// WhoseFile tells whose the file with that path and content is, seen from a batch. A
// copy of an answer of more than maxAnswer bytes is not recognised.
func WhoseFile(table *schema.Table, id, path string, data []byte, maxAnswer int64) Whose {
	if strings.HasPrefix(path, RawPrefix(table)) {
		return WhoseAnswer(id, data, maxAnswer)
	}
	return WhoseTable(table, id, encodingsAt(path), data)
}

// encodingsAt returns the encodings that the data file at a path may have under any
// layout. Most layouts end in the extension.
func encodingsAt(path string) (encodings []sinks.Encoding) {
	var all []sinks.Encoding
	for _, format := range sinks.Formats() {
		for _, compression := range format.Compressions {
			enc := sinks.Encoding{Format: format, Compression: compression}
			all = append(all, enc)
			if strings.HasSuffix(path, "."+enc.Ext()) {
				encodings = append(encodings, enc)
			}
		}
	}
	if encodings == nil {
		return all
	}
	return encodings
}

// WhoseTable is WhoseFile for a data file that has one of the encodings.
func WhoseTable(table *schema.Table, id string, encodings []sinks.Encoding, data []byte) Whose {
	for _, enc := range encodings {
		if contents, err := enc.Inspect(data); err == nil {
			return WhoseContents(table, id, contents)
		}
	}
	return Nobodys
}

// WhoseContents is WhoseFile for a data file that was read.
func WhoseContents(table *schema.Table, id string, c sinks.Contents) Whose {
	if c.Rows == 0 && c.Columns == nil {
		return Anyones
	}
	if !hasColumnsOf(table, c) {
		if slices.ContainsFunc(schema.Tables(), func(t *schema.Table) bool { return hasColumnsOf(t, c) }) {
			return Anothers
		}
		return Nobodys
	}
	said := c.BatchID
	switch {
	case c.Mixed, c.Table != "" && said == "":
		return Nobodys // a pack, or a copy of one, or files of batches that somebody has joined
	case c.Rows > 0 && said != "" && said != c.First:
		return Nobodys
	case c.Rows > 0:
		said = c.First
	case said == "":
		return Anyones
	}
	return whoseID(id, said)
}

// hasColumnsOf reports whether the file has all columns of the table, or some of them.
func hasColumnsOf(table *schema.Table, c sinks.Contents) bool {
	names := table.ColumnNames()
	return (c.Table == "" || c.Table == table.Name) && c.Columns[0] == names[0] &&
		!slices.ContainsFunc(c.Columns, func(column string) bool { return !slices.Contains(names, column) })
}

// WhoseAnswer is WhoseFile for a copy of an answer.
func WhoseAnswer(id string, data []byte, maxAnswer int64) Whose {
	body, err := DecompressRaw(data, maxAnswer)
	if err != nil || !jsontext.Value(body).IsValid(jsontext.AllowInvalidUTF8(true)) {
		return Nobodys
	}
	said, _ := schema.StringMember(schema.Member(body, "general"), "id")
	return whoseID(id, said)
}

func whoseID(id, said string) Whose {
	switch {
	case said == id:
		return Ours
	case schema.ValidBatchID(said):
		return Anothers
	}
	return Nobodys
}

// Owners tells which paths entries name, for the few files whose content does not tell
// their batch. The entries are listed once, when they are needed first. It may be used
// by many goroutines at once.
type Owners struct {
	Store sinks.Store

	mu  sync.Mutex
	ids map[string]map[string]bool // by table
}

// Another reports whether the entry of another batch than id names the path. An entry
// that cannot be used may name it. An entry that another process puts meanwhile may
// go unseen.
func (o *Owners) Another(ctx context.Context, table *schema.Table, id, path string) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.list(ctx); err != nil {
		return false, err
	}
	for _, t := range schema.Tables() {
		if !strings.Contains(path, t.Name) {
			continue // every layout has the table and the id in it
		}
		for other := range idsIn(path) {
			if !o.ids[t.Name][other] || t.Name == table.Name && other == id {
				continue
			}
			e, _, err := Manifest{Store: o.Store, Table: t}.Read(ctx, other)
			unusable := (*EntryError)(nil)
			switch {
			case errors.As(err, &unusable):
				return true, nil
			case err != nil:
				return false, err
			case slices.Contains(e.Named(), path):
				return true, nil
			}
		}
	}
	return false, nil
}

func (o *Owners) list(ctx context.Context) error {
	if o.ids != nil {
		return nil
	}
	ids := make(map[string]map[string]bool)
	for _, t := range schema.Tables() {
		ids[t.Name] = make(map[string]bool)
		for l, err := range (Manifest{Store: o.Store, Table: t}).List(ctx) {
			if err != nil {
				return err
			}
			ids[t.Name][l.BatchID] = true
		}
	}
	o.ids = ids
	return nil
}

// idsIn returns the batch ids that a path can be for, under any layout.
func idsIn(path string) map[string]bool {
	ids := make(map[string]bool)
	for from := range path {
		for to := from + 1; to <= len(path) && schema.ValidBatchID(path[from:to]); to++ {
			ids[path[from:to]] = true
		}
	}
	return ids
}

package compact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// packVersion is the version of the records that this program writes. Version 1 had one
// record a number, written before its pack was.
const packVersion = 2

// packRecord keeps the entries of a pack. It is put before the pack, so that whoever
// sees a pack can make its entries be there.
type packRecord struct {
	Version int               `json:"pack_version"`
	Number  int               `json:"number"`
	Table   string            `json:"table"`
	File    manifest.File     `json:"file"`
	Entries []*manifest.Entry `json:"entries,omitempty"`
}

// packLog is the records of one table.
type packLog struct {
	store sinks.Store
	table *schema.Table
}

func (l packLog) prefix() string { return manifest.PackFolder + l.table.Name + "/" }

// recordName is what the name of a record says: the number and the digest of the pack,
// and how many batches it has. Two runs that make different packs of one number put
// different records. A record of version 1 says the number alone.
type recordName struct {
	number  int
	sha256  string
	batches int
}

func (l packLog) name(n recordName) string {
	if n.sha256 == "" {
		return fmt.Sprintf("%s%06d.json", l.prefix(), n.number)
	}
	return fmt.Sprintf("%s%06d-%s-%d.json", l.prefix(), n.number, n.sha256, n.batches)
}

// parse is the inverse of name.
func (l packLog) parse(name string) (n recordName, ok bool) {
	parts := strings.Split(strings.TrimSuffix(strings.TrimPrefix(name, l.prefix()), ".json"), "-")
	n.number, _ = strconv.Atoi(parts[0])
	if len(parts) == 3 {
		n.sha256 = parts[1]
		n.batches, _ = strconv.Atoi(parts[2])
	}
	return n, l.name(n) == name
}

// list returns the names of all records, by number.
func (l packLog) list(ctx context.Context) (map[int][]recordName, error) {
	names := make(map[int][]recordName)
	for info, err := range l.store.List(ctx, l.prefix()) {
		if err != nil {
			return nil, fmt.Errorf("list packs: %w", err)
		}
		if n, ok := l.parse(info.Name); ok {
			names[n.number] = append(names[n.number], n)
		}
	}
	return names, nil
}

// of returns the record of the pack at a path, among those of its number, nil when there
// is none.
func (l packLog) of(ctx context.Context, path string, names []recordName) (*packRecord, error) {
	pack, err := l.store.Stat(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	var unusable error
	for _, name := range names {
		r, err := l.read(ctx, name)
		switch {
		case errors.Is(err, sinks.ErrNotExist): // it was of a pack that was never put
		case err != nil:
			unusable = err // another one may be that of the pack
		case len(r.Entries) > 0 && r.File.Path == pack.Name && r.File.IsObject(pack):
			return r, nil
		}
	}
	return nil, unusable
}

func (l packLog) read(ctx context.Context, of recordName) (*packRecord, error) {
	name := l.name(of)
	data, _, err := l.store.Get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	r, err := l.decode(of, data)
	if err != nil {
		return nil, &pipeline.Error{
			Op: "compact", Class: pipeline.Fatal, Err: fmt.Errorf("record %s cannot be used: %w", name, err),
			Hint: "nothing was changed: use the version of enrow-export that wrote it; if the record is damaged, restore it from a backup, or pack into a new root",
		}
	}
	return r, nil
}

// write puts the record of a pack that is about to be put. Another record of the same
// pack may be there: of a run that died, or that packs the same batches just now. Both
// have the same rows, so the last one may stay.
func (l packLog) write(ctx context.Context, r *packRecord) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("encode record of a packed file: %w", err)
	}
	name, cond := l.name(recordName{r.Number, r.File.SHA256, len(r.Entries)}), sinks.IfAbsent()
	return sinks.RetryConflicts(ctx, func(int) error {
		_, err := sinks.Put(ctx, l.store, name, buf.Bytes(), cond)
		if current, lost := sinks.Conflict(err); lost && current != nil {
			cond = sinks.IfVersion(current.Version)
		} else if lost {
			cond = sinks.IfAbsent()
		}
		if err != nil {
			return fmt.Errorf("write record of a packed file: %w", err)
		}
		return nil
	})
}

// tidy deletes the records that lost: those of a pack's number that are of other bytes.
// Whoever put one cannot put its pack any more.
func (l packLog) tidy(ctx context.Context, names []recordName, pack manifest.File) error {
	for _, n := range names {
		if n.sha256 == "" || n.sha256 == pack.SHA256 {
			continue
		}
		name := l.name(n)
		info, err := l.store.Stat(ctx, name)
		if err == nil {
			err = l.store.Delete(ctx, name, sinks.IfVersion(info.Version))
		}
		if _, lost := sinks.Conflict(err); err != nil && !lost && !errors.Is(err, sinks.ErrNotExist) {
			return fmt.Errorf("delete %s, whose packed file was never written: %w", name, err)
		}
	}
	return nil
}

// decode reads a record and checks all of it: it comes from the destination.
func (l packLog) decode(name recordName, data []byte) (*packRecord, error) {
	isOld := name.sha256 == ""
	r := new(packRecord)
	version, options := packVersion, manifest.DecodeOptions
	if isOld {
		version, options = 1, jsonv2.JoinOptions(options, jsonv2.RejectUnknownMembers(false))
	}
	if err := jsonv2.Unmarshal(data, r, options); err != nil {
		return nil, errors.New("it is not valid JSON, or has fields that this program does not know")
	}
	switch {
	case r.Version != version:
		return nil, fmt.Errorf("it has pack_version %d, but this program reads version %d under such a name", r.Version, version)
	case r.Number != name.number, r.Table != l.table.Name, !isOld && (r.File.SHA256 != name.sha256 || len(r.Entries) != name.batches):
		return nil, errors.New("it belongs to another packed file than its name")
	}
	m := manifest.Manifest{Store: l.store, Table: l.table}
	for _, e := range r.Entries {
		if e == nil {
			return nil, errors.New("it has an entry that is not valid")
		}
		if err := m.Check(e); err != nil {
			return nil, fmt.Errorf("its entry of a batch %w", err)
		}
		f := e.Files[manifest.PackFormat]
		if e.State != manifest.StateExported || f.Path != r.File.Path || f.SHA256 != r.File.SHA256 {
			return nil, errors.New("it has an entry of another packed file")
		}
	}
	return r, nil
}

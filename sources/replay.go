package sources

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Replay gives answers that were saved, instead of asking the API: the copies
// that exports have kept under the root of a destination, or else files called
// ID.json in a folder.
type Replay struct {
	store   sinks.Store
	maxBody int64
}

var _ pipeline.Source = (*Replay)(nil)

// NewReplay returns a Replay of what store holds, which stays the caller's.
// Answers have at most maxBody bytes.
func NewReplay(store sinks.Store, maxBody int64) *Replay {
	return &Replay{store: store, maxBody: maxBody}
}

// savedSuffix is what the name of a saved answer has behind the batch id.
const savedSuffix = ".json"

// Fetch returns the answer that was saved of the batch. It makes no use of the
// buffer: a store reads into one of its own.
func (r *Replay) Fetch(ctx context.Context, table *schema.Table, batchID string, _ []byte) ([]byte, error) {
	body, err := r.copyKept(ctx, table, batchID)
	if errors.Is(err, sinks.ErrNotExist) {
		body, err = r.read(ctx, batchID+savedSuffix, r.maxBody)
	}
	if err == nil {
		return body, nil
	}
	failure := &pipeline.Error{Op: "replay", Batch: batchID, Class: pipeline.Transient, Err: err}
	shortage, short := pipeline.Shortage(err)
	switch {
	case ctx.Err() != nil:
		failure.Err = ctx.Err()
	case short:
		failure.Class, failure.Batch, failure.Hint = pipeline.Fatal, "", shortage
	case errors.Is(err, sinks.ErrNotExist):
		failure.Err = fmt.Errorf("no response was saved: neither %s nor %s is there", manifest.RawPath(table, batchID), batchID+savedSuffix)
		failure.Hint = "leave out --from to export the batch from the API; --keep-raw keeps a copy of each response"
		if kind := r.otherKind(ctx, table, batchID); kind != "" {
			failure.Hint = "a response of another kind was saved for this batch: add --kind " + kind
		}
	case errors.Is(err, sinks.ErrUnreachable):
		failure.Class, failure.Batch = pipeline.Fatal, ""
		failure.Hint = "check --from"
	case errors.Is(err, manifest.ErrAnswerTooLong):
		failure.Err = fmt.Errorf("response is longer than %d bytes", r.maxBody)
		failure.Hint = "raise --max-body"
	case errors.Is(err, errDamaged):
		failure.Hint = "run enrow-export verify --depth full for details; export the batch from the API with --force to replace the copy"
	}
	return nil, failure
}

// otherKind returns the kind under which a batch has a copy, when that is not table's.
func (r *Replay) otherKind(ctx context.Context, table *schema.Table, batchID string) string {
	for _, other := range schema.Tables() {
		if other.Kind == table.Kind {
			continue
		}
		path, err := manifest.FindRaw(ctx, r.store, other, batchID, nil)
		if err == nil {
			_, err = r.store.Stat(ctx, path)
		}
		if err == nil {
			return other.Kind
		}
	}
	return ""
}

// errDamaged says that a copy is not what it was made to be.
var errDamaged = errors.New("copy of the response is damaged")

// copyKept returns the answer whose copy an export has kept.
func (r *Replay) copyKept(ctx context.Context, table *schema.Table, batchID string) ([]byte, error) {
	entry, _, err := manifest.Manifest{Store: r.store, Table: table}.Read(ctx, batchID)
	if unusable := (*manifest.EntryError)(nil); errors.As(err, &unusable) {
		entry, err = nil, nil // the copy has a checksum of its own
	}
	if err != nil {
		return nil, err
	}
	path, err := manifest.FindRaw(ctx, r.store, table, batchID, entry)
	if err != nil {
		return nil, err
	}
	// What cannot be compressed becomes a little longer.
	data, err := r.read(ctx, path, r.maxBody+r.maxBody/100+1024)
	if err != nil {
		return nil, err
	}
	body, err := manifest.DecompressRaw(data, r.maxBody)
	switch {
	case errors.Is(err, manifest.ErrAnswerTooLong):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	case entry == nil, entry.Raw == nil, len(entry.Replacing) > 0:
		return body, nil
	}
	if manifest.SHA256(body) != entry.Source.SHA256 {
		return nil, fmt.Errorf("%w: its sha256 is not the one that the manifest has", errDamaged)
	}
	return body, nil
}

// read returns an object of at most limit bytes.
func (r *Replay) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	info, err := r.store.Stat(ctx, name)
	if err != nil {
		return nil, err
	}
	if info.Size > limit {
		return nil, manifest.ErrAnswerTooLong
	}
	data, _, err := r.store.Get(ctx, name)
	return data, err
}

// IDs yields the id of every batch of which an answer was saved, once: first those whose
// entry names a copy, or cannot be read, then those with a copy, then those with a file. So a
// copy that was lost fails its batch, and leaves out none.
func (r *Replay) IDs(ctx context.Context, table *schema.Table) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		seen := make(map[string]bool)
		for k, err := range manifest.Summaries(ctx, r.store, []*schema.Table{table}) {
			if err != nil {
				yield("", err)
				return
			}
			if k.Err == nil && (k.Entry == nil || k.Entry.Raw == nil) {
				continue
			}
			seen[k.BatchID] = true
			if !yield(k.BatchID, nil) {
				return
			}
		}
		for _, place := range []struct {
			prefix string
			idOf   func(name string) (string, bool)
		}{
			{manifest.RawPrefix(table), func(name string) (string, bool) { return manifest.ParseRaw(table, name) }},
			{"", func(name string) (string, bool) {
				id, ok := strings.CutSuffix(name, savedSuffix)
				return id, ok && schema.ValidBatchID(id)
			}},
		} {
			for info, err := range r.store.List(ctx, place.prefix) {
				if err != nil {
					yield("", fmt.Errorf("list saved responses: %w", err))
					return
				}
				id, ok := place.idOf(info.Name)
				if !ok || seen[id] {
					continue
				}
				seen[id] = true
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

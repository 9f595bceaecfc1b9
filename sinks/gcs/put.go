package gcs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"

	"cloud.google.com/go/storage"

	"enrow-export/sinks"
)

// Each upload has a buffer of one chunk, whatever the object's size. Chunks
// come in multiples of chunkUnit; a longer one would save little, since a round
// trip for each mebibyte is not what takes the time.
const (
	chunkUnit = 256 << 10
	maxChunk  = 4 * chunkUnit
)

// Put implements sinks.Store.
func (s *Store) Put(ctx context.Context, name string, data []byte, cond sinks.Condition) (sinks.Info, error) {
	conds, err := conditions(cond)
	if err != nil {
		return sinks.Info{}, fmt.Errorf("put %s: %w", name, err)
	}
	object, err := s.object(ctx, name)
	if err != nil {
		return sinks.Info{}, err
	}
	sum := crc32.Checksum(data, sinks.Castagnoli)
	attrs, err := s.upload(ctx, object.If(conds), data, sum)
	switch {
	case isCode(err, 412):
		return sinks.Info{}, s.conflict(ctx, name)
	case err != nil:
		return sinks.Info{}, s.classify(err, createPermission, name)
	case attrs.CRC32C != sum || attrs.Size != int64(len(data)):
		return sinks.Info{}, fmt.Errorf("put %s: Cloud Storage reports another checksum than was sent", name)
	}
	return info(name, attrs), nil
}

// upload stores data and returns what the service made of it. It is tried again
// only because its precondition makes that safe: should an earlier try have
// taken effect, the next one fails on it.
func (s *Store) upload(ctx context.Context, object *storage.ObjectHandle, data []byte, sum uint32) (*storage.ObjectAttrs, error) {
	tries := 0
	object = object.Retryer(
		storage.WithBackoff(s.backoff()),
		// The library bounds the tries of every other call, but not of this.
		storage.WithErrorFunc(func(err error) bool {
			if !storage.ShouldRetry(err) {
				return false
			}
			tries++
			return tries < s.cfg.Tries
		}),
	)
	// A writer that is closed publishes what it has; one whose context is
	// cancelled does not.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := object.NewWriter(ctx)
	w.ChunkSize = min(len(data)/chunkUnit*chunkUnit+chunkUnit, maxChunk)
	w.ContentType = sinks.ContentType(object.ObjectName())
	w.CRC32C, w.SendCRC32C = sum, true
	if _, err := w.Write(data); err != nil {
		cancel()
		_ = w.Close() // reports the same error, or the cancellation
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return w.Attrs(), nil
}

// conflict returns the *sinks.ConflictError of an object that was not as the
// condition said.
func (s *Store) conflict(ctx context.Context, name string) error {
	current, err := s.Stat(ctx, name)
	switch {
	case err == nil:
		return &sinks.ConflictError{Name: name, Current: &current}
	case errors.Is(err, sinks.ErrNotExist):
		return &sinks.ConflictError{Name: name}
	}
	return err
}

// Delete implements sinks.Store.
func (s *Store) Delete(ctx context.Context, name string, cond sinks.Condition) error {
	if cond.Version() == "" {
		return fmt.Errorf("delete %s: no version given", name)
	}
	conds, err := conditions(cond)
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	object, err := s.object(ctx, name)
	if err != nil {
		return err
	}
	err = object.If(conds).Delete(ctx)
	if !isCode(err, 412) {
		return s.classify(err, deletePermission, name)
	}
	err = s.conflict(ctx, name)
	var conflict *sinks.ConflictError
	if errors.As(err, &conflict) && conflict.Current == nil {
		return notExist(name)
	}
	return err
}

package gcs

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"iter"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"enrow-export/sinks"
)

// Get implements sinks.Store.
func (s *Store) Get(ctx context.Context, name string) ([]byte, sinks.Info, error) {
	object, err := s.object(ctx, name)
	if err != nil {
		return nil, sinks.Info{}, err
	}
	data, generation, err := read(ctx, object)
	if err != nil {
		return nil, sinks.Info{}, s.classify(err, getPermission, name)
	}
	return data, sinks.Info{
		Name:    name,
		Size:    int64(len(data)),
		CRC32C:  crc32.Checksum(data, sinks.Castagnoli),
		Version: version(generation),
	}, nil
}

// read returns the content of one generation. The library compares it with the
// checksum that the service has.
func read(ctx context.Context, object *storage.ObjectHandle) (data []byte, generation int64, err error) {
	r, err := object.NewReader(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = r.Close() }() // it was only read
	var buf bytes.Buffer
	buf.Grow(int(max(r.Attrs.Size, 0)) + bytes.MinRead)
	if _, err := buf.ReadFrom(r); err != nil {
		return nil, 0, err
	}
	return buf.Bytes(), r.Attrs.Generation, nil
}

// Stat implements sinks.Store.
func (s *Store) Stat(ctx context.Context, name string) (sinks.Info, error) {
	object, err := s.object(ctx, name)
	if err != nil {
		return sinks.Info{}, err
	}
	attrs, err := object.Attrs(ctx)
	if err != nil {
		return sinks.Info{}, s.classify(err, getPermission, name)
	}
	return info(name, attrs), nil
}

// List implements sinks.Store. It leaves nothing of Info unset.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[sinks.Info, error] {
	return func(yield func(sinks.Info, error) bool) {
		bucket, err := s.bucket(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(sinks.Info{}, err)
			return
		}
		query := &storage.Query{Prefix: s.prefix + prefix, Projection: storage.ProjectionNoACL}
		if err := query.SetAttrSelection([]string{"Name", "Size", "CRC32C", "Generation"}); err != nil {
			yield(sinks.Info{}, err)
			return
		}
		for objects := bucket.Objects(ctx, query); ; {
			attrs, err := objects.Next()
			if errors.Is(err, iterator.Done) {
				return
			}
			if err == nil {
				err = ctx.Err() // the rest of a page needs no request
			}
			if err != nil {
				yield(sinks.Info{}, s.classify(err, listPermission, ""))
				return
			}
			// Others may keep objects here whose names are none of ours, such
			// as the "folders" that the console makes.
			name := strings.TrimPrefix(attrs.Name, s.prefix)
			if sinks.CheckName(name) == nil && !yield(info(name, attrs), nil) {
				return
			}
		}
	}
}

func info(name string, attrs *storage.ObjectAttrs) sinks.Info {
	return sinks.Info{
		Name: name, Size: attrs.Size, CRC32C: attrs.CRC32C, Version: version(attrs.Generation),
	}
}

// Written returns when the object was last written, by the clock of the service.
func (s *Store) Written(ctx context.Context, name string) (time.Time, error) {
	object, err := s.object(ctx, name)
	if err != nil {
		return time.Time{}, err
	}
	attrs, err := object.Attrs(ctx)
	if err != nil {
		return time.Time{}, s.classify(err, getPermission, name)
	}
	return attrs.Updated, nil
}

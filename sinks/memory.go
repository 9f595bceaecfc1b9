package sinks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Memory is a Store in memory, for tests of what is built on a Store. Its objects are
// gone with it.
type Memory struct {
	mu      sync.RWMutex
	objects map[string]memoryObject
	puts    uint64 // the version of an object is the number of its Put
	// byContent makes the version of an object the digest of its content.
	byContent bool
}

// memoryObject is never changed: a Put replaces it.
type memoryObject struct {
	data []byte
	info Info
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{objects: make(map[string]memoryObject)}
}

// NewContentMemory returns an empty store with Traits.ContentVersions.
func NewContentMemory() *Memory {
	m := NewMemory()
	m.byContent = true
	return m
}

// Traits implements Store.
func (m *Memory) Traits() Traits {
	t := FolderTraits
	t.ListedVersions, t.ContentVersions = true, m.byContent
	return t
}

// Put implements Store.
func (m *Memory) Put(ctx context.Context, name string, data []byte, cond Condition) (Info, error) {
	if err := CheckName(name); err != nil {
		return Info{}, err
	}
	if !cond.Valid() {
		return Info{}, fmt.Errorf("put %s: no condition given", name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	current, ok := m.objects[name]
	if ok && current.info.Version != cond.Version() {
		return Info{}, &ConflictError{Name: name, Current: &current.info}
	}
	if !ok && !cond.Absent() {
		return Info{}, &ConflictError{Name: name}
	}
	m.puts++
	info := Info{
		Name:    name,
		Size:    int64(len(data)),
		CRC32C:  crc32.Checksum(data, Castagnoli),
		Version: strconv.FormatUint(m.puts, 10),
	}
	if m.byContent {
		info.Version = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	m.objects[name] = memoryObject{data: bytes.Clone(data), info: info}
	return info, nil
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, name string) ([]byte, Info, error) {
	o, err := m.lookUp(ctx, name)
	if err != nil {
		return nil, Info{}, err
	}
	return bytes.Clone(o.data), o.info, nil
}

// Stat implements Store.
func (m *Memory) Stat(ctx context.Context, name string) (Info, error) {
	o, err := m.lookUp(ctx, name)
	return o.info, err
}

func (m *Memory) lookUp(ctx context.Context, name string) (memoryObject, error) {
	if err := CheckName(name); err != nil {
		return memoryObject{}, err
	}
	if err := ctx.Err(); err != nil {
		return memoryObject{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[name]
	if !ok {
		return memoryObject{}, fmt.Errorf("%s: %w", name, ErrNotExist)
	}
	return o, nil
}

// List implements Store. It yields what is there when it is begun.
func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for _, info := range m.snapshot(prefix) {
			if ctx.Err() != nil {
				break
			}
			if !yield(info, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, err)
		}
	}
}

func (m *Memory) snapshot(prefix string) []Info {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var infos []Info
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(name, prefix) {
			infos = append(infos, m.objects[name].info)
		}
	}
	return infos
}

// Delete implements Store.
func (m *Memory) Delete(ctx context.Context, name string, cond Condition) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if cond.Version() == "" {
		return fmt.Errorf("delete %s: no version given", name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	current, ok := m.objects[name]
	if !ok {
		return fmt.Errorf("%s: %w", name, ErrNotExist)
	}
	if current.info.Version != cond.Version() {
		return &ConflictError{Name: name, Current: &current.info}
	}
	delete(m.objects, name)
	return nil
}

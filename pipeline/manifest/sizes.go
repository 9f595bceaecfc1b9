package manifest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"enrow-export/sinks"
)

// Sizes knows the lengths of files. For many files it uses one listing. It trusts a
// listing only if the length is as recorded: any other file may have been put since,
// and is looked at.
type Sizes struct {
	store  sinks.Store
	many   bool   // so many files will be asked for that a listing pays
	prefix string // of what is listed

	seed maphash.Seed

	mu     sync.Mutex
	more   sync.Cond        // signals that the listing goes on, or has ended
	begun  bool             // the listing has begun
	over   bool             // the listing has ended
	upTo   string           // the last name that was listed
	listed map[uint64]int64 // by the hash of the name; ambiguous for two names with one hash
}

// ambiguous stands for a length that is not known.
const ambiguous = -1

// NewSizes returns the lengths of the files below prefix. batches is how many batches
// will be asked for, negative for all of them: it tells whether a listing pays.
func NewSizes(store sinks.Store, prefix string, batches int) *Sizes {
	s := &Sizes{store: store, many: batches < 0 || batches >= ListingPays, prefix: prefix, seed: maphash.MakeSeed()}
	s.more.L = &s.mu
	return s
}

// Fault returns what is wrong with the file at first sight, in words that follow
// "file": it is missing, or has another size than recorded. It is empty when nothing
// is.
func (s *Sizes) Fault(ctx context.Context, f File) (string, error) {
	if s.many && s.known(ctx, f.Path) == f.Bytes {
		return "", nil
	}
	info, err := s.store.Stat(ctx, f.Path)
	switch {
	case errors.Is(err, sinks.ErrNotExist):
		return "is missing", nil
	case err != nil:
		return "", fmt.Errorf("check %s: %w", f.Path, err)
	case info.Size != f.Bytes:
		return "has another size than recorded", nil
	}
	return "", nil
}

// known returns the length of a file as listed, or ambiguous. It waits until the
// listing has come to the name, and makes the listing if nobody has begun it.
func (s *Sizes) known(ctx context.Context, path string) int64 {
	_ = s.List(ctx) // what it lacks is looked at
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over && s.upTo < path {
		s.more.Wait()
	}
	if size, ok := s.listed[maphash.String(s.seed, path)]; ok {
		return size
	}
	return ambiguous
}

// List makes the listing, unless it was begun before. The error is one that leaves
// it incomplete: then files are looked at one by one.
func (s *Sizes) List(ctx context.Context) error {
	s.mu.Lock()
	begun := s.begun
	if !begun {
		s.begun, s.listed = true, make(map[uint64]int64)
	}
	s.mu.Unlock()
	if begun {
		return nil
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.over = true
		s.more.Broadcast()
	}()
	for info, err := range s.store.List(ctx, s.prefix) {
		if err != nil {
			return fmt.Errorf("list files: %w", err)
		}
		s.note(info)
	}
	return nil
}

func (s *Sizes) note(info sinks.Info) {
	hash := maphash.String(s.seed, info.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.listed[hash]; taken {
		info.Size = ambiguous
	}
	s.listed[hash] = info.Size
	s.upTo = info.Name
	s.more.Broadcast()
}

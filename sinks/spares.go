package sinks

import "sync"

// spares are values that are used again and again, such as buffers: as many as
// have ever been in use at a time. A sync.Pool would lose them each time that
// garbage is collected, which in a program that holds little is often, and the
// new ones would be the next garbage.
type spares[T any] struct {
	make func() T

	mu   sync.Mutex
	free []T
}

// get returns a value that nobody uses. Whoever has it calls put, unless the
// value is not worth keeping.
func (s *spares[T]) get() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return s.make()
	}
	value := s.free[last]
	s.free = s.free[:last]
	return value
}

func (s *spares[T]) put(value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, value)
}

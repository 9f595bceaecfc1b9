package webhook

import (
	"sync"
	"time"
)

const (
	memoryTime = time.Minute
	maxMemory  = 10_000 // notices
)

// memory knows the notices that were recorded within the last minute, at most 10,000 of
// them. The zero memory is empty.
type memory struct {
	mu    sync.Mutex
	since map[Notice]time.Time
	order []Notice // of since, the oldest first
}

// has reports whether n was added within the last minute.
func (m *memory) has(n Notice, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.since[n]
	return ok && now.Sub(at) < memoryTime
}

// add adds a notice that m does not have.
func (m *memory) add(n Notice, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.since == nil {
		m.since = make(map[Notice]time.Time)
	}
	for len(m.order) > 0 && (len(m.order) >= maxMemory || now.Sub(m.since[m.order[0]]) >= memoryTime) {
		delete(m.since, m.order[0])
		m.order = m.order[1:]
	}
	m.since[n] = now
	m.order = append(m.order, n)
}

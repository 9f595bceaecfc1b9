package sources

import (
	"maps"
	"sync"
	"time"
)

// answers counts responses by their status, 0 being that of no response.
type answers struct {
	mu       sync.Mutex
	byStatus map[int]int64
}

func (a *answers) add(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byStatus == nil {
		a.byStatus = make(map[int]int64)
	}
	a.byStatus[status]++
}

func (a *answers) counts() map[int]int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.byStatus)
}

// count notes a request that has ended.
func (c *Client) count(status int, elapsed time.Duration) {
	c.answers.add(status)
	if c.onRequest != nil {
		c.onRequest(status, elapsed)
	}
}

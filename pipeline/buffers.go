package pipeline

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// maxSpare bounds what a recycler keeps, in bytes: about what the batches have in
// use that are worked on at a time.
const maxSpare = 16 << 20

// room remembers how much memory things of one sort have taken, so that the next
// one gets as much at once, and little more.
type room struct{ most atomic.Int64 }

// slack is how much more than those before the next one may take, of so many.
const slack = 32

func (r *room) size() int { return int(r.most.Load()) }

// took notes that one has taken n bytes. What is far from ordinary is forgotten.
func (r *room) took(n int) {
	size := int64(n + n/slack)
	for most := r.most.Load(); size > most && size <= maxSpare/4; most = r.most.Load() {
		if r.most.CompareAndSwap(most, size) {
			return
		}
	}
}

// recycler is an allocator that gives out again what was freed, so that one batch
// after the other is made in the same memory, and none has to be collected. What
// it gives out is not zeroed. It may be used by many goroutines at once.
type recycler struct {
	mu    sync.Mutex
	spare map[int][][]byte // by class
	held  int              // bytes in spare
}

var _ memory.Allocator = (*recycler)(nil)

func newRecycler() *recycler { return &recycler{spare: make(map[int][][]byte)} }

// smallest is the size of the smallest class. There are four classes from one
// power of two to the next, so that at most a fifth of a buffer is never used.
const smallest = 1 << 10

// classSize returns the size of a class.
func classSize(class int) int { return (4 + class%4) * smallest / 4 << (class / 4) }

// classFor returns the smallest class of which buffers have size bytes.
func classFor(size int) int {
	if size <= smallest {
		return 0
	}
	class := 4 * (bits.Len(uint(size-1)) - bits.Len(smallest-1) - 1)
	for classSize(class) < size {
		class++
	}
	return class
}

// Allocate implements memory.Allocator.
func (r *recycler) Allocate(size int) []byte {
	class := classFor(size)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.spare[class]); n > 0 {
		b := r.spare[class][n-1]
		r.spare[class] = r.spare[class][:n-1]
		r.held -= classSize(class)
		return b[:size]
	}
	return make([]byte, size, classSize(class))
}

// Reallocate implements memory.Allocator.
func (r *recycler) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	longer := r.Allocate(size)
	copy(longer, b)
	r.Free(b)
	return longer
}

// Free implements memory.Allocator. It takes buffers of any origin.
func (r *recycler) Free(b []byte) {
	class := classFor(cap(b))
	if classSize(class) > cap(b) {
		class--
	}
	if class < 0 || classSize(class) > cap(b) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held+classSize(class) > maxSpare {
		// What is kept may be of sizes that nobody asks for any more.
		clear(r.spare)
		r.held = 0
	}
	if classSize(class) > maxSpare {
		return
	}
	r.spare[class] = append(r.spare[class], b[:0])
	r.held += classSize(class)
}

// buffer gathers bytes, at most limit of them, in memory of an allocator. The
// zero value but for mem and limit is ready to use; whoever has it calls free.
type buffer struct {
	mem   memory.Allocator
	limit int64
	hint  int    // how much room there is to be at first
	data  []byte // as long as there is room
	used  int
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	if int64(b.used)+int64(len(p)) > b.limit {
		return 0, errFileTooLarge
	}
	if need := b.used + len(p); need > len(b.data) {
		b.grow(max(need, b.hint, len(b.data)*5/4))
	}
	b.used += copy(b.data[b.used:], p)
	return len(p), nil
}

// grow makes room for size bytes in all.
func (b *buffer) grow(size int) {
	if b.data == nil {
		b.data = b.mem.Allocate(size)
		return
	}
	b.data = b.mem.Reallocate(size, b.data)
}

func (b *buffer) bytes() []byte { return b.data[:b.used] }

func (b *buffer) free() {
	if b.data != nil {
		b.mem.Free(b.data)
	}
	b.data, b.used = nil, 0
}

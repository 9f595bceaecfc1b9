package export

import (
	"errors"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// maxSpare bounds what a recycler keeps, in bytes: about what one batch frees when
// it is done and the next one asks for.
const maxSpare = 10 << 20

// sizeHint remembers the size of the largest usual answer, so that the buffer for the
// next one is large enough at once.
type sizeHint struct{ most atomic.Int64 }

// usualAnswer is room for an answer of 5,000 results. What a shorter one does not
// touch the system need not provide.
const usualAnswer = 3 << 19

// largestUsual is the largest answer that sizeHint learns from, in bytes.
const largestUsual = 4 << 20

// slack: the buffer for the next answer is larger by one part in slack.
const slack = 32

func (h *sizeHint) size() int { return max(int(h.most.Load()), usualAnswer) }

// took notes that an answer had n bytes. Unusually large answers are ignored.
func (h *sizeHint) took(n int) {
	size := int64(n + n/slack)
	for most := h.most.Load(); size > most && size <= largestUsual; most = h.most.Load() {
		if h.most.CompareAndSwap(most, size) {
			return
		}
	}
}

// recycler is an allocator that gives out again what was freed, so that one batch
// after the other is made in the same memory, and none has to be collected. What
// it gives out is not zeroed. It may be used by many goroutines at once.
type recycler struct {
	mu    sync.Mutex
	spare []spare // the one that was freed last at the end
	held  int     // bytes in spare
}

// spare is a buffer that nobody uses.
type spare struct {
	class int
	bytes []byte
}

var _ memory.Allocator = (*recycler)(nil)

// Buffers come in classes of size, steps of them from one power of two to the
// next, so that not more than a sixteenth of one is never used.
const (
	smallest = 1 << 10
	steps    = 16
	// near is how many classes above its own a buffer may be that is used again.
	near = steps / 4
)

// classSize returns the size of a class.
func classSize(class int) int { return (steps + class%steps) * smallest / steps << (class / steps) }

// classFor returns the smallest class whose buffers have size bytes.
func classFor(size int) int {
	if size <= smallest {
		return 0
	}
	class := steps * (bits.Len(uint(size-1)) - bits.Len(smallest-1) - 1)
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
	for i, s := range slices.Backward(r.spare) {
		if class <= s.class && s.class <= class+near {
			r.spare = slices.Delete(r.spare, i, i+1)
			r.held -= classSize(s.class)
			return s.bytes[:size]
		}
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

// Free implements memory.Allocator. It takes buffers of any origin. Buffers that stay
// unused go to the garbage collector.
func (r *recycler) Free(b []byte) {
	class := classFor(cap(b))
	if classSize(class) > cap(b) {
		class--
	}
	if class < 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = append(r.spare, spare{class, b[:0]})
	r.held += classSize(class)
	old := 0
	for ; r.held > maxSpare; old++ {
		r.held -= classSize(r.spare[old].class)
	}
	r.spare = slices.Delete(r.spare, 0, old)
}

// buffer gathers bytes, at most limit of them, in memory of an allocator. The
// zero value but for mem and limit is ready to use. Its owner calls free.
type buffer struct {
	mem   memory.Allocator
	limit int64
	data  []byte // as long as there is room
	used  int
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	if int64(b.used)+int64(len(p)) > b.limit {
		return 0, errFileTooLarge
	}
	if need := b.used + len(p); need > len(b.data) {
		b.grow(max(need, b.next()))
	}
	b.used += copy(b.data[b.used:], p)
	return len(p), nil
}

// next is the size after this one. A large buffer doubles: all that it outgrew, which
// the garbage collector may leave for a while, is then about as large as it is.
func (b *buffer) next() int {
	if len(b.data) < maxSpare {
		return len(b.data) * 5 / 4
	}
	return int(min(int64(len(b.data))*2, b.limit))
}

// Grow makes room for n more bytes, if they are within the limit.
func (b *buffer) Grow(n int) {
	if need := b.used + n; need > len(b.data) && int64(need) <= b.limit {
		b.grow(need)
	}
}

// grow makes room for size bytes in all.
func (b *buffer) grow(size int) {
	if b.data == nil {
		b.data = b.mem.Allocate(size)
		return
	}
	b.data = b.mem.Reallocate(size, b.data)
}

// hold makes data the content, which may have been put into b.data already.
func (b *buffer) hold(data []byte) {
	if len(data) > len(b.data) {
		b.grow(len(data))
	}
	b.used = copy(b.data, data)
}

func (b *buffer) bytes() []byte { return b.data[:b.used] }

func (b *buffer) free() {
	if b.data != nil {
		b.mem.Free(b.data)
	}
	b.data, b.used = nil, 0
}

// errFileTooLarge says that a file grew beyond its limit.
var errFileTooLarge = errors.New("file exceeds the memory limit")

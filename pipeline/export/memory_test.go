package export

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

func TestClasses(t *testing.T) {
	for size := range 100_000 {
		class := classFor(size)
		if classSize(class) < size || class > 0 && classSize(class-1) >= size {
			t.Fatalf("%d bytes are of class %d, of %d bytes", size, class, classSize(class))
		}
		if waste := classSize(class) - size; size > smallest && waste > size/steps+1 {
			t.Fatalf("%d bytes take %d more", size, waste)
		}
	}
}

// What is in use is nobody else's, and what is kept is bounded. A buffer is doubled up to
// largest: one in many would become as large as all memory.
func TestRecycler(t *testing.T) {
	const largest = 2 * maxSpare
	random := rand.New(rand.NewPCG(1, 2))
	var r recycler
	var inUse [][]byte
	pointer := func(b []byte) unsafe.Pointer { return unsafe.Pointer(&b[:1][0]) }
	isInUse := func(b []byte) bool {
		return slices.ContainsFunc(inUse, func(other []byte) bool { return pointer(other) == pointer(b) })
	}
	reused := 0
	for range 2_000 {
		if len(inUse) < 20 || random.IntN(2) == 0 {
			size := 1 + random.IntN(1<<(5+random.IntN(15)))
			held := r.held
			b := r.Allocate(size)
			if len(b) != size || isInUse(b) {
				t.Fatalf("%d bytes for %d, in use by somebody else: %v", len(b), size, isInUse(b))
			}
			if r.held < held {
				reused++
			}
			inUse = append(inUse, b)
		}
		at := random.IntN(len(inUse))
		b := inUse[at]
		inUse = slices.Delete(inUse, at, at+1)
		if longer := 2 * len(b); longer > largest || random.IntN(2) == 0 {
			r.Free(b)
		} else {
			grown := r.Reallocate(longer, b)
			if len(grown) != longer || !bytes.Equal(grown[:len(b)], b) || isInUse(grown) {
				t.Fatal("reallocated to something else")
			}
			inUse = append(inUse, grown)
		}
		held := 0
		for _, s := range r.spare {
			held += classSize(s.class)
			if cap(s.bytes) < classSize(s.class) || isInUse(s.bytes) {
				t.Fatal("what is kept is shorter than it is said to be, or in use")
			}
		}
		if held != r.held || held > maxSpare {
			t.Fatalf("%d bytes are kept, it says %d", held, r.held)
		}
	}
	if reused == 0 {
		t.Error("nothing was used again")
	}
	r.Free(make([]byte, 2*maxSpare))
	r.Free(nil)
	if len(r.spare) != 0 {
		t.Errorf("%d buffers are kept beside one that is too large", len(r.spare))
	}
}

func TestBufferIsBounded(t *testing.T) {
	var r recycler
	b := buffer{mem: &r, limit: 100}
	b.Grow(1000)
	if b.data != nil {
		t.Error("room was made beyond the limit")
	}
	b.Grow(50)
	room := len(b.data)
	for range 10 {
		if _, err := b.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	if room != 50 || string(b.bytes()) != string(bytes.Repeat([]byte("0123456789"), 10)) {
		t.Errorf("%d bytes of room, content %q", room, b.bytes())
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, errFileTooLarge) {
		t.Errorf("error %v beyond the limit", err)
	}
	b.free()
	b.free()
	if r.held == 0 || len(b.bytes()) != 0 {
		t.Error("memory was not given back")
	}
}

// What a growing buffer leaves behind is bounded, too: the garbage collector may be
// late.
func TestBufferLeavesLittleBehind(t *testing.T) {
	const limit = 64 << 20
	var all allocations
	b := buffer{mem: &all, limit: limit}
	chunk := make([]byte, 32<<10)
	for range limit / len(chunk) {
		if _, err := b.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if most := 3 * limit; len(b.data) > limit || all.bytes > most {
		t.Errorf("%d bytes were allocated for %d, the last time %d; want at most %d", all.bytes, limit, len(b.data), most)
	}
}

// allocations counts the bytes that are asked for, and uses none again.
type allocations struct {
	memory.GoAllocator
	bytes int
}

func (a *allocations) Allocate(size int) []byte {
	a.bytes += size
	return make([]byte, size)
}

func (a *allocations) Reallocate(size int, b []byte) []byte {
	longer := a.Allocate(size)
	copy(longer, b)
	return longer
}

func TestRoom(t *testing.T) {
	var r sizeHint
	if r.size() != usualAnswer {
		t.Errorf("room for %d bytes at first, want %d", r.size(), usualAnswer)
	}
	for _, n := range []int{2_560_000, 100, maxSpare} { // what is less, or far too much, changes nothing
		r.took(n)
	}
	if r.size() != 2_640_000 {
		t.Errorf("room for %d bytes, want 2,640,000", r.size())
	}
}

package local

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"enrow-export/sinks"
)

// BenchmarkPut is what it costs to publish an object under a new name, as every
// file of a batch is, and to replace a small one, as every entry is.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{2 << 10, 400 << 10} {
		data := make([]byte, size)
		random := rand.NewChaCha8([32]byte{})
		_, _ = random.Read(data)
		for _, goroutines := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("new/%dKiB/%d", size>>10, goroutines), func(b *testing.B) {
				s := openBench(b)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var next atomic.Int64
				spread(b, goroutines, func() {
					if _, err := s.Put(b.Context(), fmt.Sprintf("a/%08d", next.Add(1)), data, sinks.IfAbsent()); err != nil {
						b.Error(err)
					}
				})
			})
		}
	}
	b.Run("replace/2KiB/1", func(b *testing.B) {
		s, data := openBench(b), make([]byte, 2<<10)
		info, err := s.Put(b.Context(), "a/entry", data, sinks.IfAbsent())
		b.ReportAllocs()
		for b.Loop() {
			if err == nil {
				info, err = s.Put(b.Context(), "a/entry", data, sinks.IfVersion(info.Version))
			}
		}
		if err != nil {
			b.Fatal(err)
		}
	})
}

func openBench(b *testing.B) *Store {
	b.Helper()
	s, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// spread calls do b.N times in all from so many goroutines.
func spread(b *testing.B, goroutines int, do func()) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan struct{})
	b.ResetTimer()
	for range goroutines {
		go func() {
			defer func() { done <- struct{}{} }()
			for left.Add(-1) >= 0 {
				do()
			}
		}()
	}
	for range goroutines {
		<-done
	}
}

package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"sync"
	"testing"

	"enrow-export/sinks"
)

// goroutines calls f at once from n goroutines, numbered from 0, and waits for
// them.
func goroutines(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func testRaceAbsent(t *testing.T, s sinks.Store) {
	for round := range 10 {
		name := fmt.Sprintf("race/%d", round)
		infos := make([]sinks.Info, 16)
		errs := make([]error, len(infos))
		goroutines(len(infos), func(i int) {
			infos[i], errs[i] = s.Put(t.Context(), name, []byte(strconv.Itoa(i)), sinks.IfAbsent())
		})
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Fatalf("%d and %d both created %s", winner, i, name)
			}
		}
		if winner < 0 {
			t.Fatalf("nobody created %s: %v", name, errors.Join(errs...))
		}
		for i, err := range errs {
			if i != winner {
				conflicts(t, err, name, &infos[winner])
			}
		}
		holds(t, s, name, []byte(strconv.Itoa(winner)), infos[winner])
	}
}

func testRaceVersion(t *testing.T, s sinks.Store) {
	const writers, increments = 8, 25
	put(t, s, "counter", []byte("0"))
	goroutines(writers, func(int) {
		if err := Increment(t.Context(), s, "counter", increments); err != nil {
			t.Error(err)
		}
	})
	got, _, err := s.Get(t.Context(), "counter")
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	if want := strconv.Itoa(writers * increments); string(got) != want {
		t.Errorf("counter is %s, want %s: updates were lost", got, want)
	}
}

// Increment adds 1 to the decimal number that the object holds, n times over,
// each by compare-and-swap. Several that run at once, in one process or in many,
// add up when the store keeps its conditions.
func Increment(ctx context.Context, s sinks.Store, name string, n int) error {
	for n > 0 {
		data, info, err := s.Get(ctx, name)
		if err != nil {
			return fmt.Errorf("get counter: %w", err)
		}
		count, err := strconv.Atoi(string(data))
		if err != nil {
			return fmt.Errorf("read counter: %w", err)
		}
		_, err = s.Put(ctx, name, strconv.AppendInt(nil, int64(count+1), 10), sinks.IfVersion(info.Version))
		var conflict *sinks.ConflictError
		switch {
		case err == nil:
			n--
		case !errors.As(err, &conflict):
			return fmt.Errorf("put counter: %w", err)
		}
	}
	return nil
}

// testReaders replaces an object over and over, by contents of another length
// and another byte each, while others read it.
func testReaders(t *testing.T, s sinks.Store) {
	const replacements, readers = 50, 4
	content := func(i int) []byte {
		return bytes.Repeat([]byte{byte('a' + i%26)}, 1+(i*7919)%(256<<10))
	}
	info := put(t, s, "a", content(0))
	written := make(chan struct{})
	goroutines(1+readers, func(i int) {
		if i == 0 {
			defer close(written)
			for n := 1; n <= replacements; n++ {
				var err error
				if info, err = s.Put(t.Context(), "a", content(n), sinks.IfVersion(info.Version)); err != nil {
					t.Errorf("put: %v", err)
					return
				}
			}
			return
		}
		for reading := true; reading; {
			select {
			case <-written:
				reading = false // after one last look
			default:
			}
			data, info, err := s.Get(t.Context(), "a")
			if err != nil {
				t.Errorf("get: %v", err)
				return
			}
			if len(data) == 0 || bytes.Count(data, data[:1]) != len(data) ||
				info.Size != int64(len(data)) || info.CRC32C != crc32.Checksum(data, sinks.Castagnoli) {
				t.Errorf("get: %d bytes that are not whole, or not what the info says", len(data))
				return
			}
		}
	})
}

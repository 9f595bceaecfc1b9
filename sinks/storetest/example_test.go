package storetest_test

import (
	"context"
	"fmt"

	"enrow-export/sinks"
	"enrow-export/sinks/storetest"
)

// Each operation of a piece of work is failed, one at a time, until the work passes
// with no operation left to fail.
func ExampleFaulty() {
	work := func(store sinks.Store) error {
		if _, err := sinks.Put(context.Background(), store, "a", []byte("1"), sinks.IfAbsent()); err != nil {
			return err
		}
		_, _, err := store.Get(context.Background(), "a")
		return err
	}
	for at := 1; ; at++ {
		store := &storetest.Faulty{Store: sinks.NewMemory(), At: at}
		err := work(store)
		fmt.Println(at, store.Ops(), err)
		if !store.Fired() {
			break
		}
	}
	// Output:
	// 1 [put a stat a] injected fault
	// 2 [put a get a] injected fault
	// 3 [put a get a] <nil>
}

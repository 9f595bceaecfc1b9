package pipelinetest

import (
	"flag"
	"iter"
)

var every = flag.Int("faults.every", 6, "fail every `N`th operation of a run, and each of them when it is 1")

// FaultPoints yields the numbers of the operations to fail, one after the other, until
// the caller has seen enough. shift tells the ways to fail apart, so that together they
// hit most operations. With -faults.every=1, which make faults gives, it yields all.
func FaultPoints(shift int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 1 + shift%*every; yield(at); at += *every {
		}
	}
}

package sinks

import (
	"context"
	"iter"
)

// InOrder calls do for each job that jobs yields, and yields the results in the order of
// the jobs. At most limit calls are under way or have a result that waits; limit is 1 or
// more. It stops after an error that do returns, and yields the cause of ctx at the end if
// ctx is done: jobs may have stopped early then. When it returns, no call of do is under
// way. jobs gets a context that ends with the iteration, and stops when yield returns false.
func InOrder[J, R any](ctx context.Context, limit int, jobs func(context.Context, func(J) bool), do func(context.Context, J) (R, error)) iter.Seq2[R, error] {
	type outcome struct {
		result R
		err    error
	}
	return func(yield func(R, error) bool) {
		outer := ctx
		ctx, cancel := context.WithCancel(outer)
		queue := make(chan chan outcome, limit-1) // the caller waits for one more
		defer func() {
			cancel()
			for pending := range queue {
				<-pending
			}
		}()
		go func() {
			defer close(queue)
			jobs(ctx, func(job J) bool {
				pending := make(chan outcome, 1)
				queue <- pending
				if ctx.Err() != nil {
					pending <- outcome{err: context.Cause(ctx)}
					return false
				}
				go func() {
					result, err := do(ctx, job)
					pending <- outcome{result, err}
				}()
				return true
			})
		}()
		for pending := range queue {
			o := <-pending
			if !yield(o.result, o.err) || o.err != nil {
				return
			}
		}
		if outer.Err() != nil {
			var none R
			yield(none, context.Cause(outer))
		}
	}
}

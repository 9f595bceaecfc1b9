package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"enrow-export/sinks"
)

// Outcome is what became of one batch in one run.
type Outcome string

const (
	Exported     Outcome = "exported" // files and entry were written
	Done         Outcome = "done"     // it was exported before: nothing to do
	StillOngoing Outcome = "ongoing"  // the vendor is still working on it
	FailedBatch  Outcome = "failed"   // see Result.Err
)

// Result is the outcome of one batch.
type Result struct {
	BatchID string
	Outcome Outcome
	// Entry is what the manifest says now; set when Outcome is Exported or Done.
	// Of a batch that is Done it may lack what Entries says that it may lack.
	Entry *Entry
	// Review is what was noticed of the answer, if a finished one was read.
	Review
	// Finished and Requested are the vendor's progress, -1 when unknown.
	Finished, Requested int64
	// Err is why the batch failed: an *Error.
	Err     error
	Elapsed time.Duration
}

// export takes one batch through all stages, and calls fetched when it leaves the
// first of them for the second. The error is one that ends the run, or ErrStopped
// where it has ended the batch; a failure of the batch is in the Result.
func (x *exporter) export(ctx context.Context, id string, fetched func()) (Result, error) {
	start := x.Now()
	w := way{places: x.places, leave: fetched}
	res, err := x.stages(ctx, id, &w)
	if w.beyondFirst {
		w.leave()
	}
	res.BatchID = id
	res.Elapsed = x.Now().Sub(start)
	if err == nil {
		return res, nil
	}
	if ctx.Err() != nil {
		return res, context.Cause(ctx)
	}
	if errors.Is(err, ErrStopped) {
		return res, ErrStopped
	}
	failure := classify(err, id)
	if failure.Class == Fatal {
		return res, failure
	}
	res.Outcome, res.Err = FailedBatch, failure
	return res, nil
}

// stages is export without the bookkeeping: fetch, flatten, write, publish.
func (x *exporter) stages(ctx context.Context, id string, w *way) (Result, error) {
	entry, cond, err := x.manifest.Read(ctx, id)
	if err == nil {
		err = entry.checkNotPacked()
	}
	if err != nil {
		return Result{}, err
	}
	if !x.Force {
		reason, err := x.undone(ctx, id, entry)
		if err != nil {
			return Result{}, err
		}
		if reason == "" {
			err := x.finish(ctx, entry, cond)
			return Result{Outcome: Done, Entry: entry, Finished: -1, Requested: -1}, err
		}
		x.Log.DebugContext(ctx, "batch is to be exported", logBatch, id, "because", reason)
	}
	if err := x.check(ctx); err != nil {
		return Result{}, err
	}
	for round := 0; ; round++ {
		res, err := x.answer(ctx, id, entry, round, w)
		if !errors.Is(err, errAskAgain) {
			return res, err
		}
		x.Log.DebugContext(ctx, "batch is asked for once more", logBatch, id, "because", err)
		w.restart()
		if entry, _, err = x.manifest.Read(ctx, id); err != nil {
			return res, err
		}
	}
}

// errAskAgain is the cause of what can be mended by asking for the answer again.
var errAskAgain = errors.New("answer is needed once more")

// maxCutOff is how often an answer may come that is only the beginning of one.
// Nearly all of those are noticed by the source, which has more patience.
const maxCutOff = 3

// answer takes a batch that has the entry from the API to where its answer
// belongs, round times after it had to be asked for again.
func (x *exporter) answer(ctx context.Context, id string, entry *Entry, round int, w *way) (Result, error) {
	body, free, err := x.fetch(ctx, id)
	if errors.Is(err, ErrStopped) {
		return Result{}, err
	}
	if err != nil {
		return Result{}, x.failed(ctx, id, classify(err, id), nil)
	}
	if err := w.enterEncoding(ctx); err != nil {
		free()
		return Result{}, err
	}
	made := x.encode(id, body, free, entry)
	defer made.free()
	if made.failure != nil && errors.Is(made.failure, errCutOff) && round+1 < maxCutOff {
		return made.res, fmt.Errorf("%w: %w", errAskAgain, made.failure)
	}
	if err := w.enterPublishing(ctx, made.bytes()); err != nil {
		return made.res, err
	}
	switch {
	case made.failure != nil:
		return made.res, x.failed(ctx, id, made.failure, made.envelope)
	case made.res.Outcome == StillOngoing:
		if x.noted.add(id) {
			err = x.recordOngoing(ctx, id, made.envelope)
		}
		return made.res, err
	}
	made.overtaken, made.freed = round > 0, w.keepLeast
	made.res.Entry, err = made.publish(ctx)
	if errors.Is(err, errNotKept) && round < maxRounds {
		return made.res, fmt.Errorf("%w: %w", errAskAgain, err)
	}
	if err != nil {
		return made.res, x.failed(ctx, id, classify(err, id), nil)
	}
	made.res.Outcome = Exported
	return made.res, nil
}

// fetch asks for the answer, and returns with it what lets go of its memory.
func (x *exporter) fetch(ctx context.Context, id string) (body []byte, free func(), err error) {
	buf := x.Mem.Allocate(x.answers.size())
	free = func() { x.Mem.Free(buf) }
	if body, err = x.Source.Fetch(ctx, x.Table, id, buf); err != nil {
		free()
		return nil, nil, err
	}
	x.answers.took(len(body))
	if cap(body) > 0 && cap(buf) > 0 && &body[:1][0] == &buf[:1][0] {
		return body, free, nil
	}
	free()
	return body, func() {}, nil // the garbage collector has it
}

// encoded is what an answer has become: files to be published, or only something
// to be noted in the manifest.
type encoded struct {
	*publication        // nil when there is nothing to publish
	res          Result // so far
	envelope     []byte // of the answer, if it could be read
	failure      *Error // why the batch fails
}

func (e *encoded) free() {
	if e.publication != nil {
		e.publication.free()
	}
}

// bytes returns how much memory is held until the end.
func (e *encoded) bytes() int64 {
	if e.publication == nil {
		return 0
	}
	return e.publication.bytes()
}

// encode makes of an answer the files that are to be there, as far as the entry
// tells. It waits for nothing. It calls freeBody as soon as the body has served; the
// caller calls free.
func (x *exporter) encode(id string, body []byte, freeBody func(), entry *Entry) *encoded {
	freeBody = sync.OnceFunc(freeBody)
	defer freeBody()
	e := new(encoded)
	answer, err := Flatten(x.Mem, x.Table, id, body, x.MaxBody*expansion)
	if err != nil {
		e.failure = classify(err, id)
		return e
	}
	defer answer.Release()
	e.envelope = answer.Envelope
	e.res = Result{Finished: answer.Finished, Requested: answer.Requested, Review: answer.Review}
	switch answer.Status {
	case Ongoing:
		e.res.Outcome = StillOngoing
		return e
	case Failed:
		e.failure = &Error{
			Op: "export", Batch: id, Class: Permanent,
			Err:  errors.New("the vendor reports that the batch failed"),
			Hint: "start the search again at Enrow; a failed batch has no results",
		}
		return e
	}
	if e.failure = x.judge(id, answer); e.failure != nil {
		return e
	}
	e.publication = x.newPublication(id, body, freeBody, answer)
	if err := e.prepare(entry); err != nil {
		e.failure, e.envelope = classify(err, id), nil
	}
	return e
}

// judge returns why a finished answer is not to be published, nil when it is.
func (x *exporter) judge(id string, a *Answer) *Error {
	failure := &Error{Op: "check", Batch: id, Class: Permanent}
	var faults []string
	switch {
	case len(a.Mismatches) > 0 && !x.AllowMismatch:
		for _, m := range a.Mismatches {
			faults = append(faults, m.String())
		}
		failure.Err = errors.New("answer is not what its control totals say: " + strings.Join(faults, "; "))
		failure.Hint = "nothing was published; ask Enrow about the batch, or export it as it is with --allow-mismatch"
	case len(a.Leftovers) > 0 && x.RefuseUnknown:
		for _, l := range a.Leftovers {
			faults = append(faults, fmt.Sprintf("%s (%s, %d in all, first in results[%d])", l.Path, l.Reason, l.Count, l.First))
		}
		failure.Err = errors.New("answer has what no column declares: " + strings.Join(faults, "; "))
		failure.Hint = "nothing was published; --unknown-fields capture keeps such values in the column extra"
	default:
		return nil
	}
	return failure
}

// finish does what a run that died after it had published left to do. Losing a
// race over it is fine: somebody else does the same.
func (x *exporter) finish(ctx context.Context, done *Entry, cond sinks.Condition) error {
	if len(done.Superseded) == 0 {
		return nil
	}
	_, _, err := x.cleanUp(ctx, done, cond)
	if _, lost := conflict(err); lost {
		return nil
	}
	return err
}

// failed notes a failure of the batch in the manifest, where that can be done,
// and returns it.
func (x *exporter) failed(ctx context.Context, id string, failure *Error, envelope jsontext.Value) error {
	var unusable *EntryError
	if failure.Class == Fatal || ctx.Err() != nil || errors.As(failure, &unusable) {
		return failure
	}
	err := x.recordFailure(ctx, id, failure, envelope)
	if errors.Is(err, sinks.ErrUnreachable) {
		return err
	}
	if err != nil {
		x.Log.WarnContext(ctx, "failure is not in the manifest", logBatch, id, "error", err)
	}
	return failure
}

// classify turns an error of any stage into an *Error.
func classify(err error, id string) *Error {
	var e *Error
	var unusable *EntryError
	switch {
	case errors.As(err, &e) && e.Class == Fatal:
		return e
	case errors.Is(err, sinks.ErrUnreachable):
		return &Error{
			Op: "publish", Class: Fatal, Err: err,
			Hint: "nothing that was exported is lost: make the destination usable and run again",
		}
	case errors.As(err, &unusable):
		return &Error{
			Op: "read", Batch: id, Class: Permanent, Err: err,
			Hint: "nothing was changed: use the version of enrow-export that wrote it, or move the entry away to export the batch again",
		}
	case e != nil:
		return e
	}
	return &Error{Op: "export", Batch: id, Class: Transient, Err: err}
}

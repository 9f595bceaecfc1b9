package export

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.opentelemetry.io/otel/attribute"

	"enrow-export/pipeline"
	"enrow-export/pipeline/answer"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// Outcome is what became of one batch in one run.
type Outcome string

const (
	Exported Outcome = "exported" // files and entry were written
	Done     Outcome = "done"     // it was exported before: nothing to do
	Ongoing  Outcome = "ongoing"  // Enrow is still working on it
	Failed   Outcome = "failed"   // see Result.Err
)

// Result is the outcome of one batch.
type Result struct {
	Kind    string
	BatchID string
	Outcome Outcome
	// Entry is what the manifest says now; set when Outcome is Exported or Done.
	// The entry of a batch that is Done may lack what manifest.Summaries leaves out.
	Entry *manifest.Entry
	// Review is what was noticed of the answer, if a finished one was read.
	answer.Review
	// Finished and Requested are the progress that Enrow reports, -1 when unknown.
	Finished, Requested int64
	// Err is why the batch failed: a *pipeline.Error.
	Err error
	// NeedsAttention says that no run with Pending asks for the batch any more, and that
	// nobody has dismissed it, as the manifest has it after the failure.
	NeedsAttention bool
	// Elapsed is the time that the batch took, Publishing that of its last stage.
	Elapsed, Publishing time.Duration
}

// exportBatch takes one batch through all stages. The error is one that ends the
// run, or ErrStopped if that has ended the batch. A failure of the batch is in the
// Result.
func (x *exporter) exportBatch(ctx context.Context, id string, at *position) (res Result, err error) {
	start := x.Now()
	at.span = x.span.begin(ctx, "batch", attribute.String("enrow.batch.id", id), attribute.String("enrow.batch.kind", x.Table.Kind))
	defer func() { at.span.endBatch(x.Encodings, res, err) }()
	res, err = x.stages(ctx, id, at)
	if at.beyondFetch {
		at.leave()
	}
	res.Kind, res.BatchID = x.Table.Kind, id
	res.Elapsed = x.Now().Sub(start)
	if err == nil {
		return res, nil
	}
	if ctx.Err() != nil {
		return res, context.Cause(ctx)
	}
	if errors.Is(err, pipeline.ErrStopped) {
		return res, pipeline.ErrStopped
	}
	why := asFailure(err, id)
	if why.Class == pipeline.Fatal {
		return res, why
	}
	res.Outcome, res.Err = Failed, why
	return res, nil
}

// asFailure returns err as the failure of a batch, or of the run if id is empty.
func asFailure(err error, id string) *pipeline.Error {
	op := "export"
	if errors.Is(err, sinks.ErrUnreachable) {
		op = "publish"
	}
	return manifest.Failure(op, id, err)
}

// stages is exportBatch without the bookkeeping: fetch, encode, publish.
func (x *exporter) stages(ctx context.Context, id string, at *position) (Result, error) {
	entry, cond, err := x.manifest.Read(ctx, id)
	if err == nil {
		err = entry.CheckNotPacked("export")
	}
	if err != nil {
		return Result{}, err
	}
	if !x.Force {
		reason, err := x.whyNotDone(ctx, id, entry)
		if err != nil {
			return Result{}, err
		}
		if reason == "" {
			err := x.finish(ctx, entry, cond)
			return Result{Outcome: Done, Entry: entry, Finished: -1, Requested: -1}, err
		}
		x.Log.DebugContext(ctx, "batch will be exported", pipeline.LogBatch, id, "because", reason)
	}
	if err := x.check(ctx); err != nil {
		return Result{}, err
	}
	for round := 0; ; round++ {
		res, err := x.ask(ctx, id, entry, round, at)
		if !errors.Is(err, errAskAgain) {
			return res, err
		}
		x.Log.DebugContext(ctx, "batch is fetched once more", pipeline.LogBatch, id, "because", err)
		at.restart()
		if entry, _, err = x.manifest.Read(ctx, id); err != nil {
			return res, err
		}
	}
}

// errAskAgain is the cause of what can be mended by asking for the answer again.
var errAskAgain = errors.New("the response is needed once more")

const (
	// maxCutOff is the number of cut answers after which the batch fails. The source
	// notices nearly all of them, and retries more often.
	maxCutOff = 3
	// maxUnforeseen bounds how often a batch is asked for again because of other runs.
	// Each time follows progress of another run.
	maxUnforeseen = 50
)

// ask asks for the answer of a batch that has the entry, and takes it to its
// outcome. round is how often it was asked for before.
func (x *exporter) ask(ctx context.Context, id string, entry *manifest.Entry, round int, at *position) (Result, error) {
	fetching := at.span.begin(ctx, "fetch")
	body, free, err := x.fetch(ctx, id)
	fetching.end(err, bytesOf(int64(len(body))))
	if errors.Is(err, pipeline.ErrStopped) {
		return Result{}, err
	}
	if err != nil {
		failure := x.hintAtKind(ctx, id, asFailure(err, id))
		x.noteFatal(ctx, entry, failure)
		return x.failed(ctx, id, Result{}, failure, nil, false)
	}
	if err := at.enterEncode(ctx); err != nil {
		free()
		return Result{}, err
	}
	encoding := at.span.begin(ctx, "encode")
	made := x.encodeBatch(id, body, free, entry)
	defer made.release()
	encoding.end(made.err(), bytesOf(made.size()))
	if made.failure != nil && errors.Is(made.failure, answer.ErrCutOff) && round+1 < maxCutOff {
		return made.res, fmt.Errorf("%w: %w", errAskAgain, made.failure)
	}
	if err := at.enterPublish(ctx, made.bytes()); err != nil {
		return made.res, err
	}
	switch {
	case made.failure != nil:
		return x.failed(ctx, id, made.res, made.failure, made.envelope, true)
	case made.res.Outcome == Ongoing:
		if x.noted.add(id) {
			err = x.noteOngoing(ctx, id, made.envelope)
		}
		return made.res, err
	}
	start := x.Now()
	publishing := at.span.begin(ctx, "publish")
	made.res.Entry, err = x.publish(ctx, made.publication, round > 0)
	publishing.end(err, bytesOf(made.size()))
	made.res.Publishing = x.Now().Sub(start)
	if errors.Is(err, errUnforeseen) && round < maxUnforeseen {
		return made.res, fmt.Errorf("%w: %w", errAskAgain, err)
	}
	if err != nil {
		return x.failed(ctx, id, made.res, asFailure(err, id), nil, true)
	}
	made.res.Outcome = Exported
	return made.res, nil
}

// hintAtKind returns the failure of a fetch, with a hint at the kind under which the
// manifest has a batch that Enrow does not know.
func (x *exporter) hintAtKind(ctx context.Context, id string, failure *pipeline.Error) *pipeline.Error {
	if failure.Class != pipeline.Refused {
		return failure
	}
	for _, other := range schema.Tables() {
		if other.Kind == x.Table.Kind {
			continue
		}
		entry, _, err := manifest.Manifest{Store: x.manifest.Store, Table: other}.Read(ctx, id)
		if err == nil && entry != nil && entry.Batch != nil { // Enrow has answered about it
			hinted := *failure
			hinted.Hint = fmt.Sprintf("the manifest has the batch under another kind: add --kind %s", other.Kind)
			return &hinted
		}
	}
	return failure
}

// fetch returns the answer and a function that frees its memory.
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

// finish does what a run that died after it had published left to do. Losing a race
// over it is fine: another run does the same.
func (x *exporter) finish(ctx context.Context, done *manifest.Entry, cond sinks.Condition) error {
	if len(done.Superseded) == 0 {
		return nil
	}
	_, _, err := x.cleanUp(ctx, done, cond, nil)
	if _, lost := sinks.Conflict(err); lost {
		return nil
	}
	return err
}

// failed notes a failure of the batch in the manifest, if it can be noted there, and
// returns it, with the result. noteFailure describes envelope and answered.
func (x *exporter) failed(ctx context.Context, id string, res Result, failure *pipeline.Error, envelope jsontext.Value, answered bool) (Result, error) {
	var unusable *manifest.EntryError
	if failure.Class == pipeline.Fatal || ctx.Err() != nil || errors.As(failure, &unusable) {
		return res, failure
	}
	noted, needsAttention, err := x.noteFailure(ctx, id, failure, envelope, answered)
	if errors.Is(err, sinks.ErrUnreachable) {
		return res, err
	}
	if err != nil {
		x.Log.WarnContext(ctx, "failure could not be recorded in the manifest", pipeline.LogBatch, id, "error", err)
		return res, failure
	}
	res.NeedsAttention = needsAttention
	return res, noted
}

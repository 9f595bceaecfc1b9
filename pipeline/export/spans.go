package export

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

// span is a part of the trace of a run:
//
//	run
//	  batch      one look at a batch; a batch that is done by the listing has none
//	    fetch
//	    encode
//	    publish
//
// Time outside the stages of a batch is spent waiting for a slot. No context that carries
// a span goes to a source or a store: their clients would add spans of their own, with
// the URLs of uploads, and headers to requests.
type span struct {
	tracer trace.Tracer
	trace.Span
}

// newSpan begins the trace of a run. A parent is taken from ctx.
func newSpan(ctx context.Context, tracer trace.Tracer) span {
	_, s := tracer.Start(ctx, "run")
	return span{tracer, s}
}

// begin begins a part of the span. The caller ends it.
func (s span) begin(ctx context.Context, name string, attrs ...attribute.KeyValue) span {
	_, part := s.tracer.Start(trace.ContextWithSpan(ctx, s.Span), name, trace.WithAttributes(attrs...))
	return span{s.tracer, part}
}

// end ends the span. The text of an error has no personal data (pipeline.Error).
func (s span) end(err error, attrs ...attribute.KeyValue) {
	if !s.IsRecording() {
		return
	}
	if err != nil {
		s.SetStatus(codes.Error, err.Error())
		if failure := (*pipeline.Error)(nil); errors.As(err, &failure) {
			attrs = append(attrs, attribute.String("enrow.class", failure.Class.String()))
		}
	}
	s.SetAttributes(attrs...)
	s.End()
}

// endBatch ends the span of a batch.
func (s span) endBatch(encodings []sinks.Encoding, res Result, err error) {
	outcome, rows, bytes := string(res.Outcome), int64(0), int64(0)
	switch {
	case errors.Is(err, pipeline.ErrStopped):
		outcome, err = "not tried", nil
	case err != nil:
		outcome = "stopped"
	case res.Outcome == Failed:
		err = res.Err
	case res.Outcome == Exported:
		sums := make(map[string]int64)
		res.Entry.AddBytes(encodings, sums)
		for _, n := range sums {
			bytes += n
		}
		rows = *res.Entry.Rows
	}
	s.end(err, attribute.String("enrow.outcome", outcome), rowsOf(rows), bytesOf(bytes))
}

// endRun ends the span of a run.
func (s span) endRun(sum Summary, err error) {
	var bytes int64
	for _, n := range sum.Bytes {
		bytes += n
	}
	attrs := []attribute.KeyValue{rowsOf(sum.Rows), bytesOf(bytes)}
	for name, n := range map[string]int{
		"asked": sum.Asked, "exported": sum.Exported, "done": sum.Done, "ongoing": sum.Ongoing, "failed": sum.Failed, "not_tried": sum.NotTried,
	} {
		attrs = append(attrs, attribute.Int("enrow.batches."+name, n))
	}
	s.end(err, attrs...)
}

func rowsOf(n int64) attribute.KeyValue { return attribute.Int64("enrow.rows", n) }

func bytesOf(n int64) attribute.KeyValue { return attribute.Int64("enrow.bytes", n) }

package export_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/pipelinetest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// spanless is a source that notes the requests whose context has a span.
type spanless struct {
	pipeline.Source
	t *testing.T
}

func (s spanless) Fetch(ctx context.Context, table *schema.Table, id string, buf []byte) ([]byte, error) {
	if trace.SpanFromContext(ctx).IsRecording() {
		s.t.Errorf("the request for %s has a span in its context", id)
	}
	return s.Source.Fetch(ctx, table, id, buf)
}

// A run has a span, each look at a batch one below it, and each stage one below that. The
// parent is that of the context. A source sees none of them.
func TestSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	source := pipelinetest.NewAnswers()
	source.Set("good", pipelinetest.Finished("good", "x", 3))
	source.Set("running", pipelinetest.Ongoing("running", 1, 2))
	source.Set("down", errors.New("API returned 502 Bad Gateway"))
	source.Set("cut", `{"general":`)
	cfg := pipelinetest.NewConfig(t, spanless{source, t}, sinks.NewMemory(), "csv")
	cfg.Tracer = provider.Tracer("test")
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), parent)
	if _, err := export.Run(ctx, cfg, []string{"good", "running", "down", "cut"}, nil); err != nil {
		t.Fatal(err)
	}

	names := map[trace.SpanID]string{parent.SpanID(): "parent"}
	attrs := make(map[string]map[string]string)
	for _, s := range recorder.Ended() {
		name := s.Name()
		values := make(map[string]string)
		for _, a := range s.Attributes() {
			values[string(a.Key)] = a.Value.String()
		}
		if id := values["enrow.batch.id"]; id != "" {
			name += " " + id
		}
		if s.Status().Code == codes.Error {
			values["status"] = s.Status().Description
		}
		names[s.SpanContext().SpanID()], attrs[name] = name, values
	}
	got := make(map[string]int)
	sizes := make(map[string]string)
	for _, s := range recorder.Ended() {
		name := fmt.Sprintf("%s > %s", names[s.Parent().SpanID()], names[s.SpanContext().SpanID()])
		got[name]++
		for _, a := range s.Attributes() {
			if a.Key == "enrow.bytes" {
				sizes[name] = a.Value.String()
			}
		}
	}
	want := map[string]int{
		"parent > run": 1, "run > batch good": 1, "run > batch running": 1, "run > batch down": 1, "run > batch cut": 1,
		"batch good > fetch": 1, "batch good > encode": 1, "batch good > publish": 1,
		"batch running > fetch": 1, "batch running > encode": 1,
		"batch down > fetch": 1,
		"batch cut > fetch":  3, "batch cut > encode": 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	for name, want := range map[string]map[string]string{
		"run":           {"enrow.batches.asked": "4", "enrow.batches.exported": "1", "enrow.batches.ongoing": "1", "enrow.batches.failed": "2", "enrow.rows": "3"},
		"batch good":    {"enrow.batch.kind": "email-find", "enrow.outcome": "exported", "enrow.rows": "3"},
		"batch running": {"enrow.outcome": "ongoing", "enrow.rows": "0", "enrow.bytes": "0"},
		"batch down":    {"enrow.outcome": "failed", "enrow.class": "transient", "status": "export batch down: API returned 502 Bad Gateway"},
	} {
		for key := range maps.Keys(want) {
			if attrs[name][key] != want[key] {
				t.Errorf("%s: %s is %q, want %q", name, key, attrs[name][key], want[key])
			}
		}
	}
	bytes := attrs["batch good"]["enrow.bytes"]
	if slices.Contains([]string{"", "0"}, bytes) {
		t.Error("the batch has no bytes")
	}
	for _, stage := range []string{"batch good > encode", "batch good > publish"} {
		if sizes[stage] != bytes {
			t.Errorf("%s has %s bytes, and the batch has %s", stage, sizes[stage], bytes)
		}
	}
}

package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushTime bounds how long the end of a run waits until its trace is sent.
const flushTime = 5 * time.Second

// spans sends the spans of a run, or drops them.
type spans struct {
	tracer trace.Tracer    // nil for nowhere
	ctx    context.Context // with the parent
	end    func()          // sends what is left
}

// tracing returns where the spans of a run go: by OTLP over HTTP to the collector of the
// standard variables of OpenTelemetry. Faults are logged, and change nothing about the run.
// A limited number of spans is kept until they are sent. What is more is dropped. The caller
// calls end.
func tracing(ctx context.Context, log *slog.Logger) spans {
	nowhere := spans{nil, ctx, func() {}}
	if !tracesWanted() {
		return nowhere
	}
	var once sync.Once
	failed := func(err error) {
		once.Do(func() { log.Warn("the trace of the run was not sent", "error", err) })
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(failed))
	otel.SetLogger(logr.Discard()) // it writes headers, which may be secrets, to stderr
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		failed(err)
		return nowhere
	}
	// What the environment says of the service counts for more.
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", programName), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		failed(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	parent := propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		"traceparent": os.Getenv("TRACEPARENT"), "tracestate": os.Getenv("TRACESTATE"),
	})
	return spans{provider.Tracer(programName), parent, func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime) // also after a signal
		defer cancel()
		if err := provider.Shutdown(flush); err != nil {
			failed(err)
		}
	}}
}

// tracesWanted reports whether the environment names a collector. The library itself reads
// all other variables.
func tracesWanted() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

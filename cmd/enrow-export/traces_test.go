package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"

	"enrow-export/sources/fakeapi"
)

// received is what a collector was sent.
type received struct {
	mu       sync.Mutex
	spans    map[string]string            // name by id
	parents  map[string]string            // id of the parent by id
	attrs    map[string]map[string]string // of a span, by name
	resource map[string]string
	traces   map[string]bool
	header   http.Header
}

// collect starts a collector, which the environment then names.
func collect(t *testing.T) *received {
	r := &received{spans: make(map[string]string), parents: make(map[string]string), attrs: make(map[string]map[string]string), traces: make(map[string]bool)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var sent collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &sent); err != nil || req.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", req.URL.Path, err)
		}
		r.add(&sent, req.Header)
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	return r
}

func (r *received) add(sent *collector.ExportTraceServiceRequest, header http.Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.header = header
	for _, about := range sent.ResourceSpans {
		r.resource = values(about.Resource.Attributes)
		for _, scope := range about.ScopeSpans {
			for _, s := range scope.Spans {
				attrs := values(s.Attributes)
				name := strings.TrimSpace(s.Name + " " + attrs["enrow.batch.id"])
				attrs["status"] = s.Status.GetMessage()
				r.spans[string(s.SpanId)], r.parents[string(s.SpanId)], r.attrs[name] = name, string(s.ParentSpanId), attrs
				r.traces[string(s.TraceId)] = true
			}
		}
	}
}

func values(attrs []*common.KeyValue) map[string]string {
	m := make(map[string]string)
	for _, a := range attrs {
		m[a.Key] = a.Value.GetStringValue()
	}
	return m
}

// tree returns the spans, each behind its parent.
func (r *received) tree() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for id, name := range r.spans {
		parent, ok := r.spans[r.parents[id]]
		if !ok {
			parent = "parent"
		}
		all = append(all, parent+" > "+name)
	}
	slices.Sort(all)
	return all
}

const (
	parentTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentSpan  = "00f067aa0ba902b7"
)

// A collector gets the spans of a run below the span of the environment. The API gets no
// header of it.
func TestTraces(t *testing.T) {
	r := collect(t)
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	api.Add(fakeapi.Sample())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for name := range req.Header {
			if regexp.MustCompile(`(?i)trace|baggage`).MatchString(name) {
				t.Errorf("the API gets the header %s", name)
			}
		}
		api.ServeHTTP(w, req)
	}))
	t.Cleanup(func() { server.Close(); api.Close() })
	t.Setenv("TRACEPARENT", "00-"+parentTrace+"-"+parentSpan+"-01")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=data")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	id := fakeapi.Sample().ID
	_, stderr, code := start(t, t.TempDir(), server.URL, "export", "--to", "out", id, "unknown").end(t, nil)
	if code != exitFailed || stderr != "" {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	want := []string{
		"batch " + id + " > encode", "batch " + id + " > fetch", "batch " + id + " > publish",
		"batch unknown > fetch", "parent > run", "run > batch " + id, "run > batch unknown",
	}
	if diff := cmp.Diff(want, r.tree()); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	for span, parent := range r.parents {
		if name := r.spans[span]; name == "run" && parent != "\x00\xf0\x67\xaa\x0b\xa9\x02\xb7" {
			t.Errorf("the run has the parent %x", parent)
		}
	}
	if len(r.traces) != 1 || r.header.Get("x-team") != "data" || r.resource["service.name"] != programName || r.resource["deployment.environment.name"] != "test" {
		t.Errorf("%d traces, header %v, resource %v", len(r.traces), r.header, r.resource)
	}
	if a := r.attrs["batch unknown"]; a["enrow.outcome"] != "failed" || a["enrow.class"] != "refused" || !strings.Contains(a["status"], "API returned 400") {
		t.Errorf("the failed batch has %v", a)
	}
}

// A run that is stopped sends its spans. The name of the service is the environment's.
func TestTracesAfterASignal(t *testing.T) {
	r := collect(t)
	t.Setenv("OTEL_SERVICE_NAME", "nightly")
	h := holdAPI(t)
	_, _, code := h.start(t, t.TempDir(), "--grace", "0s").end(t, syscall.SIGTERM)
	if code != exitTerminated || r.resource["service.name"] != "nightly" {
		t.Errorf("exit code %d, resource %v", code, r.resource)
	}
	if a := r.attrs["batch "+heldID]; a["enrow.outcome"] != "stopped" || r.attrs["run"]["status"] != "stopped by signal: terminated" {
		t.Errorf("the batch that was cut off has %v, the run %v", a, r.attrs["run"])
	}
}

// A collector that is down, or a variable that makes no sense, changes nothing but one
// warning. A trace that nobody wants is not sent.
func TestTracesThatAreNotSent(t *testing.T) {
	r := collect(t)
	api := fakeapi.New(fakeapi.Options{Keys: []string{testKey}})
	api.Add(fakeapi.Sample())
	server := httptest.NewServer(api)
	t.Cleanup(func() { server.Close(); api.Close() })
	working := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	for _, test := range []struct{ variable, value, want string }{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "the trace of the run was not sent"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", server.URL, "the trace of the run was not sent"}, // not a collector
		{"OTEL_EXPORTER_OTLP_ENDPOINT", ":no URL", "the trace of the run was not sent"},
		{"OTEL_SDK_DISABLED", "true", ""},
		{"OTEL_TRACES_EXPORTER", "none", ""},
		{"OTEL_TRACES_SAMPLER", "always_off", ""},
	} {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", working)
			t.Setenv(test.variable, test.value)
			t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization secret")
			_, stderr, code := start(t, t.TempDir(), server.URL, "export", "--to", "out", fakeapi.Sample().ID).end(t, nil)
			if strings.Contains(stderr, "secret") {
				t.Errorf("a header is in %s", stderr)
			}
			if code != exitOK || strings.Count(stderr, "\n") != min(len(test.want), 1) || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
	if len(r.spans) > 0 {
		t.Errorf("spans %v", r.spans)
	}
}

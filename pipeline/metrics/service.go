package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"enrow-export/pipeline/overview"
	"enrow-export/pipeline/runs"
)

// Service is the metrics of a process that makes one run after the other. All methods may be
// called at the same time.
type Service struct {
	registry  *prometheus.Registry
	collector *collector

	runs, batches, requests, notices *prometheus.CounterVec
	thenFailures                     prometheus.Counter
	request, publish                 prometheus.Histogram
	batch                            *prometheus.HistogramVec
}

// Live are functions that are called at each scrape, and have to be quick.
type Live struct {
	// Ready says whether the process can work.
	Ready func() bool
	// Then returns for how long the command that follows a run has been running, 0 if none is.
	Then func() time.Duration
}

// NewService returns the metrics of a process that has done nothing yet. notices are the
// results that Notice is told of.
func NewService(b Build, live Live, notices ...string) *Service {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets ...float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}
	}
	s := &Service{
		registry: prometheus.NewRegistry(), collector: newCollector(b),
		runs:         counters("runs_total", "Runs that have ended, by exit code.", "exit_code"),
		batches:      counters("batches_total", "Batches that runs have asked for, by outcome and kind.", "outcome", "kind"),
		requests:     counters("api_requests_total", "Requests to the API, by status code. none is a request without a response.", "code"),
		notices:      counters("notices_total", "Notices of finished batches that were received, by result.", "result"),
		thenFailures: prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "then_failures_total", Help: "Failures of the command that follows a run."}),
		request: prometheus.NewHistogram(histogram("api_request_duration_seconds", "How long requests to the API took, until the whole response was read.",
			.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60)),
		batch: prometheus.NewHistogramVec(histogram("batch_duration_seconds", "How long exported batches took, from the request to the manifest entry.",
			.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300), []string{"kind"}),
		publish: prometheus.NewHistogram(histogram("publish_duration_seconds", "How long exported batches took to be put into the root: data files and manifest entry.",
			.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30)),
	}
	isReady := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + "ready", Help: "Whether the service can work, as /readyz says: 1 or 0."}, func() float64 {
		if live.Ready() {
			return 1
		}
		return 0
	})
	then := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + "then_running_seconds", Help: "For how long the command that follows a run has been running. 0 while none is."}, func() float64 {
		return live.Then().Seconds()
	})
	s.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), s.collector, isReady, then,
		s.runs, s.batches, s.requests, s.notices, s.thenFailures, s.request, s.batch, s.publish,
	)
	for _, exitCode := range []string{"0", "1", "3", "75"} {
		s.runs.WithLabelValues(exitCode)
	}
	for _, kind := range kinds() {
		s.batch.WithLabelValues(kind)
		for _, outcome := range []string{"exported", "done", "ongoing", "failed"} {
			s.batches.WithLabelValues(outcome, kind)
		}
	}
	for _, status := range firstCodes {
		s.requests.WithLabelValues(status)
	}
	for _, result := range notices {
		s.notices.WithLabelValues(result)
	}
	return s
}

// Handler serves the metrics to Prometheus.
func (s *Service) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4})
}

// Ran notes a run that has ended.
func (s *Service) Ran(l runs.Line) {
	s.runs.WithLabelValues(strconv.Itoa(l.ExitCode)).Inc()
	s.collector.ran(l)
}

// Recall notes a run that another process has made before: it is the last one, and is not
// counted.
func (s *Service) Recall(l runs.Line) { s.collector.ran(l) }

// Root notes the figures of the root. With nil the root has no gauges.
func (s *Service) Root(o *overview.Overview) { s.collector.holds(o) }

// Request notes a request to the API: the status code of the response, such as "200", or
// runs.NoStatus without one.
func (s *Service) Request(status string, elapsed time.Duration) {
	s.requests.WithLabelValues(code(status)).Inc()
	s.request.Observe(elapsed.Seconds())
}

// Batch notes the outcome of a batch in a run, an export.Outcome. The times are those of
// export.Result, and count if the batch was exported.
func (s *Service) Batch(kind, outcome string, elapsed, publishing time.Duration) {
	s.batches.WithLabelValues(outcome, kind).Inc()
	if outcome == "exported" {
		s.batch.WithLabelValues(kind).Observe(elapsed.Seconds())
		s.publish.Observe(publishing.Seconds())
	}
}

// Notice notes a notice that was received. result is one of those that NewService was told.
func (s *Service) Notice(result string) { s.notices.WithLabelValues(result).Inc() }

// ThenFailed notes a command of --then that has failed.
func (s *Service) ThenFailed() { s.thenFailures.Inc() }

package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/page"
	"enrow-export/pipeline/runs"
	"enrow-export/pipeline/service"
)

// adminHandler serves the page, the metrics and the health of the service to its operators.
func (s *server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	health := s.health.Handler()
	mux.Handle("/healthz", health)
	mux.Handle("/readyz", health)
	measured := s.metrics.Handler()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		_, _ = s.figures.Last(s.c.Context) //nolint:contextcheck // they are read for the next request
		measured.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /{$}", s.servePage)
	return mux
}

// servePage serves the page with the figures that were read last.
func (s *server) servePage(w http.ResponseWriter, r *http.Request) {
	figures, _ := s.figures.Last(s.c.Context) //nolint:contextcheck // they are read for the next request; a failure is in the log
	state := s.loop.State()
	reasons := s.health.Ready(r.Context())
	d := page.Data{
		Title: "Enrow exports", To: s.to.at, Overview: figures, Runs: state.Runs, Now: time.Now(), Version: version,
		Service: &page.Service{Since: s.since, Ready: len(reasons) == 0, Why: strings.Join(reasons, "; "), Announced: s.notices.recorded.Load()},
	}
	if running := s.then.Running(); running > 0 {
		d.Service.Then = time.Now().Add(-running)
	}
	if !state.Running {
		d.Service.NextRun = state.Next
	}
	var document bytes.Buffer
	if err := page.Write(&document, d); err != nil {
		s.log.Error("the page could not be made", "error", err)
		http.Error(w, "the page could not be made: see the log", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", page.Policy())
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	_, _ = document.WriteTo(w) // a client that has gone needs no page
}

// earlierRuns returns the last runs that the file of --report has, if there is one that can
// be read: they are for the page alone.
func earlierRuns(c *cli.Context, log *slog.Logger) []runs.Line {
	name := c.String("report")
	if name == "" || name == "-" {
		return nil
	}
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil // reading another kind of file might never end
	}
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		var earlier []runs.Line
		if earlier, _, err = runs.Read(file, service.MostRuns); err == nil {
			return earlier
		}
	}
	log.Warn("earlier runs cannot be read from the report", "error", err)
	return nil
}

package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"enrow-export/pipeline"
	"enrow-export/sinks"
)

const (
	// lookAgain is how long the answer of a look at the root holds.
	lookAgain = 2 * time.Second
	// lookLimit bounds a look.
	lookLimit = 10 * time.Second
)

// Health says how well a service is, from what its Loop has done and from a look at the root.
type Health struct {
	Loop *Loop
	// Look returns why the root cannot be used, nil when it can.
	Look func(ctx context.Context) error
	// Stall is for how long a run may do nothing before the process counts as stuck.
	Stall time.Duration

	mu     sync.Mutex
	looked time.Time
	fault  error
	ending bool
}

// Alive returns why the process should be started again, nil when it should not.
func (h *Health) Alive() error {
	if silent := h.Loop.Silence(); silent > h.Stall {
		return fmt.Errorf("the run has done nothing for %s", silent.Round(time.Second))
	}
	return nil
}

// End makes the service not ready any more.
func (h *Health) End() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ending = true
}

// Ready returns the reasons for which the service is not ready, none when it is. A reason
// has no personal data and no secret.
func (h *Health) Ready(ctx context.Context) (reasons []string) {
	h.mu.Lock()
	ending := h.ending
	h.mu.Unlock()
	if ending {
		reasons = append(reasons, "the service is being stopped")
	}
	s := h.Loop.State()
	lost := h.Root(ctx)
	if lost == nil && errors.Is(s.Failure, sinks.ErrUnreachable) {
		lost = s.Failure // a look does not see all that a run does
	}
	if lost != nil {
		reasons = append(reasons, "the destination cannot be used: "+strings.TrimPrefix(lost.Error(), sinks.ErrUnreachable.Error()+": "))
	}
	switch age := time.Since(s.Surveyed); {
	case pipeline.IsOfKey(s.Failure) && pipeline.KindOf(s.Failure) == allKinds:
		reasons = append(reasons, s.Failure.Error())
	case s.Surveyed.IsZero() && lost != nil: // it says why
	case s.Surveyed.IsZero() && s.Failure != nil:
		reasons = append(reasons, "no run has succeeded yet: "+s.Failure.Error())
	case s.Surveyed.IsZero():
		reasons = append(reasons, "the first run has not ended yet")
	case age > 2*h.Loop.Every:
		reason := fmt.Sprintf("the last run that succeeded was %s ago", age.Round(time.Second))
		if s.Failure != nil && lost == nil {
			reason += ": " + s.Failure.Error()
		}
		reasons = append(reasons, reason)
	}
	return reasons
}

// Root returns why the root cannot be used. Looks that follow one another closely share one.
func (h *Health) Root(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.looked.IsZero() && time.Since(h.looked) < lookAgain {
		return h.fault
	}
	// The look is shared: it goes on when the client that caused it goes away.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
	defer cancel()
	fault := h.Look(limited)
	h.fault, h.looked = fault, time.Now()
	return fault
}

// Handler serves /healthz and /readyz: 200, or 503 with the reasons, a line each.
func (h *Health) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		var reasons []string
		if err := h.Alive(); err != nil {
			reasons = append(reasons, err.Error())
		}
		tell(w, reasons)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { tell(w, h.Ready(r.Context())) })
	return mux
}

func tell(w http.ResponseWriter, reasons []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if len(reasons) == 0 {
		_, _ = io.WriteString(w, "OK\n") // a client that has gone needs no answer
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, strings.Join(reasons, "\n")+"\n")
}

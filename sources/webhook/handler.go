package webhook

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"enrow-export/pipeline"
)

const (
	hooks = "/hooks/" // in front of the secret

	maxBody       = 64 << 10
	recordTimeout = 10 * time.Second
	// retryAfter is in seconds: about as long as a store takes to come back.
	retryAfter = "60"
)

// Result is how a request ended. Requests are counted by it.
type Result string

// The results, all there are.
const (
	Recorded   Result = "recorded"   // 200: an id of a batch, recorded now
	Repeated   Result = "repeated"   // 200: that id was recorded moments ago, or by a notice at the same time
	Single     Result = "single"     // 200: a search that was made alone
	Unknown    Result = "unknown"    // 200: an event that is not known here
	Refused    Result = "refused"    // 400: a body that is no notice, or broke off
	NoSecret   Result = "no_secret"  // 404: not the path with a secret in it
	WrongVerb  Result = "wrong_verb" // 405: the secret, but not a POST
	TooLarge   Result = "too_large"  // 413: a body above 64 KiB
	Full       Result = "full"       // 503: Record returned ErrFull
	Unrecorded Result = "unrecorded" // 503: Record returned another error
)

// Results returns all results.
func Results() []Result {
	return []Result{Recorded, Repeated, Single, Unknown, Refused, NoSecret, WrongVerb, TooLarge, Full, Unrecorded}
}

// ErrFull is returned by Config.Record, perhaps wrapped, for an id that it does not take
// because too many wait already. The notice is answered 503 and not logged: many may follow.
var ErrFull = errors.New("too many ids wait already")

// Config says what a Handler works with.
type Config struct {
	// Secrets returns the secrets that are accepted now; nothing is accepted if there are
	// none. It is called for each request, by several goroutines at once.
	Secrets func() []Secret
	// Look returns why the records cannot be relied on, nil when they can; it may call Forget.
	// It is called for each notice of a batch, unless it is nil, by several goroutines at once.
	Look func(context.Context) error
	// Record records the batch of a notice durably, or returns why it cannot; ErrFull if it
	// will not. It is called by several goroutines at once, for different notices, and must
	// return when its context ends. That is after 10 seconds, and not when the sender goes
	// away: it has delivered its notice. The error is logged.
	Record func(context.Context, Notice) error
	// Count is called once for each request, if it is not nil, by several goroutines at once.
	Count func(Result)
	// Log gets the faults that a person has to look into. The secret is not in it, nor anything of a
	// body but ids that are well-formed. Nil: nothing is logged.
	Log *slog.Logger
}

// Handler is an http.Handler that takes notices.
type Handler struct {
	cfg     Config
	flights singleflight.Group
	recent  atomic.Pointer[memory]
}

// New returns a Handler. Config's Secrets and Record must not be nil.
func New(cfg Config) *Handler {
	if cfg.Log == nil {
		cfg.Log = pipeline.NoLog
	}
	if cfg.Count == nil {
		cfg.Count = func(Result) {}
	}
	if cfg.Look == nil {
		cfg.Look = func(context.Context) error { return nil }
	}
	h := &Handler{cfg: cfg}
	h.Forget()
	return h
}

// Forget makes the Handler forget which ids were recorded lately: they are recorded again.
// It is called when the records may be gone.
func (h *Handler) Forget() { h.recent.Store(new(memory)) }

// ServeHTTP takes one notice.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, text := h.take(w, r)
	h.cfg.Count(result)
	status := http.StatusOK
	switch result {
	case Refused:
		status = http.StatusBadRequest
	case NoSecret:
		// Or those without the secret could keep all connections to themselves.
		w.Header().Set("Connection", "close")
		status = http.StatusNotFound
	case WrongVerb:
		w.Header().Set("Allow", http.MethodPost)
		status = http.StatusMethodNotAllowed
	case TooLarge:
		status = http.StatusRequestEntityTooLarge
	case Full, Unrecorded:
		w.Header().Set("Retry-After", retryAfter)
		status = http.StatusServiceUnavailable
	}
	if text == "" {
		w.WriteHeader(status)
		return
	}
	http.Error(w, text, status)
}

// take returns how a request ends, and a line for its sender, if any. Only a sender that
// knows the secret gets a line.
func (h *Handler) take(w http.ResponseWriter, r *http.Request) (Result, string) {
	attempt, ok := strings.CutPrefix(r.URL.Path, hooks)
	if !ok || !accepts(h.cfg.Secrets(), attempt) {
		return NoSecret, ""
	}
	if r.Method != http.MethodPost {
		return WrongVerb, ""
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		h.cfg.Log.Warn("notice refused: its body has more than 64 KiB")
		return TooLarge, "body has more than 64 KiB"
	}
	if err != nil {
		return Refused, "body breaks off"
	}
	notice, result, err := parse(body)
	if err != nil {
		h.cfg.Log.Warn("notice refused: its " + err.Error())
		return Refused, err.Error()
	}
	if result != Recorded {
		return result, ""
	}
	result, err = h.record(r.Context(), notice)
	if err != nil {
		return result, "not recorded, try again later"
	}
	return result, ""
}

// record has a notice recorded, unless it was lately or is being recorded.
func (h *Handler) record(ctx context.Context, n Notice) (Result, error) {
	result := Repeated
	_, err, _ := h.flights.Do(n.Table.Kind+"/"+n.BatchID, func() (any, error) {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		err := h.cfg.Look(limited)
		recent := h.recent.Load() // before Record: Forget in between must not be undone
		if err == nil && recent.has(n, time.Now()) {
			return nil, nil
		}
		result = Recorded
		if err == nil {
			err = h.cfg.Record(limited, n)
		}
		switch {
		case err == nil:
			recent.add(n, time.Now())
		case !errors.Is(err, ErrFull):
			h.cfg.Log.Error("notice not recorded", "kind", n.Table.Kind, pipeline.LogBatch, n.BatchID, "error", err)
		}
		return nil, err
	})
	switch {
	case errors.Is(err, ErrFull):
		return Full, err
	case err != nil:
		return Unrecorded, err
	}
	return result, nil
}

package sources

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestPacerHasFullJitter draws many times: each wait is between 0 and a ceiling
// that doubles up to the limit, and both ends are come near to.
func TestPacerHasFullJitter(t *testing.T) {
	const base, limit = 100 * time.Millisecond, time.Second
	ceilings := []time.Duration{100, 200, 400, 800, 1000, 1000, 1000}
	lowest := make([]time.Duration, len(ceilings))
	highest := make([]time.Duration, len(ceilings))
	for i := range lowest {
		lowest[i] = time.Hour
	}
	p := newPacer(base, limit)
	for range 2000 {
		p.Reset()
		for i := range ceilings {
			wait := p.NextBackOff()
			lowest[i], highest[i] = min(lowest[i], wait), max(highest[i], wait)
		}
	}
	for i, ms := range ceilings {
		ceiling := ms * time.Millisecond
		if lowest[i] < 0 || lowest[i] > ceiling/20 || highest[i] > ceiling || highest[i] < ceiling*19/20 {
			t.Errorf("retry %d waits from %s to %s, want 0 to %s", i, lowest[i], highest[i], ceiling)
		}
	}
}

func TestPacerWithBaseAboveLimit(t *testing.T) {
	p := newPacer(time.Hour, time.Second)
	for i := range 100 {
		if wait := p.NextBackOff(); wait > time.Second {
			t.Fatalf("retry %d waits %s", i, wait)
		}
	}
}

func TestPacerObeysDemand(t *testing.T) {
	p := newPacer(time.Millisecond, time.Millisecond)
	p.demanded = time.Minute
	if wait := p.NextBackOff(); wait != time.Minute {
		t.Errorf("waits %s, demanded is 1m", wait)
	}
}

func TestDemandedWait(t *testing.T) {
	const date = "Mon, 23 Nov 2026 10:00:00 GMT"
	const forever = 9223372036 * time.Second
	tests := []struct {
		header, body string
		want         time.Duration
	}{
		{"", "", 0},
		{"7", "", 7 * time.Second},
		{"0", "", 0},
		{"-1", "", 0},
		{"+1", "", 0},
		{"1.5", "", 0},
		{"soon", "", 0},
		{"99999999999", "", forever},
		{"999999999999999999999999", "", forever},
		{"Mon, 23 Nov 2026 10:00:09 GMT", "", 9 * time.Second},
		{"Monday, 23-Nov-26 10:01:00 GMT", "", time.Minute},
		{"Mon, 23 Nov 2026 09:59:00 GMT", "", 0},
		{"", `{"retry_after":300}`, 5 * time.Minute},
		{"", `{"retry_after":"2"}`, 2 * time.Second},
		{"", `{"retry_after":0.5}`, time.Second / 2},
		{"", `{"retry_after":-3}`, 0},
		{"", `{"retry_after":1e300}`, forever},
		{"", `{"retry_after":null}`, 0},
		{"", `{"retry_after":[1]}`, 0},
		{"", `<html>retry_after</html>`, 0},
		{"3", `{"retry_after":2}`, 3 * time.Second},
		{"2", `{"retry_after":3}`, 3 * time.Second},
	}
	for _, tt := range tests {
		header := http.Header{"Date": {date}}
		if tt.header != "" {
			header.Set("Retry-After", tt.header)
		}
		if got := demandedWait(header, []byte(tt.body)); got != tt.want {
			t.Errorf("Retry-After %q, body %s: %s, want %s", tt.header, tt.body, got, tt.want)
		}
	}
}

func TestRetryAfterWithoutDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		header := http.Header{"Retry-After": {time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat)}}
		if got := retryAfter(header); got != 40*time.Second {
			t.Errorf("%s, want 40s", got)
		}
	})
}

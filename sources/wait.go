package sources

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// maxWait is the longest wait that the API may demand without ending the run.
const maxWait = 5 * time.Minute

// pacer says how long to wait before each retry of one batch.
type pacer struct {
	exponential backoff.ExponentialBackOff
	// demanded is the least wait that the last answer asked for.
	demanded time.Duration
}

// newPacer returns a pacer with full jitter: an interval of half the ceiling,
// randomized by all of itself to either side, is any time from 0 to the ceiling.
func newPacer(base, limit time.Duration) *pacer {
	return &pacer{exponential: backoff.ExponentialBackOff{
		InitialInterval:     min(base, limit) / 2,
		RandomizationFactor: 1,
		Multiplier:          2,
		MaxInterval:         limit / 2,
	}}
}

// NextBackOff returns the wait before the next try.
func (p *pacer) NextBackOff() time.Duration { return max(p.exponential.NextBackOff(), p.demanded) }

// Reset starts over.
func (p *pacer) Reset() { p.exponential.Reset() }

// demandedWait returns how long an error asks to wait: the longer of its
// Retry-After header and the retry_after of its body, 0 when it has neither.
func demandedWait(header http.Header, body []byte) time.Duration {
	var said struct {
		RetryAfter any `json:"retry_after"`
	}
	_ = json.Unmarshal(body, &said) // a body that is not JSON demands nothing
	inBody := time.Duration(0)
	switch v := said.RetryAfter.(type) {
	case float64:
		inBody = seconds(v)
	case string:
		inBody = digits(v)
	}
	return max(retryAfter(header), inBody)
}

// retryAfter returns what the Retry-After header asks for: a number of seconds,
// or a date, which is compared with the server's own clock if that is told.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	at, err := http.ParseTime(value)
	if err != nil {
		return digits(value)
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(at.Sub(now), 0)
}

// digits returns the seconds that a string of decimal digits says; 0 for
// anything else.
func digits(s string) time.Duration {
	if strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0
	}
	v, _ := strconv.ParseFloat(s, 64) // out of range is infinite, empty is 0
	return seconds(v)
}

// seconds returns a duration, the longest one there is for what exceeds it.
func seconds(v float64) time.Duration {
	const longest = math.MaxInt64 / int64(time.Second)
	if v >= float64(longest) {
		return time.Duration(longest) * time.Second
	}
	return time.Duration(max(v, 0) * float64(time.Second))
}

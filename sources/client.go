// Package sources is where answers come from. Its Client asks the Enrow API, its
// Replay reads answers that were saved; the package fakeapi below it is a
// stand-in for the API.
//
// What a Client decides is what an answer means for the run. An error that every
// other batch would meet too (the key, the credits, a redirect, nobody there) is
// fatal. That the API does not know a batch is believed in its own words alone, and
// the rest is tried again: with full jitter, so that many waiting batches do not come
// back all at once, and never sooner than the API demands. When it has too many
// requests, it gets none at all for a while, from no goroutine; when it wants to be
// left alone for longer than a run should wait, that is the end of the run, and so is
// a machine that is short of what every request takes. When the last tries of all
// batches of a kind were no answers of the API, that is the end of this kind: see reach.
//
// A body that breaks off counts as a broken connection even when the connection looked
// fine, and one without "general" as the page of something on the way. That is all that
// a Client knows of a body: what it says is the pipeline's business.
//
// The API key goes to the configured host and nowhere else. Redirects are not
// followed, and the key is cut out of whatever servers and libraries say before
// that becomes part of an error or a log line.
//
// Its children are webhook, which takes Enrow's notices of finished batches, and fakeapi,
// which is the API in small.
package sources

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"enrow-export/pipeline"
	"enrow-export/sinks/network"
)

// Defaults of Config.
const (
	DefaultBaseURL        = "https://api.enrow.io"
	DefaultRequestTimeout = 60 * time.Second
)

const (
	defaultBackoffBase = 500 * time.Millisecond
	defaultBackoffMax  = 30 * time.Second

	// connectTimeout bounds each of connecting and the TLS handshake, so that
	// a host that is not there is told from one that is slow to answer.
	connectTimeout = 10 * time.Second
	idleTimeout    = 90 * time.Second
	// readBuffer is what one read from the network may bring, in bytes: as
	// much as a stretch of a compressed answer is worth the call.
	readBuffer = 64 << 10
)

// Config says how to reach the API. Key must be set; for the rest but Retries
// the zero value is a default.
type Config struct {
	// BaseURL is where the endpoints are; a path in it is a prefix of theirs.
	// It must be https unless the host is loopback, and have neither user
	// info nor query nor fragment.
	BaseURL string
	// Key is the API key, without white space around it.
	Key string
	// KeyFrom says where the key was read from, such as the name of a file. It is
	// shown when the API does not accept the key. May be empty.
	KeyFrom string
	// Retries is how many tries follow a first one that failed.
	Retries int
	// Rate is how many requests a second are sent at most, by all goroutines
	// together and retries included; 0 for no limit.
	Rate float64
	// RequestTimeout bounds one try, the body included.
	RequestTimeout time.Duration
	// MaxBody is the longest body in bytes, after decompression.
	MaxBody   int64
	UserAgent string
	// Log is told of every retry. Nil discards that.
	Log *slog.Logger
	// OnRequest, unless it is nil, is told of every request for a batch: the status of the
	// response, 0 without one, and the time until the response was read. It may be called
	// from many goroutines at once.
	OnRequest func(status int, elapsed time.Duration)
	// Before retry n, from 0, a Client waits a random time between 0 and
	// BackoffBase times 2 to the n, or BackoffMax if that is less. So does all
	// of it when the API has too many requests (429, 503) for the nth time in
	// a row.
	BackoffBase, BackoffMax time.Duration
	// Throttle, unless it is nil, holds back this Client and all others that have it, together.
	Throttle *Throttle
	// Stop, when it is closed, ends every Fetch that has no request under way,
	// with pipeline.ErrStopped: it is that of the pipeline's Config. May be nil.
	Stop <-chan struct{}
}

// Client asks the API for answers. It may be used by many goroutines at once.
type Client struct {
	base           *url.URL
	key            string
	userAgent      string
	retries        int
	requestTimeout time.Duration
	maxBody        int64
	backoffBase    time.Duration
	backoffMax     time.Duration
	log            *slog.Logger
	keyFrom        string
	keyHint        string
	quote          quoter
	transport      http.RoundTripper
	throttle       *Throttle
	onRequest      func(status int, elapsed time.Duration)
	// requests and repeated count what was sent.
	requests, repeated atomic.Int64
	answers            answers
	reach              reach
}

var _ pipeline.Source = (*Client)(nil)

// NewClient returns a Client, which the caller closes. Nothing is asked yet. The
// error says which setting is wrong, without showing the key or the URL.
func NewClient(cfg Config) (*Client, error) {
	if cfg.Retries < 0 || cfg.RequestTimeout < 0 || cfg.MaxBody < 0 || cfg.BackoffBase < 0 || cfg.BackoffMax < 0 {
		return nil, errors.New("number of retries, timeout, longest body or backoff is negative")
	}
	if cfg.Rate < 0 || math.IsNaN(cfg.Rate) || math.IsInf(cfg.Rate, 0) {
		return nil, errors.New("rate of requests is negative or not finite")
	}
	if err := checkKey(cfg.Key); err != nil {
		return nil, fmt.Errorf("API key %w", err)
	}
	base, err := parseBaseURL(orDefault(cfg.BaseURL, DefaultBaseURL))
	if err != nil {
		return nil, fmt.Errorf("API URL %w", err)
	}
	cfg.Log = cmp.Or(cfg.Log, pipeline.NoLog)
	cfg.BackoffBase = orDefault(cfg.BackoffBase, defaultBackoffBase)
	cfg.BackoffMax = orDefault(cfg.BackoffMax, defaultBackoffMax)
	return &Client{
		base:           base,
		key:            cfg.Key,
		keyFrom:        cfg.KeyFrom,
		userAgent:      orDefault(cfg.UserAgent, "enrow-export"),
		retries:        cfg.Retries,
		requestTimeout: orDefault(cfg.RequestTimeout, DefaultRequestTimeout),
		maxBody:        orDefault(cfg.MaxBody, pipeline.DefaultMaxBody),
		backoffBase:    cfg.BackoffBase,
		backoffMax:     cfg.BackoffMax,
		throttle:       cmp.Or(cfg.Throttle, NewThrottle(cfg)),
		log:            cfg.Log,
		onRequest:      cfg.OnRequest,
		keyHint:        keyHint(cfg.Key, cfg.KeyFrom),
		quote:          newQuoter(cfg.Key),
		transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			OnProxyConnectResponse: network.OnProxyConnectResponse,
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			ForceAttemptHTTP2:      true,
			// However many batches are fetched at a time, each finds the
			// connection of an earlier one.
			MaxIdleConnsPerHost: math.MaxInt,
			IdleConnTimeout:     idleTimeout,
			ReadBufferSize:      readBuffer,
			DisableCompression:  true, // see appendBody
		},
	}, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() {
	if t, ok := c.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// Requests returns how many requests for batches have ended so far, by the status of the
// response, 0 being that of no response.
func (c *Client) Requests() map[int]int64 { return c.answers.counts() }

// Retries returns how many of the requests so far followed one for the same
// batch, in the same Fetch, that had failed.
func (c *Client) Retries() int64 { return c.repeated.Load() }

// orDefault returns value, or def when that is the zero value.
func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}

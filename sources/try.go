package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks/network"
)

// maxErrorBody is how much of an error's body is read, in bytes.
const maxErrorBody = 64 << 10

// failure is why one try gave no answer. Its text is fit for errors and logs.
type failure struct {
	text  string
	class pipeline.Class // what it means if it stays
	hint  string
	// again says that another try may help.
	again bool
	// wait is how long the API asks to wait before that.
	wait time.Duration
	// tooMany says that the API has too many requests.
	tooMany bool
	// unanswered says that this was no answer of the API: there was none at all, or
	// one that was not whole, or that something on the way has given, or the API
	// itself when it was out of order.
	unanswered bool
	// unconnected says that no connection came about, or none that was kept
	// until an answer.
	unconnected bool
	// connected says that there was a connection.
	connected bool
	// ofBatch says that this was answered to a request for the batch.
	ofBatch bool
	// ofKey says that the API did not accept the key.
	ofKey bool
}

func (f *failure) Error() string { return f.text }

// try sends one request and returns the body of its answer, in buf if there is
// room for it.
func (c *Client) try(ctx context.Context, table *schema.Table, batchID string, buf []byte) ([]byte, *failure) {
	ctx, cancel := context.WithTimeout(ctx, c.requestTimeout)
	defer cancel()
	status, start := 0, time.Now()
	defer func() { c.count(status, time.Since(start)) }()
	resp, failed := c.send(ctx, table.Endpoint, url.Values{"id": {batchID}})
	if failed != nil {
		return nil, failed
	}
	defer resp.Body.Close()
	status = resp.StatusCode
	c.reach.heard()
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusAccepted {
		return c.readBody(ctx, resp, buf)
	}
	return nil, c.refusal(resp)
}

// send sends one request, whose time ctx limits, and returns the response. The caller
// closes its body.
func (c *Client) send(ctx context.Context, endpoint string, query url.Values) (*http.Response, *failure) {
	// A transport that loses a connection which it had used before looks for
	// another one: what counts is whether it had the last.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	target := c.base.JoinPath(endpoint)
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, &failure{text: "request cannot be made: " + c.quote.fault(err.Error())}
	}
	req.Header.Set("x-api-key", c.key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", c.userAgent)

	c.requests.Add(1)
	// A transport makes one request. An http.Client would make another where
	// an answer redirects it, and send the key along to any host.
	resp, err := c.transport.RoundTrip(req)
	if err == nil {
		return resp, nil
	}
	if hint, short := pipeline.Shortage(err); short {
		return nil, &failure{text: fmt.Sprintf("no request was sent to %s: %s", c.base.Host, c.quote.fault(err.Error())), class: pipeline.Fatal, hint: hint}
	}
	if lasting := network.Lasting(err); lasting != nil {
		return nil, &failure{
			text:  fmt.Sprintf("no connection to %s: %s", c.base.Host, c.quote.fault(lasting.Text)),
			class: pipeline.Fatal, hint: lasting.Hint,
		}
	}
	timedOut := errors.Is(ctx.Err(), context.DeadlineExceeded)
	f := &failure{
		text:  fmt.Sprintf("no response from %s: %s", c.base.Host, c.quote.fault(err.Error())),
		again: true, unanswered: true, unconnected: !timedOut || !connected.Load(), connected: connected.Load(),
	}
	if timedOut {
		f.text = fmt.Sprintf("no response from %s within %s", c.base.Host, c.requestTimeout)
	}
	return nil, f
}

// readBody returns the body of an answer, if it is whole.
func (c *Client) readBody(ctx context.Context, resp *http.Response, buf []byte) ([]byte, *failure) {
	tooLong := &failure{
		text: fmt.Sprintf("response is longer than %d bytes", c.maxBody), hint: "raise --max-body",
	}
	if resp.ContentLength > c.maxBody && resp.Header.Get("Content-Encoding") == "" {
		return nil, tooLong
	}
	body, err := appendBody(buf[:0], resp, c.maxBody)
	switch {
	case int64(len(body)) > c.maxBody:
		return nil, tooLong
	case err == nil && !pipeline.Complete(body):
		return nil, unanswered("response breaks off after %d bytes", len(body))
	case err == nil && !aboutBatch(body):
		return nil, unanswered("response is not from the API: status %d, but no JSON object with general", resp.StatusCode)
	case err == nil:
		return body, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, unanswered("response is not complete after %s", c.requestTimeout)
	}
	return nil, unanswered("response breaks off after %d bytes: %s", len(body), c.quote.fault(err.Error()))
}

// unanswered returns the failure of a try that brought something, but no answer of
// the API.
func unanswered(format string, args ...any) *failure {
	return &failure{text: fmt.Sprintf(format, args...), again: true, unanswered: true}
}

// aboutBatch reports whether a body may be an answer about a batch, which all have
// an object of that name. The page that a proxy shows in the place of the API may
// come with the status 200.
func aboutBatch(body []byte) bool {
	text := bytes.TrimLeft(body, " \t\r\n")
	return bytes.HasPrefix(text, []byte("{")) && bytes.Contains(text, []byte(`"general"`))
}

// unknownBatch matches what the API says of a batch that it does not know, or cannot
// read: "Could not retrieve bulk search results", "Bulk search not found". Gateways
// have JSON of the same form: only the words tell whose it is.
var unknownBatch = regexp.MustCompile(`(?i)^(could not retrieve bulk [a-z -]+|bulk [a-z -]+ not found)\.?$`)

// refusal returns what an answer that has no results means. It reads the body,
// so that the connection can be used again.
func (c *Client) refusal(resp *http.Response) *failure {
	// The server's own status text may say anything.
	statusText := http.StatusText(resp.StatusCode)
	f := &failure{text: strings.TrimSpace(fmt.Sprintf("API returned %d %s", resp.StatusCode, statusText)), ofBatch: true}
	if resp.StatusCode/100 == 3 {
		f.class, f.hint = pipeline.Fatal, "check --api-url: redirects are not followed, the API key would go along"
		f.text += ", a redirect"
		// Of a target with the key in it, the host may be a part of the key.
		to, err := resp.Location()
		if err == nil && to.Host != "" && !c.quote.hasKey(resp.Header.Get("Location")) {
			f.text += " to " + c.quote.text(to.Scheme+"://"+to.Host)
		}
		return f
	}
	body, _ := appendBody(nil, resp, maxErrorBody) // what is missing says nothing
	if said := c.quote.errorBody(body); said != "" && said != statusText {
		f.text += ": " + said
	}
	said := message(body)
	orProxy := ""
	if said == "" {
		orProxy = "; or the response is from a proxy: it is not Enrow's JSON"
	}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		f.class, f.hint = pipeline.Fatal, c.keyHint+orProxy
		if code == http.StatusForbidden {
			break // it may be of this batch only
		}
		f.ofKey = true
		what := "the API key"
		if said == "" {
			what = "a request with the API key"
		}
		if c.keyFrom != "" {
			what += " from " + c.quote.text(c.keyFrom)
		}
		f.text = what + " was refused: " + f.text
	case code == http.StatusProxyAuthRequired:
		f.class, f.hint = pipeline.Fatal, network.ProxyUserHint
	case code == http.StatusPaymentRequired || code == http.StatusUnprocessableEntity:
		f.class, f.hint = pipeline.Fatal, "check the credits and the subscription of your Enrow account"+orProxy
	case (code == http.StatusBadRequest || code == http.StatusNotFound) && unknownBatch.MatchString(said):
		f.class = pipeline.Refused
	case code >= 400 && code < 500 && said != "" && !temporary(code):
		// It may be of this batch alone, and another try would meet it again.
		f.unanswered, f.hint = true, "this is no response about the batch: check --api-url, and any proxy on the way"
	default:
		f.again, f.unanswered, f.wait = true, true, demandedWait(resp.Header, body)
		f.tooMany = code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable
	}
	return f
}

// temporary reports whether a status from 400 to 499 says that another try may help.
func temporary(code int) bool {
	return code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests
}

// Package ping tells a monitor of cron jobs when a run begins and how it ends, in the
// protocol of healthchecks.io. The monitor raises the alarm when a run does not come at all,
// of which no run can tell.
//
// A ping is a courtesy: it holds up no run and changes no exit code. Begin sends beside the
// run. End waits for a short time that is bounded.
//
// The URL is a secret: anybody who has it can report that all is well. No error shows more of it
// than the host.
package ping

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"enrow-export/sinks/network"
)

const (
	defaultTimeout = 5 * time.Second
	tries          = 2
	// A tenth of the timeout lies between two tries.
	pauseShare = 10
	// maxText bounds the text of a ping and maxReply the part of a reply that is read, in bytes.
	maxText, maxReply = 10 << 10, 1 << 10
	// leastSecret is the length from which on a part of the URL may be the secret.
	leastSecret = 6
)

// Config says where to ping.
type Config struct {
	// URL is that of a check: https or http, without a fragment.
	URL       string
	UserAgent string
	// Timeout bounds one try. 0 is 5 s.
	Timeout time.Duration
	// OnFailure, unless it is nil, is told of a ping that failed, perhaps while the run goes on.
	OnFailure func(error)
}

// CheckURL returns the fault of the URL of a check. The error does not show the URL.
func CheckURL(text string) error {
	_, err := parse(text)
	return err
}

func parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Opaque != "":
		return nil, errors.New("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("does not begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("names no host")
	case !network.ValidPort(u):
		return nil, errors.New("has an invalid port")
	case u.Fragment != "":
		return nil, errors.New("has a fragment, which no server gets")
	}
	return u, nil
}

// Run is a run that a monitor is told of. The caller calls End.
type Run struct {
	cfg    Config
	url    *url.URL
	client *http.Client
	cancel context.CancelFunc
	begun  chan struct{} // closed when the first ping was received or has failed
}

// Begin tells of a run that begins, and does not wait for the reply.
func Begin(ctx context.Context, cfg Config) (*Run, error) {
	u, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	query.Set("rid", uuid.NewString())
	u.RawQuery = query.Encode()
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &Run{cfg: cfg, url: u, cancel: cancel, begun: make(chan struct{})}
	r.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			OnProxyConnectResponse: network.OnProxyConnectResponse,
			DisableKeepAlives:      true, // the next ping is far away
			MaxResponseHeaderBytes: 64 << 10,
		},
		// A redirect would hand the URL on.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	go func() {
		defer close(r.begun)
		r.ping(ctx, "start", "")
	}()
	return r, nil
}

// End tells how the run has ended, in a line of text without personal data. Exit code 0 is a
// success. 75 is told without a verdict: the next run goes on. Any other one is a failure.
//
// End waits for the first ping as long as one try may take, and then gives it up. It sends
// even if ctx is done: that a run was stopped has to be told, too.
func (r *Run) End(ctx context.Context, exitCode int, text string) {
	defer r.cancel()
	patience := time.AfterFunc(r.cfg.Timeout, r.cancel)
	defer patience.Stop()
	<-r.begun
	what := "fail"
	switch exitCode {
	case 0:
		what = ""
	case 75:
		what = "log"
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	r.ping(context.WithoutCancel(ctx), what, text)
}

// ping tells one thing, and tries again once unless that is of no use.
func (r *Run) ping(ctx context.Context, what, text string) {
	again, err := r.try(ctx, what, text)
	for n := 1; n < tries && again; n++ {
		select {
		case <-time.After(r.cfg.Timeout / pauseShare):
			again, err = r.try(ctx, what, text)
		case <-ctx.Done():
			again = false
		}
	}
	if err == nil || r.cfg.OnFailure == nil {
		return
	}
	name := "success"
	if what != "" {
		name = "/" + what
	}
	r.cfg.OnFailure(fmt.Errorf("ping %s://%s with %s: %w", r.url.Scheme, r.url.Host, name, err))
}

// try sends one request, and says whether another one may do better.
func (r *Run) try(ctx context.Context, what, text string) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	to := r.url
	if what != "" {
		to = to.JoinPath(what)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader([]byte(text)))
	if err != nil {
		return false, errors.New("not a URL")
	}
	req.Header.Set("User-Agent", r.cfg.UserAgent)
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := r.client.Do(req)
	if err != nil {
		return true, r.secretless(ctx, err)
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	status := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	switch {
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests:
		return true, fmt.Errorf("the monitor returned %s", status)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return false, fmt.Errorf("the monitor returned %s, a redirect, which is not followed", status)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return false, fmt.Errorf("the monitor returned %s", status)
	case err != nil:
		return true, r.secretless(ctx, err)
	case bytes.HasPrefix(reply, []byte("OK (not found)")): // so says healthchecks.io, with status 200
		return false, errors.New("the monitor knows no check with this URL")
	case bytes.HasPrefix(reply, []byte("OK (rate limited)")):
		return false, errors.New("the monitor ignores the ping: there were too many")
	}
	return false, nil
}

// secretless returns why a request failed, without the URL that the library names.
func (r *Run) secretless(ctx context.Context, err error) error {
	if fault := network.Lasting(err); fault != nil {
		return fault
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("no reply within %v", r.cfg.Timeout)
	case ctx.Err() != nil:
		return errors.New("no reply before the run ended")
	}
	var of *url.Error
	for errors.As(err, &of) {
		err = of.Err
	}
	// A server that is no monitor may say what it was asked for.
	for _, part := range strings.FieldsFunc(r.url.EscapedPath()+"&"+r.url.RawQuery+"&"+r.url.User.String(), func(c rune) bool { return strings.ContainsRune("/&=:", c) }) {
		if len(part) >= leastSecret && strings.Contains(err.Error(), part) {
			return errors.New("the reply is not HTTP")
		}
	}
	return err
}

package fakeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// announceTimeout is how long the receiver of a notice may take. The vendor's time is not
// known.
const announceTimeout = 15 * time.Second

// notice is what the vendor says of a finished batch. Which credits it means is not
// documented; here they are those of the answer's stats.
type notice struct {
	Event   string `json:"event"`
	ID      string `json:"id"`
	Credits struct {
		Cost json.RawMessage `json:"cost,omitempty"`
	} `json:"credits"`
}

// newAnnouncer returns a client that keeps no connection, and does not send a notice on to
// where a redirect points.
func newAnnouncer() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// SetWebhook changes Options.Webhook.
func (s *Server) SetWebhook(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Webhook = url
}

// Announce tells the webhook once that a batch is finished, whether it is or not: the
// vendor documents no retries. A status other than 200 is an error. Errors have nothing of
// the URL, as its path is a secret.
func (s *Server) Announce(ctx context.Context, id string) error {
	s.mu.Lock()
	b, webhook := s.batches[id], s.opts.Webhook
	s.mu.Unlock()
	switch {
	case b == nil:
		return errors.New("no such batch")
	case b.Table.Event == "":
		return errors.New("batches of this kind have no event")
	case webhook == "":
		return errors.New("there is no webhook")
	}
	said := notice{Event: b.Table.Event, ID: id}
	var answer struct {
		Stats struct {
			Cost json.RawMessage `json:"credits_cost"`
		}
	}
	if json.Unmarshal(b.Body, &answer) == nil {
		said.Credits.Cost = answer.Stats.Cost
	}
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook, bytes.NewReader(jsonAnswer(0, said).body))
	if err != nil {
		return errors.New("the URL of the webhook is not valid")
	}
	r.Header.Set("Content-Type", jsonType)
	resp, err := s.client.Do(r)
	if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
		return withURL.Err
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the webhook answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

// announceSoon announces a batch in the background, unless there is no webhook. The caller
// holds the lock.
func (s *Server) announceSoon(id string) {
	if s.opts.Webhook == "" || s.open.Err() != nil {
		return
	}
	s.tasks.Go(func() {
		err := s.Announce(s.open, id)
		if s.opts.Announced != nil {
			s.opts.Announced(id, err)
		}
	})
}

package sources

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"enrow-export/pipeline"
)

// accountEndpoint tells of the account of a key, and costs nothing.
const accountEndpoint = "/account/info"

// Account asks for the account of the key, once. The error is a *pipeline.Error; the Date
// of the response is returned beside it, if there was a response.
func (c *Client) Account(ctx context.Context) (pipeline.Account, error) {
	limited, cancel := context.WithTimeout(ctx, c.requestTimeout)
	defer cancel()
	a := pipeline.Account{Webhooks: -1}
	resp, failed := c.send(limited, accountEndpoint, nil)
	if failed == nil {
		defer resp.Body.Close()
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			a.Date = date
		}
		failed = c.readAccount(limited, resp, &a)
	}
	switch {
	case failed == nil:
		return a, nil
	case ctx.Err() != nil:
		return a, context.Cause(ctx)
	}
	return a, &pipeline.Error{Class: pipeline.Fatal, Err: failed, Hint: accountHint(failed), OfKey: failed.ofKey}
}

// readAccount reads the account from a response.
func (c *Client) readAccount(ctx context.Context, resp *http.Response, a *pipeline.Account) *failure {
	if resp.StatusCode != http.StatusOK {
		return c.refusal(resp)
	}
	body, err := appendBody(nil, resp, maxErrorBody)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return unanswered("response is not complete after %s", c.requestTimeout)
	case err != nil:
		return unanswered("response breaks off after %d bytes: %s", len(body), c.quote.fault(err.Error()))
	}
	if err := parseAccount(body, a); err != nil {
		return unanswered("response is not from the API: status %d, but %v", resp.StatusCode, err)
	}
	return nil
}

// parseAccount reads the body of a response. Credits come in quarters, and are kept as they
// are written.
func parseAccount(body []byte, a *pipeline.Account) error {
	var said struct {
		Credits  json.Number     `json:"credits"`
		Webhooks json.RawMessage `json:"webhooks"`
	}
	if json.Unmarshal(body, &said) != nil || said.Credits == "" {
		return errors.New("no JSON object with credits")
	}
	a.Credits = said.Credits.String()
	var list []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(said.Webhooks), []byte("[")) && json.Unmarshal(said.Webhooks, &list) == nil {
		a.Webhooks = len(list)
	}
	return nil
}

// accountHint returns what to do when the account could not be asked for.
func accountHint(f *failure) string {
	switch {
	case f.unconnected:
		return "check --api-url and the network"
	case f.again:
		return "Enrow or a proxy on the way has trouble, or --api-url is not the API's: try again later"
	case f.unanswered:
		return "check --api-url, and any proxy on the way"
	}
	return f.hint
}

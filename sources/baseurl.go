package sources

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"enrow-export/sinks/network"
)

// parseBaseURL checks a base URL. What is wrong with it is said without quoting
// it: people paste URLs with secrets in them.
// CheckBaseURL returns why text cannot be the address of the API, such as "has no host",
// without a word of text: it may have a password in it.
func CheckBaseURL(text string) error {
	_, err := parseBaseURL(text)
	return err
}

func parseBaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a valid URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must begin with https://")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	case !network.ValidPort(u):
		return nil, errors.New("has no valid port")
	case u.User != nil:
		return nil, errors.New("must not have a user or password in it")
	case strings.ContainsAny(text, "?#"):
		return nil, errors.New("must not have a query or fragment")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, errors.New("must be https, unless the host is loopback: the API key would be sent in the clear")
	}
	return u, nil
}

// isLoopback reports whether the host is this machine, by what is written: a
// name other than localhost is not looked up, as the answer may change.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Package network is what the clients of all services share: the settings of the
// environment that they obey without being told, and the failures of a connection
// that no other try mends.
//
// The standard library ignores a setting that it cannot read. A proxy with a bad
// escape in its password is no proxy at all then, and what was to go through it goes
// out directly, the API key included. CheckEnvironment refuses such a setting before
// anything is sent.
package network

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// SettingError says that a variable of the environment cannot be obeyed. It does not
// show the value, which may hold a password.
type SettingError struct {
	Variable string // its name
	Fault    string // continues a sentence that begins with the name
	Hint     string // what to do, one line
}

func (e *SettingError) Error() string { return e.Variable + " " + e.Fault }

const proxyHint = "write http://host:port or http://user:password@host:port, with %XX for every character of the password that is not a letter or a digit"

// CheckEnvironment returns a *SettingError for the first setting that a client of
// target, a URL, would ignore or misread: the variables for proxies, and for https
// those for certificates.
func CheckEnvironment(target string) error {
	to, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("check environment: %w", err)
	}
	for _, upper := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"} {
		if lower := strings.ToLower(upper); os.Getenv(upper) != "" && os.Getenv(lower) != "" && os.Getenv(upper) != os.Getenv(lower) {
			return &SettingError{upper, "differs from " + lower + ": programs differ in which one they use", "unset one of them, or set both to the same value"}
		}
	}
	httpName, httpProxy := variable("HTTP_PROXY")
	httpsName, httpsProxy := variable("HTTPS_PROXY")
	allName, allProxy := variable("ALL_PROXY")
	noName, noProxy := variable("NO_PROXY")
	for _, v := range []struct{ name, value string }{{httpsName, httpsProxy}, {httpName, httpProxy}, {allName, allProxy}} {
		if fault := proxyFault(v.value); fault != "" {
			return &SettingError{v.name, fault, proxyHint}
		}
	}
	proxied := func(cfg httpproxy.Config) bool {
		cfg.NoProxy = noProxy
		proxy, err := cfg.ProxyFunc()(to)
		return proxy != nil && err == nil
	}
	read := proxied(httpproxy.Config{HTTPProxy: httpProxy, HTTPSProxy: httpsProxy})
	if !read && proxied(httpproxy.Config{HTTPProxy: allProxy, HTTPSProxy: allProxy}) {
		return &SettingError{
			allName, "is not supported: requests would bypass the proxy",
			"set " + strings.ToUpper(to.Scheme) + "_PROXY to the proxy, or NO_PROXY to " + to.Hostname() + " to use no proxy",
		}
	}
	if read && noProxyFault(noProxy, to.Hostname()) {
		return &SettingError{noName, "has an entry that no host matches", "write only host names, addresses, or networks such as 10.0.0.0/8, separated by commas"}
	}
	if to.Scheme == "https" {
		return checkCertificates()
	}
	return nil
}

// variable returns the name and the value of a variable for proxies, which may be in
// either case. If both are set they are alike.
func variable(upper string) (name, value string) {
	for _, name := range []string{strings.ToLower(upper), upper} {
		if value := os.Getenv(name); value != "" {
			return name, value
		}
	}
	return upper, ""
}

// proxyFault returns what is wrong with the URL of a proxy, as the library reads it.
func proxyFault(value string) string {
	if value == "" {
		return ""
	}
	proxy, err := (&httpproxy.Config{HTTPSProxy: value}).ProxyFunc()(&url.URL{Scheme: "https", Host: "example.com"})
	switch {
	case err != nil || proxy == nil:
		return "is not the URL of a proxy: it would be ignored"
	case proxy.Hostname() == "" || strings.HasSuffix(proxy.Host, ":"):
		return "is not the URL of a proxy: it has no host"
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, proxy.Scheme):
		return "is a proxy of an unsupported kind: use http, https, socks5 or socks5h"
	case !ValidPort(proxy):
		return "is not the URL of a proxy: its port is not valid"
	case strings.Trim(proxy.Path, "/") != "" || proxy.RawQuery != "" || proxy.Fragment != "":
		return "is not the URL of a proxy: something follows the host and port"
	}
	return ""
}

// ValidPort reports whether a URL has no port, or one that can be connected to.
func ValidPort(u *url.URL) bool {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && port > 0
}

// noProxyFault reports whether a list of hosts without a proxy has an entry that the
// library can match with no host, though it may be meant for this one: for an address
// any such entry, for a name one that has the name or is no entry but a list.
func noProxyFault(list, host string) bool {
	_, err := netip.ParseAddr(host)
	isAddress := err == nil
	host = strings.ToLower(host)
	for entry := range strings.SplitSeq(strings.ToLower(list), ",") {
		entry = strings.TrimSpace(entry)
		isList := strings.ContainsAny(entry, " \t\r\n;|") || strings.Contains(entry, "://")
		if entry != "" && !matchable(entry) && (isAddress || isList || strings.Contains(entry, host)) {
			return true
		}
	}
	return false
}

// matchable reports whether the library finds a host by an entry.
func matchable(entry string) bool {
	if _, _, err := net.ParseCIDR(entry); err == nil || entry == "*" {
		return true
	}
	host, port, err := net.SplitHostPort(entry)
	if err != nil {
		host, port = entry, "1"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return false
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil {
		return true
	}
	host = strings.TrimPrefix(host, "*")
	return strings.Trim(host, ".0123456789") != "" && !strings.ContainsAny(host, "*/\\ \t\r\n;|:?#@[]<>")
}

// Proxy returns the host and port of the proxy that clients of target, a URL, go through,
// empty for none. It never returns a user or password.
func Proxy(target string) (string, error) {
	to, err := url.Parse(target)
	if err != nil {
		return "", fmt.Errorf("find proxy: %w", err)
	}
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(to)
	if err == nil && proxy != nil { // CheckEnvironment tells of a setting that is not valid
		return proxy.Host, nil
	}
	return "", nil
}

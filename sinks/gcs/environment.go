package gcs

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"enrow-export/sinks/network"
)

// serviceURL is where Cloud Storage is, for the settings that depend on that.
const serviceURL = "https://storage.googleapis.com"

// ServiceURL returns where requests go: to Cloud Storage, or to an emulator.
func ServiceURL() string {
	if host := os.Getenv(emulatorEnv); host != "" {
		if target, err := emulatorURL(host); err == nil {
			return target
		}
	}
	return serviceURL
}

// emulatorURL returns the URL of an emulator as the client library reads it. Of a URL
// it would drop the path, and of anything else make a host.
func emulatorURL(host string) (string, error) {
	text := host
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !network.ValidPort(u) ||
		u.User != nil || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(text, "?#") {
		return "", &network.SettingError{
			Variable: emulatorEnv, Fault: "is not the address of an emulator",
			Hint: "write host:port or http://host:port, or unset it to use Cloud Storage",
		}
	}
	return text, nil
}

// keepProxyRefusals has the library's connections tell why a proxy refuses them. Those
// for tokens and those for objects are copies of the standard transport, and there is
// no other way to set both.
var keepProxyRefusals = sync.OnceFunc(func() {
	if t, ok := http.DefaultTransport.(*http.Transport); ok && t.OnProxyConnectResponse == nil {
		t.OnProxyConnectResponse = network.OnProxyConnectResponse
	}
})

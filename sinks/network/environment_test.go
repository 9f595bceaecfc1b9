package network

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// variables are all that CheckEnvironment reads.
var variables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
	certFile, certDir,
}

// setEnvironment sets those variables, NAME=value each, and no others.
func setEnvironment(t *testing.T, settings ...string) {
	t.Helper()
	for _, name := range variables {
		t.Setenv(name, "")
	}
	for _, setting := range settings {
		if name, value, ok := strings.Cut(setting, "="); ok {
			t.Setenv(name, value)
		}
	}
}

func TestCheckEnvironment(t *testing.T) {
	const api, local, byAddress = "https://api.enrow.io", "http://127.0.0.1:8787", "https://10.1.2.3/v1"
	const ignored, noHost, other, more, port = "would be ignored", "it has no host", "unsupported kind", "something follows", "its port is not valid"
	for _, c := range []struct {
		target   string
		settings string // separated by |
		variable string // that is at fault, none if empty
		fault    string
	}{
		{api, "", "", ""},
		{api, "HTTPS_PROXY=http://proxy:3128", "", ""},
		{api, "HTTPS_PROXY=http://proxy:3128/", "", ""},
		{api, "HTTPS_PROXY=proxy", "", ""},
		{api, "HTTPS_PROXY=proxy:3128", "", ""},
		{api, "HTTPS_PROXY=user:secret@proxy:3128", "", ""},
		{api, "https_proxy=https://user:secret%23x@proxy:3128", "", ""},
		{api, "HTTPS_PROXY=socks5://proxy", "", ""},
		{api, "HTTPS_PROXY=socks5h://[::1]:1080", "", ""},
		{api, "HTTPS_PROXY=http://user:secret%ss@proxy:3128", "HTTPS_PROXY", ignored},
		{api, "https_proxy=http://user:secret%ss@proxy:3128", "https_proxy", ignored},
		{api, "https_proxy=http://proxy:3128|HTTPS_PROXY=http://user:secret%ss@proxy:3128", "HTTPS_PROXY", "differs from https_proxy"},
		{api, "https_proxy=http://user:secret%ss@proxy:3128|HTTPS_PROXY=http://proxy:3128", "HTTPS_PROXY", "differs from https_proxy"},
		{api, "no_proxy=secret|NO_PROXY=enrow.io", "NO_PROXY", "differs from no_proxy"},
		{api, "https_proxy=http://proxy:3128|HTTPS_PROXY=http://proxy:3128", "", ""},
		{api, "HTTP_PROXY=http://user:secret%ss@proxy:3128", "HTTP_PROXY", ignored},
		{api, "http_proxy=http://user:secret%ss@proxy:3128", "http_proxy", ignored},
		{api, "ALL_PROXY=http://user:secret%ss@proxy:3128", "ALL_PROXY", ignored},
		{local, "HTTPS_PROXY=http://user:secret%ss@proxy:3128", "HTTPS_PROXY", ignored},
		{api, "HTTPS_PROXY= http://secret@proxy:3128", "HTTPS_PROXY", ignored},
		{api, "HTTPS_PROXY=http://secret@proxy:3128 ", "HTTPS_PROXY", noHost},
		{api, "HTTPS_PROXY=http://secret@proxy:3128\n", "HTTPS_PROXY", ignored},
		{api, "HTTPS_PROXY= ", "HTTPS_PROXY", noHost},
		{api, "HTTPS_PROXY=http://", "HTTPS_PROXY", noHost},
		{api, "HTTPS_PROXY=http:/proxy:3128", "HTTPS_PROXY", noHost},
		{api, "HTTPS_PROXY=http://user:pass#secret@proxy:3128", "HTTPS_PROXY", noHost},
		{api, "HTTPS_PROXY=http://user:1/secret@proxy:3128", "HTTPS_PROXY", more},
		{api, "HTTPS_PROXY=http://user:1#secret@proxy:3128", "HTTPS_PROXY", more},
		{api, "HTTPS_PROXY=http://user:1?secret@proxy:3128", "HTTPS_PROXY", more},
		{api, "HTTPS_PROXY=ftp://proxy:3128", "HTTPS_PROXY", other},
		{api, "HTTPS_PROXY=socks4://proxy:3128", "HTTPS_PROXY", other},
		{api, "HTTPS_PROXY=http://proxy:99999", "HTTPS_PROXY", port},
		{api, "HTTPS_PROXY=http://proxy:0", "HTTPS_PROXY", port},

		{api, "ALL_PROXY=socks5://proxy", "ALL_PROXY", "is not supported"},
		{api, "all_proxy=socks5://proxy", "all_proxy", "is not supported"},
		{api, "ALL_PROXY=socks5://proxy|HTTPS_PROXY=http://proxy", "", ""},
		{api, "ALL_PROXY=socks5://proxy|HTTP_PROXY=http://proxy", "ALL_PROXY", "is not supported"},
		{api, "ALL_PROXY=socks5://proxy|NO_PROXY=enrow.io", "", ""},
		{local, "ALL_PROXY=socks5://proxy", "", ""},

		{api, "HTTPS_PROXY=proxy|NO_PROXY=localhost, 127.0.0.1,.internal,*.local,10.0.0.0/8,[::1]:80,host:443", "", ""},
		{api, "HTTPS_PROXY=proxy|NO_PROXY=169.254/16,10.*,<local>,10.0.0.0/33", "", ""}, // not about a name
		{api, "HTTPS_PROXY=proxy|NO_PROXY=localhost api.enrow.io", "NO_PROXY", "no host matches"},
		{api, "HTTPS_PROXY=proxy|no_proxy=localhost;api.enrow.io", "no_proxy", "no host matches"},
		{api, "HTTPS_PROXY=proxy|NO_PROXY=https://secret", "NO_PROXY", "no host matches"},
		{api, "HTTPS_PROXY=proxy|NO_PROXY=api.enrow.io/", "NO_PROXY", "no host matches"},
		{api, "HTTPS_PROXY=proxy|NO_PROXY=API.enrow.io:https", "NO_PROXY", "no host matches"},
		{api, "HTTPS_PROXY=proxy|NO_PROXY=api.enrow.io,a b", "", ""}, // the host is excepted
		{api, "NO_PROXY=a b", "", ""}, // there is no proxy
		{byAddress, "HTTPS_PROXY=proxy|NO_PROXY=10.*", "NO_PROXY", "no host matches"},
		{byAddress, "HTTPS_PROXY=proxy|NO_PROXY=10.", "NO_PROXY", "no host matches"},
		{byAddress, "HTTPS_PROXY=proxy|NO_PROXY=10.0.0.0/33", "NO_PROXY", "no host matches"},
		{byAddress, "HTTPS_PROXY=proxy|NO_PROXY=10.1.2.3,10.*", "", ""},
	} {
		t.Run(c.target+" "+c.settings, func(t *testing.T) {
			setEnvironment(t, strings.Split(c.settings, "|")...)
			err := CheckEnvironment(c.target)
			var setting *SettingError
			switch {
			case c.variable == "" && err != nil:
				t.Errorf("error %v", err)
			case c.variable == "":
			case !errors.As(err, &setting) || setting.Variable != c.variable || !strings.Contains(setting.Fault, c.fault) || setting.Hint == "":
				t.Errorf("error %v, want of %s that it %s", err, c.variable, c.fault)
			case strings.Contains(setting.Error()+setting.Hint, "secret"):
				t.Errorf("the value is shown: %v", err)
			}
		})
	}
}

func TestCheckCertificates(t *testing.T) {
	if runtime.GOOS == "darwin" {
		return // the system has its own verifier
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	key := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	broken := write("broken.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	for _, c := range []struct {
		target, settings string
		variable         string // that is at fault
	}{
		{"https://api.enrow.io", certFile + "=" + good, ""},
		{"https://api.enrow.io", certFile + "=" + filepath.Join(dir, "missing"), certFile},
		{"https://api.enrow.io", certFile + "=" + key, certFile},
		{"https://api.enrow.io", certFile + "=" + broken, certFile},
		{"https://api.enrow.io", certFile + "=" + dir, certFile},
		{"https://api.enrow.io", certFile + "=/dev/zero", certFile},
		{"https://api.enrow.io", certDir + "=" + dir + ":" + dir + "/missing", ""},
		{"https://api.enrow.io", certDir + "=" + dir + "/missing:" + good, certDir},
		{"http://127.0.0.1:8787", certFile + "=" + filepath.Join(dir, "missing"), ""},
	} {
		setEnvironment(t, c.settings)
		err := CheckEnvironment(c.target)
		var setting *SettingError
		if errors.As(err, &setting) != (c.variable != "") || setting != nil && setting.Variable != c.variable {
			t.Errorf("%s %s: error %v, want one of %q", c.target, c.settings, err, c.variable)
		}
	}
}

func TestProxy(t *testing.T) {
	for _, c := range []struct{ target, settings, want string }{
		{"https://api.enrow.io", "", ""},
		{"https://api.enrow.io", "HTTPS_PROXY=http://user:secret@proxy:3128", "proxy:3128"},
		{"https://api.enrow.io", "HTTPS_PROXY=proxy:3128|NO_PROXY=enrow.io", ""},
		{"http://127.0.0.1:8787", "HTTP_PROXY=http://proxy:3128", ""},
		{"https://api.enrow.io", "HTTPS_PROXY=http://user:100%@proxy", ""},
	} {
		t.Run(c.settings, func(t *testing.T) {
			setEnvironment(t, strings.Split(c.settings, "|")...)
			if got, err := Proxy(c.target); err != nil || got != c.want {
				t.Errorf("%q, error %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	if runtime.GOOS == "darwin" {
		return // the system's own, always
	}
	setEnvironment(t, certDir+"=/etc/certs", certFile+"=/etc/ca.pem")
	if got := strings.Join(Certificates(), " "); got != "SSL_CERT_FILE SSL_CERT_DIR" {
		t.Errorf("%q", got)
	}
	setEnvironment(t)
	if got := Certificates(); got != nil {
		t.Errorf("%q", got)
	}
}

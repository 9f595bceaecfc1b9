package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/export"
	"enrow-export/sources"
	"enrow-export/sources/webhook"
)

// hookSecretVariable has the secret of the webhooks' address.
const hookSecretVariable = variablePrefix + "HOOK_SECRET"

// settings are the values that serve reads again on SIGHUP.
type settings struct {
	client      sources.Config // with the key; its clients share a Throttle
	secrets     []webhook.Secret
	certificate *tls.Certificate // nil without TLS
}

// readSettings reads them from the files and variables that the flags name.
func readSettings(c *cli.Context, cfg export.Config) (s *settings, err error) {
	s = new(settings)
	if s.client, err = clientConfig(c, cfg); err != nil {
		return nil, err
	}
	client, err := openClient(s.client)
	if err != nil {
		return nil, err
	}
	client.Close()
	s.client.Throttle = sources.NewThrottle(s.client)
	if s.secrets, err = hookSecrets(c); err != nil {
		return nil, err
	}
	s.certificate, err = certificate(c)
	if s.certificate != nil && time.Now().After(s.certificate.Leaf.NotAfter) {
		cfg.Log.Warn("the certificate of --tls-cert has expired: Enrow will not accept it", "at", s.certificate.Leaf.NotAfter)
	}
	return s, err
}

// reloadLimit bounds how long the settings are read: a file may be a pipe to which nobody
// writes, or on a file system that does not respond.
const reloadLimit = 30 * time.Second

// reloadWhenAsked reloads for each value that comes, until ctx is done.
func (s *server) reloadWhenAsked(ctx context.Context, asked <-chan struct{}) {
	for {
		select {
		case <-asked:
			s.reload(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// reload reads the settings again. Those that cannot be used change nothing.
func (s *server) reload(ctx context.Context) {
	s.supervisor.Reloading()
	defer s.supervisor.Ready()
	limited := cli.NewContext(s.c.App, nil, s.c)
	var cancel context.CancelFunc
	limited.Context, cancel = context.WithTimeoutCause(ctx, reloadLimit, fmt.Errorf("a file cannot be read within %s", reloadLimit))
	defer cancel()
	again, err := readSettings(limited, s.cfg)
	if err != nil {
		if ctx.Err() == nil { // or the service is being stopped
			s.log.Error("the settings stay as they were", because(err)...)
		}
		return
	}
	if before := s.settings.Load(); again.client.Key == before.client.Key {
		again.client.Throttle = before.client.Throttle
	}
	s.settings.Store(again)
	s.log.Info("the key, the secret and the certificate were read again")
	s.loop.Hurry() // batches that failed for the old key may be exported with the new one
}

// hookSecrets returns the secrets of the webhooks' address. Like the API key, none comes from
// a flag's value.
func hookSecrets(c *cli.Context) ([]webhook.Secret, error) {
	file := c.String("hook-secret-file")
	if c.String("listen") == "" {
		if file != "" {
			return nil, usagef("add --listen, or leave the secret out", "--hook-secret-file is for webhooks, and --listen is missing")
		}
		return nil, nil
	}
	data, from := []byte(os.Getenv(hookSecretVariable)), hookSecretVariable
	if file != "" {
		var err error
		from = file
		data, err = unlessStopped(c.Context, func() ([]byte, error) { return readKey(file) })
		if c.Err() != nil {
			return nil, err
		}
		if err != nil {
			return nil, secretFileError(err)
		}
	}
	const hint = "openssl rand -hex 32 prints a good one"
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, usagef(hint+": set "+hookSecretVariable+", or name a file with --hook-secret-file", "no secret for webhooks: %s is empty", from)
	}
	secrets, err := webhook.ParseSecrets(data)
	if err != nil {
		return nil, usagef(hint, "the secret in %s cannot be used: %v", from, err)
	}
	return secrets, nil
}

// secretFileError returns why a file cannot be read, without its name if nothing has it: it
// may be the secret itself.
func secretFileError(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return usagef("name a file that has the secret in it", "--hook-secret-file: %v", err)
}

// mostPEM bounds a file of --tls-cert and --tls-key, in bytes.
const mostPEM = 1 << 20

// certificate returns the certificate of --listen, nil without one.
func certificate(c *cli.Context) (*tls.Certificate, error) {
	chain, key := c.String("tls-cert"), c.String("tls-key")
	switch {
	case chain == "" && key == "":
		return nil, nil
	case chain == "" || key == "":
		return nil, usagef("give both files, or none", "--tls-cert and --tls-key go together")
	case c.String("listen") == "":
		return nil, usagef("add --listen, or leave the certificate out", "--tls-cert is for webhooks, and --listen is missing")
	}
	pair, err := unlessStopped(c.Context, func() (tls.Certificate, error) { return readPair(chain, key) })
	if c.Err() != nil {
		return nil, err
	}
	if err != nil {
		return nil, usagef("give a certificate chain and its private key, in PEM form", "--tls-cert, --tls-key: %v", err)
	}
	return &pair, nil
}

// readPair reads a certificate and its key from files.
func readPair(chainFile, keyFile string) (pair tls.Certificate, err error) {
	chain, err := readAtMost(chainFile, mostPEM)
	if err != nil {
		return pair, err
	}
	key, err := readAtMost(keyFile, mostPEM)
	if err != nil {
		return pair, err
	}
	return tls.X509KeyPair(chain, key)
}

// withoutSecrets returns an environment without this program's secrets: what a command prints
// is in the log.
func withoutSecrets(env []string) []string {
	return slices.DeleteFunc(env, func(set string) bool {
		name, _, _ := strings.Cut(set, "=")
		return slices.Contains([]string{"ENROW_API_KEY", hookSecretVariable, variable("ping")}, name)
	})
}

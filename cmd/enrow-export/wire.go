package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
	"enrow-export/sinks/local"
)

// destination is where files are, as the flags say it.
type destination struct {
	to          string
	credentials string // file with those for a bucket
	timeout     time.Duration
}

func destinationOf(c *cli.Context) (destination, error) {
	d := destination{c.String("to"), c.String("gcs-credentials-file"), c.Duration("store-timeout")}
	return d, positive("store-timeout", d.timeout)
}

// open returns the store. It touches nothing yet. The caller calls closeStore.
func (d destination) open() (sinks.Store, error) {
	var s sinks.Store
	var err error
	if location, ok := strings.CutPrefix(d.to, "gs://"); ok {
		s, err = bucket(location, d.credentials)
	} else {
		var path string
		if path, err = folder(d.to); err == nil {
			s, err = local.Open(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return sinks.WithTimeout(s, d.timeout), nil
}

// openExisting is open for commands that only read, and would take a mistyped
// name for an empty destination. (A bucket that does not exist is an error
// anyway.)
func (d destination) openExisting() (sinks.Store, error) {
	s, err := d.open()
	if err != nil || strings.HasPrefix(d.to, "gs://") {
		return s, err
	}
	path, err := folder(d.to)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, &pipeline.Error{
			Op: "open", Class: pipeline.Fatal, Err: fmt.Errorf("destination %s does not exist", path),
			Hint: "check --to: export makes the folder when it has something to write",
		}
	}
	return s, nil
}

// closeStore lets go of what a store holds on to.
func closeStore(s sinks.Store) {
	if c, ok := s.(io.Closer); ok {
		c.Close() // whatever was put is there by now
	}
}

// bucket returns the store at BUCKET[/PREFIX], taken literally.
func bucket(location, credentials string) (sinks.Store, error) {
	name, prefix, _ := strings.Cut(location, "/")
	s, err := gcs.Open(gcs.Config{
		Bucket: name, Prefix: strings.TrimSuffix(prefix, "/"),
		CredentialsFile: credentials, UserAgent: "enrow-export/" + version,
	})
	var file *fs.PathError
	switch {
	case errors.As(err, &file), errors.Is(err, gcs.ErrCredentialsFile):
		return nil, usagef("give a service account's key file, or leave it out to use Application Default Credentials", "--gcs-credentials-file: %v", err)
	case err != nil:
		return nil, usagef("write gs://bucket or gs://bucket/prefix", "--to: %v", err)
	}
	return s, nil
}

// folder returns the path of a destination that is a folder.
func folder(to string) (string, error) {
	if to == "" {
		return "", usagef("for example --to out", "no destination: --to is missing")
	}
	scheme, _, ok := strings.Cut(to, "://")
	if !ok {
		return filepath.Clean(to), nil
	}
	if scheme != "file" {
		return "", usagef("give a folder (out, ./out, file:///abs/out) or a bucket (gs://bucket/prefix)", "--to: unknown scheme %s://", scheme)
	}
	u, err := url.Parse(to)
	if err != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", usagef("write file:///abs/out, with three slashes", "--to: %q is no file URL of a folder here", to)
	}
	return filepath.Clean(u.Path), nil
}

// apiKey returns the API key, which never comes from a flag's value: it would
// show in the list of processes.
func apiKey(file string) (string, error) {
	key, from := os.Getenv("ENROW_API_KEY"), "ENROW_API_KEY"
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", usagef("", "--api-key-file: %v", err)
		}
		key, from = string(data), file
	}
	key = strings.TrimSpace(key)
	if key == "" {
		return "", usagef("set ENROW_API_KEY, or name a file with --api-key-file; enrow-export demo needs no key",
			"no API key: %s is empty", from)
	}
	return key, nil
}

package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"enrow-export/sinks"
	"enrow-export/sinks/local"
)

// openStore returns the store of a destination. It touches nothing yet.
func openStore(to string) (sinks.Store, error) {
	if to == "" {
		return nil, usagef("for example --to out", "no destination: --to is missing")
	}
	scheme, _, ok := strings.Cut(to, "://")
	if !ok {
		return openFolder(to)
	}
	if scheme != "file" {
		return nil, usagef("give a folder: out, ./out or file:///abs/out", "--to: unknown scheme %s://", scheme)
	}
	u, err := url.Parse(to)
	if err != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, usagef("write file:///abs/out, with three slashes", "--to: %q is no file URL of a folder here", to)
	}
	return openFolder(u.Path)
}

func openFolder(path string) (sinks.Store, error) {
	store, err := local.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	return store, nil
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

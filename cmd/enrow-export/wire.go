package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"enrow-export/pipeline"
	"enrow-export/sinks"
	"enrow-export/sinks/local"
)

// openStore returns the store of a destination. It touches nothing yet.
func openStore(to string) (sinks.Store, error) {
	path, err := folder(to)
	if err != nil {
		return nil, err
	}
	return local.Open(path)
}

// openExisting is openStore for commands that only read, and would take a
// mistyped name for an empty destination.
func openExisting(to string) (sinks.Store, error) {
	path, err := folder(to)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, &pipeline.Error{
			Op: "open", Class: pipeline.Fatal, Err: fmt.Errorf("destination %s does not exist", path),
			Hint: "check --to: export makes the folder when it has something to write",
		}
	}
	return local.Open(path)
}

// folder returns the path of a destination.
func folder(to string) (string, error) {
	if to == "" {
		return "", usagef("for example --to out", "no destination: --to is missing")
	}
	scheme, _, ok := strings.Cut(to, "://")
	if !ok {
		return filepath.Clean(to), nil
	}
	if scheme != "file" {
		return "", usagef("give a folder: out, ./out or file:///abs/out", "--to: unknown scheme %s://", scheme)
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

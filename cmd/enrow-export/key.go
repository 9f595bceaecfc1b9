package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	leastKey = 8       // characters that a key of the API has at least
	mostKey  = 4 << 10 // bytes that a key may have; what has more is something else
)

// apiKey returns the API key, and where it comes from. The key never comes from a flag's
// value, which would show in the list of processes. A key is taken out of every message:
// one that is too short would take words apart. Only an API on this machine, which may be
// without TLS and is there to try things out, takes any.
func apiKey(ctx context.Context, file, apiURL string) (key, from string, err error) {
	data, from := []byte(os.Getenv("ENROW_API_KEY")), "ENROW_API_KEY"
	if file != "" {
		data, err = unlessStopped(ctx, func() ([]byte, error) { return readKey(file) })
		if ctx.Err() != nil {
			return "", "", err
		}
		if err != nil {
			return "", "", keyFileError(err)
		}
		from = file
	}
	key, fault := parseKey(data)
	switch {
	case fault != "":
		return "", "", usagef("give the whole key and nothing else, as plain text on one line", "the API key cannot be used: %s %s", from, fault)
	case key == "":
		return "", "", usagef("set ENROW_API_KEY, or name a file with --api-key-file; enrow-export demo works without a key",
			"no API key: %s is empty", from)
	case len(key) < leastKey && !strings.HasPrefix(strings.ToLower(apiURL), "http:"):
		return "", "", usagef("set ENROW_API_KEY to the whole key, or name a file with it with --api-key-file",
			"the API key cannot be used: %s has fewer than %d characters", from, leastKey)
	}
	return key, from, nil
}

// readKey returns the content of a file, and a byte more than a key may have if that is too
// much.
func readKey(file string) ([]byte, error) { return readAtMost(file, mostKey+1) }

// readAtMost returns the first bytes of a file.
func readAtMost(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// keyFileError returns why a file of a key cannot be read. A name that nothing has may
// be the key itself, given in the wrong place: it is not repeated.
func keyFileError(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) && path.Op == "open" && !errors.Is(err, fs.ErrPermission) {
		return usagef("name a file that has the key in it, not the key", "--api-key-file: open: %v", path.Err)
	}
	return usagef("name a file that has the key in it", "--api-key-file: %v", err)
}

// parseKey returns the key that a text is, without the white space around it, or what
// keeps it from being one.
func parseKey(data []byte) (key, fault string) {
	switch {
	case len(data) > mostKey:
		return "", "is longer than 4 KiB"
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "", "is in UTF-16: save it as UTF-8 or ASCII"
	}
	key = strings.TrimSpace(strings.TrimPrefix(string(data), "\uFEFF"))
	switch {
	case strings.ContainsAny(key, "\r\n"):
		return "", "has several lines"
	case strings.Contains(key, "\x00"):
		return "", "has null characters: it is not text, or it is in UTF-16"
	}
	return key, ""
}

package main

import (
	"context"
	"iter"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/schema"
	"enrow-export/sources"
)

// userAgent is what the program calls itself to services.
var userAgent = "enrow-export/" + version

func fromFlag() cli.Flag {
	return defaultText(stringFlag("from", "", "export saved answers, with no key: a `ROOT` with copies that --keep-raw has kept, or one of ID.json files; without ids, all of them"), "the API")
}

// source is where answers come from: the API, or a folder or bucket.
type source struct {
	pipeline.Source
	close func()
	// saved yields the batches that there are; nil when that is not known.
	saved func(context.Context, *schema.Table) iter.Seq2[string, error]
}

// retries returns how many requests were made again, as far as that is counted.
func (s source) retries() int64 {
	if r, ok := s.Source.(interface{ Retries() int64 }); ok {
		return r.Retries()
	}
	return 0
}

// newSource returns the source that the flags describe. The caller closes it.
func newSource(c *cli.Context, cfg export.Config) (source, error) {
	if c.String("from") == "" {
		client, err := newClient(c, cfg)
		if err != nil {
			return source{}, err
		}
		return source{Source: client, close: client.Close}, nil
	}
	if cfg.Wait {
		return source{}, usagef("a saved answer does not change", "--wait does not go with --from")
	}
	from, err := rootOf(c, "from")
	if err != nil {
		return source{}, err
	}
	store, err := from.openExisting()
	if err != nil {
		return source{}, err
	}
	replay := sources.NewReplay(store, cfg.MaxBody)
	return source{Source: replay, close: func() { closeStore(store) }, saved: replay.IDs}, nil
}

// newClient returns the API client that the flags describe. The caller closes it.
func newClient(c *cli.Context, cfg export.Config) (*sources.Client, error) {
	key, err := apiKey(c.Context, c.String("api-key-file"), c.String("api-url"))
	if err != nil {
		return nil, err
	}
	client, err := sources.NewClient(sources.Config{
		BaseURL:        c.String("api-url"),
		Key:            key,
		Retries:        c.Int("retries"),
		Rate:           c.Float64("rate"),
		RequestTimeout: c.Duration("request-timeout"),
		MaxBody:        cfg.MaxBody,
		UserAgent:      userAgent,
		Log:            cfg.Log,
		Stop:           cfg.Stop,
	})
	if err != nil {
		return nil, usagef("", "%v", err)
	}
	return client, nil
}

// leastKey is how many characters a key of the API has at least.
const leastKey = 8

// apiKey returns the API key. It never comes from a flag's value, which would show in
// the list of processes. A key is taken out of every message: one that is too short
// would take words apart. Only an API on this machine, which may be without TLS and is
// there to try things out, takes any.
func apiKey(ctx context.Context, file, apiURL string) (string, error) {
	key, from := os.Getenv("ENROW_API_KEY"), "ENROW_API_KEY"
	if file != "" {
		data, err := unlessStopped(ctx, func() ([]byte, error) { return os.ReadFile(file) })
		if ctx.Err() != nil {
			return "", err
		}
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
	if len(key) < leastKey && !strings.HasPrefix(strings.ToLower(apiURL), "http:") {
		return "", usagef("set ENROW_API_KEY to the whole key, or name a file with it with --api-key-file",
			"no API key: %s has fewer than %d characters", from, leastKey)
	}
	return key, nil
}

package main

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/export"
	"enrow-export/pipeline/runs"
	"enrow-export/schema"
	"enrow-export/sinks/network"
	"enrow-export/sources"
)

// userAgent is what the program calls itself to services.
var userAgent = "enrow-export/" + version

func fromFlag() *flagDef {
	return textFlag("from", "ROOT", "", "read saved responses instead of the API").directory().
		more("ROOT has the copies that --keep-raw keeps, or files named ID.json. No key is needed. Without ids, all saved responses are exported.")
}

// source is where answers come from: the API, or a folder or bucket.
type source struct {
	pipeline.Source
	close func()
	// saved yields the batches that there are; nil when that is not known.
	saved func(context.Context, *schema.Table) iter.Seq2[string, error]
}

// requests returns how many requests were made, by the status of the response.
func (s source) requests() map[string]int64 {
	counts := make(map[string]int64)
	if r, ok := s.Source.(interface{ Requests() map[int]int64 }); ok {
		for status, n := range r.Requests() {
			counts[statusName(status)] = n
		}
	}
	return counts
}

// statusName returns the status of a response as summaries and metrics have it, 0 being
// that of a request without one.
func statusName(status int) string {
	if status == 0 {
		return runs.NoStatus
	}
	return strconv.Itoa(status)
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
		return source{}, usagef("a saved response does not change", "--wait does not go with --from")
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

func apiURLFlag() *flagDef {
	return textFlag("api-url", "URL", sources.DefaultBaseURL, "address of the API").alsoEnv("ENROW_API_URL").checked(checkAPIURL).
		more("It must be https, unless the host is this machine.")
}

func apiKeyFileFlag() *flagDef {
	return textFlag("api-key-file", "FILE", "", "file with the API key").file().
		or("the key in ENROW_API_KEY")
}

func checkAPIURL(flag, value string) error {
	if err := sources.CheckBaseURL(value); err != nil {
		return usagef("leave it out to use "+sources.DefaultBaseURL, "%s %v", flag, err)
	}
	return nil
}

// checkEnvironment refuses what a client of a URL would ignore in the environment.
func checkEnvironment(target string) error {
	err := network.CheckEnvironment(target)
	if setting := (*network.SettingError)(nil); errors.As(err, &setting) {
		return usagef(setting.Hint, "%v", setting)
	}
	return nil // the client says what is wrong with its URL
}

// newClient returns the API client that the flags describe. The caller closes it.
func newClient(c *cli.Context, cfg export.Config) (*sources.Client, error) {
	config, err := clientConfig(c, cfg)
	if err != nil {
		return nil, err
	}
	return openClient(config)
}

// clientConfig reads the flags of the API client, and the key.
func clientConfig(c *cli.Context, cfg export.Config) (sources.Config, error) {
	if err := checkEnvironment(c.String("api-url")); err != nil {
		return sources.Config{}, err
	}
	key, from, err := apiKey(c.Context, c.String("api-key-file"), c.String("api-url"))
	return sources.Config{
		BaseURL:        c.String("api-url"),
		Key:            key,
		KeyFrom:        from,
		Retries:        c.Int("retries"),
		Rate:           c.Float64("rate"),
		RequestTimeout: c.Duration("request-timeout"),
		MaxBody:        cfg.MaxBody,
		UserAgent:      userAgent,
		Log:            cfg.Log,
		Stop:           cfg.Stop,
	}, err
}

// openClient returns the client of a Config. The caller closes it.
func openClient(config sources.Config) (*sources.Client, error) {
	client, err := sources.NewClient(config)
	if err != nil {
		return nil, usagef("check the key in ENROW_API_KEY or in the file of --api-key-file", "%v", err)
	}
	return client, nil
}

package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/probe"
	"enrow-export/sinks"
	"enrow-export/sinks/gcs"
)

// writable makes sure, before a command writes to the root of a flag, that the store keeps
// conditions. Commands that only read, and dry runs, do without: it may write.
func (p *program) writable(c *cli.Context, flag string, store sinks.Store) error {
	switch {
	case !store.Traits().ContentVersions:
		return nil // a version is proof enough
	case c.Bool("single-writer"):
		p.warn(c, "--single-writer: the store is not asked to keep conditions; nothing protects the files and the manifest from a second process that writes at the same time")
		return nil
	}
	r, err := rootOf(c, flag)
	if err != nil {
		return err
	}
	at, err := r.location()
	if err != nil {
		return err
	}
	return probe.Root{
		Store: store, At: at, Service: r.service(c), Flag: flag, ToolVersion: version, Log: p.newUI(c).log,
	}.Remembered(c.Context)
}

// service returns the URL of the service that a bucket is in, nothing for a directory.
func (r root) service(c *cli.Context) string {
	scheme, _, _ := strings.Cut(r.at, "://")
	switch {
	case r.folder != "":
		return ""
	case scheme == "s3":
		return cmp.Or(c.String("s3-endpoint"), os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), "https://s3.amazonaws.com")
	}
	return gcs.ServiceURL()
}

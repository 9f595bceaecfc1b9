package main

import (
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/probe"
	"enrow-export/sinks"
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
		Store: store, At: at, Service: r.service(), Flag: flag, Flags: r.typedFlags(), ToolVersion: version, Log: p.newUI(c).log,
	}.Remembered(c.Context)
}

// service returns the URL of the service that a bucket is in, nothing for a directory.
func (r root) service() string {
	if !r.isBucket() {
		return ""
	}
	return r.scheme.service(r)
}

// typedFlags returns the flags that say how the root is reached, for another command.
func (r root) typedFlags() string {
	if !r.isBucket() {
		return ""
	}
	return r.scheme.typedFlags(r.flags)
}

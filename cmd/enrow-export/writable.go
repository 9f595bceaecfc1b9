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

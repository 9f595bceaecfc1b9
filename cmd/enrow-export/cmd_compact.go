package main

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/compact"
	"enrow-export/pipeline/manifest"
	"enrow-export/sinks"
)

func (p *program) compactCommand() command {
	return command{
		name:   "compact",
		topic:  topicWarehouse,
		noArgs: "it packs everything that is exported",
		usage:  "pack the Parquet files of many batches into few large files",
		description: "The large files go to another root, which has its own manifest: status, verify, files " +
			"and load-sql work there. Each run adds the batches that --into does not have yet. " +
			"Nothing changes under --to, and no packed file is ever replaced.",
		examples: []example{
			{"pack a directory into another one", "enrow-export compact --to out --into packed"},
			{"pack a bucket, in files of 256 MiB", "enrow-export compact --to gs://bucket/enrow \\\n    --into gs://bucket/packed --target-size 256MiB"},
		},
		page: "compaction.md",
		exits: exitCodes(
			exit{"0", "every exported batch is packed"},
			exit{"1", "stopped: a root is out of reach, --to has no manifest, or temporary files do not fit"},
			exit{"3", "some batches could not be packed; the others are packed"},
		),
		groups: []flagGroup{
			{"From and to", append(toFlags(),
				textFlag("into", "ROOT", "", "directory or bucket for the packed files").must().directory())},
			{"What to write", []*flagDef{
				sizeFlag("target-size", humanize.IBytes(compact.DefaultTargetSize), "size at which a file is complete"),
				textFlag("compression", "NAME", "zstd", "compression: zstd, snappy, gzip, none").oneOf("zstd", "snappy", "gzip", "none").own("compact"),
				kindsFlag(),
			}},
			{"Output", []*flagDef{outputFlag(), boolFlag("quiet", "print failures only, on stderr")}},
			storeGroup(writes),
		},
		action: p.compact,
	}
}

// packedLine is a line about one packed file in the JSON form of compact.
type packedLine struct {
	Type      string `json:"type"` // "packed"
	Kind      string `json:"kind"`
	Path      string `json:"path"`
	Batches   int    `json:"batches"`
	Rows      int64  `json:"rows"`
	Bytes     int64  `json:"bytes"`
	FromBytes int64  `json:"from_bytes"`
}

// notPackedLine is a line about a batch that was not packed.
type notPackedLine struct {
	Type    string `json:"type"` // "not_packed"
	Kind    string `json:"kind"`
	BatchID string `json:"batch_id"`
	Error   string `json:"error"`
	Hint    string `json:"hint,omitempty"`
}

// compactSummaryLine closes the JSON form of compact.
type compactSummaryLine struct {
	Type        string `json:"type"` // "compact_summary"
	Files       int    `json:"files"`
	Batches     int    `json:"batches"`
	Rows        int64  `json:"rows"`
	Bytes       int64  `json:"bytes"`
	FromBytes   int64  `json:"from_bytes"`
	Already     int    `json:"already"`
	NotExported int    `json:"not_exported"`
	Failed      int    `json:"failed"`
}

func (p *program) compact(c *cli.Context) error {
	cfg := compact.Config{
		Tables: tables(c), TargetSize: byteSize(c, "target-size"), ToolVersion: version,
	}
	ui := p.newUI(c)
	var err error
	if cfg.Encoding, err = sinks.NewEncoding(manifest.PackFormat, c.String("compression")); err != nil {
		return usagef("", "--compression: %v", err)
	}
	from, err := rootOf(c, "to")
	if err != nil {
		return err
	}
	into, err := rootOf(c, "into")
	if err != nil {
		return err
	}
	switch overlap, err := from.overlaps(into); {
	case err != nil:
		return err
	case overlap:
		return usagef("name a root that is neither in nor above --to: a reader of one root would also read the rows of the other", "--into: %s and %s overlap", into.at, from.at)
	}
	if cfg.From, err = from.openExisting(); err != nil {
		return err
	}
	defer closeStore(cfg.From)
	if err := from.known(c.Context, cfg.From); err != nil {
		return err
	}
	if cfg.Into, err = into.open(); err != nil {
		return err
	}
	defer closeStore(cfg.Into)
	if err := p.writable(c, "into", cfg.Into); err != nil {
		return err
	}
	collectAt(compactGCPercent)
	s, err := compact.Run(c.Context, cfg, ui.packed)
	if err != nil && s.Files+s.Failed == 0 {
		return err // what was counted until then is not all that there is
	}
	l := compactSummaryLine{"compact_summary", s.Files, s.Batches, s.Rows, s.Bytes, s.From, s.Already, s.NotExported, s.Failed}
	ui.line(l, "%s", headline("nothing to pack",
		s.Failed, "not packed", s.NotExported, "not exported yet",
		s.Batches, fmt.Sprintf("packed (%s, %s, %s from %s)", count(int64(s.Files), "file"), count(s.Rows, "row"), size(s.Bytes), size(s.From)),
		s.Already, "packed before"))
	return joinOutcome(err, s.Failed, 0)
}

// packed tells of one file, or of one batch that was not packed.
func (u *ui) packed(p compact.Packed) {
	if p.Err != nil {
		l := notPackedLine{"not_packed", p.Table.Kind, p.BatchID, p.Err.Error(), hint(p.Err)}
		u.line(l, "failed    %s  %s", p.BatchID, u.failure(8, p.Table.Kind, p.BatchID, p.Err))
		return
	}
	l := packedLine{"packed", p.Table.Kind, p.Path, p.Batches, p.Rows, p.Bytes, p.From}
	u.line(l, "packed     %s  %s, %s, %s from %s", p.Path, count(int64(p.Batches), "batch"), count(p.Rows, "row"), size(p.Bytes), size(p.From))
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
)

func (p *program) batchesCommand() command {
	return command{
		name:        "batches",
		topic:       topicLook,
		usage:       "write the manifest as one table, a row for each batch",
		args:        "[BATCH_ID ...]",
		description: "The table has totals, credits, paths and times of batches of every kind and state. enrow-export schema lists its columns. Without ids: all batches.",
		examples: []example{
			{"a table for the warehouse", "enrow-export batches --to out --out batches.parquet"},
			{"the last week, as CSV", "enrow-export batches --to out --since 7d --out week.csv"},
		},
		page: "manifest.md",
		exits: exitCodes(
			exit{"0", "the table is written"},
			rootExit,
			exit{"3", "some batches have no entry, or the entry cannot be read"},
			unreadExit,
		),
		groups: []flagGroup{
			{"Where the manifest is", toFlags()},
			{"Which batches", []*flagDef{kindsFlag(), idsFileFlag(), sinceFlag()}},
			{"Output", []*flagDef{
				textFlag("out", "FILE", "", "file to write; - writes to stdout").file().must(),
				textFlag("format", "FORMAT", "", strings.Join(formatNames(), ", ")).oneOf(formatNames()...).orNone().or("by the name, else parquet").own("batches"),
				textFlag("compression", "NAME", "", strings.Join(compressionNames(), ", ")).oneOf(compressionNames()...).orNone().or("by the name, else zstd for parquet").own("batches"),
			}},
			storeGroup(reads),
		},
		action: p.batches,
	}
}

func (p *program) batches(c *cli.Context) error {
	out := c.String("out")
	switch out {
	case "":
		return usagef("for example --out batches.parquet, or - for stdout", "no file: --out is missing")
	case "-":
		p.isResult()
	}
	enc, err := encodingOf(out, c.String("format"), c.String("compression"))
	if err != nil {
		return err
	}
	if _, shown := anyTerminal(p.stdout); isBinary(enc) && (out == "-" && shown || isTerminalFile(out)) {
		return usagef("name a file, give --format csv, or pipe the output to another program", "--out %s: the terminal cannot show %s", out, enc.Ext())
	}
	since := since(c)
	selected, err := p.selection(c, wholeEntries)
	if err != nil {
		return err
	}
	defer closeStore(selected.store)
	table := manifest.NewBatchTable(memory.DefaultAllocator)
	defer table.Release()
	refused := 0
	for k, err := range selected.each {
		switch {
		case err != nil:
			return err
		case k.Entry == nil:
			refused++
			p.noFiles(k)
		case !k.Entry.UpdatedAt.Before(since):
			if err := table.Add(k.Entry); err != nil {
				return err
			}
		}
	}
	rec := table.Record()
	defer rec.Release()
	write := func(w io.Writer) error { return enc.Encode(w, &schema.Batches, rec) }
	if out == "-" {
		err = write(p.stdout)
	} else if err = replaceFile(out, write); err == nil {
		fmt.Fprintf(p.stdout, "%s: %s\n", out, count(rec.NumRows(), "batch"))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return joinOutcome(nil, refused, 0)
}

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

func (p *program) batchesCommand() *cli.Command {
	return newCommand(command{
		name:  "batches",
		usage: "write what the manifest knows of batches as one table",
		args:  "[BATCH_ID ...]",
		description: "One row a batch, of every kind and state: totals, credits, paths, times. The columns are\n" +
			"those of the table batches in enrow-export schema. Without ids: all that it knows.",
		exits: append(usualExits, exitUnread),
		flags: append(toFlags(), kindsFlag(), idsFileFlag(),
			pathFlag(stringFlag("out", "", "`FILE` to write, - for stdout; required")),
			own("batches", defaultText(stringFlag("format", "", "`FORMAT` of the file: "+strings.Join(formatNames(), ", ")), "from the name, else parquet")),
			own("batches", defaultText(stringFlag("compression", "", "`COMPRESSION` of the file"), "from the name, else zstd for parquet, none for the others")),
			sinceFlag()),
		action: p.batches,
	})
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
	if isBinary(enc) && (out == "-" && isTerminal(p.stdout) || isTerminalFile(out)) {
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
			fmt.Fprintf(plain{p.stderr}, "enrow-export: batch %s %s\n", k.BatchID, whyNoFiles(k))
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

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/schema"
	"enrow-export/sinks"
)

func (p *program) batchesCommand() *cli.Command {
	return &cli.Command{
		Name:      "batches",
		Usage:     "write what the manifest knows of batches as one table",
		ArgsUsage: "[BATCH_ID ...]",
		Description: "One row a batch, of every kind and state: totals, credits, paths, times. The columns are\n" +
			"those of the table batches in enrow-export schema. Without ids: all that it knows.",
		CustomHelpTemplate: cli.CommandHelpTemplate + exitCodes(exitOK, exitStopped, exitUsage, exitFailed, exitInterrupt, exitTerminated),
		Flags: append(toFlags(), kindsFlag(), idsFileFlag(),
			stringFlag("out", "", "`FILE` to write, - for stdout; required"),
			own("batches", stringFlag("format", "parquet", "`FORMAT` of the file: "+strings.Join(formatNames(), ", "))),
			own("batches", defaultText(stringFlag("compression", "", "`COMPRESSION` of the file"), "zstd for parquet, else none")),
			sinceFlag()),
		Action: p.batches,
	}
}

func (p *program) batches(c *cli.Context) error {
	out := c.String("out")
	if out == "" {
		return usagef("for example --out batches.parquet, or - for stdout", "no file: --out is missing")
	}
	enc, err := sinks.NewEncoding(c.String("format"), c.String("compression"))
	if err != nil {
		return usagef("", "%v", err)
	}
	since, err := since(c)
	if err != nil {
		return err
	}
	selected, err := p.selection(c, true)
	if err != nil {
		return err
	}
	defer closeStore(selected.store)
	table := pipeline.NewBatchTable(memory.DefaultAllocator)
	defer table.Release()
	refused := 0
	for k, err := range selected.each {
		switch {
		case err != nil:
			return err
		case k.Entry == nil:
			refused++
			fmt.Fprintf(p.stderr, "enrow-export: batch %s %s\n", k.BatchID, whyNoFiles(k))
		case !k.Entry.UpdatedAt.Before(since):
			table.Add(k.Entry)
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

// replaceFile writes a file that appears whole, in the place of one that is there, or
// not at all. What is no file, such as a pipe, is written to; a link is followed.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(name); err == nil {
		if !info.Mode().IsRegular() {
			return writeTo(name, write)
		}
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".enrow-export-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = errors.Join(write(f), f.Chmod(0o644), f.Sync())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// writeTo writes to what is there.
func writeTo(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

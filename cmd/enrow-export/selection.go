package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/pipeline/manifest"
	"enrow-export/schema"
	"enrow-export/sinks"
)

// kindFlag is --kind of a command that works on one kind.
func kindFlag() *flagDef {
	return textFlag("kind", "KIND", schema.Tables()[0].Kind, strings.Join(kinds(), ", ")).oneOf(kinds()...).orNone()
}

// kindsFlag is --kind of a command that works on all kinds if it is left out.
func kindsFlag() *flagDef {
	return textFlag("kind", "KIND", "", strings.Join(kinds(), ", ")).oneOf(kinds()...).orNone().or("all")
}

func kinds() []string {
	var names []string
	for _, t := range schema.Tables() {
		names = append(names, t.Kind)
	}
	return names
}

// tables returns the tables of --kind, all when it is empty.
func tables(c *cli.Context) []*schema.Table {
	if table, ok := schema.TableByKind(c.String("kind")); ok {
		return []*schema.Table{table}
	}
	return schema.Tables()
}

func idsFileFlag() *flagDef {
	f := listFlag("ids-file", "FILE", "list or CSV file of batch ids, or the URL of one; - is stdin").file().checked(checkList).
		more("A URL is one of an object in a bucket: " + strings.ReplaceAll(bucketURLs("key"), ", ", " or ") + ". The flags of ROOT say how to reach it.")
	f.place = true
	return f
}

// namesBatches reports whether the call says itself which batches it is about.
func namesBatches(c *cli.Context) bool { return c.NArg() > 0 || len(given(c, "ids-file")) > 0 }

// selection is the batches that a command looks at.
type selection struct {
	store sinks.Store
	// each yields the batches: those given, or all that the manifest knows.
	each iter.Seq2[manifest.Known, error]
	// given is the number of those given, -1 when none were.
	given int
}

// learn says how much of an entry a command needs to see.
type learn struct {
	all  func(context.Context, sinks.Store, []*schema.Table) iter.Seq2[manifest.Known, error]
	some func(context.Context, sinks.Store, []*schema.Table, []string) iter.Seq2[manifest.Known, error]
}

var (
	wholeEntries = learn{manifest.Entries, manifest.EntriesOf}
	summaries    = learn{manifest.Summaries, manifest.SummariesOf}
)

// selection reads the flags and arguments that say which batches to look at. The
// caller closes the store.
func (p *program) selection(c *cli.Context, learn learn) (selection, error) {
	ids, err := p.readIDs(c)
	if err != nil {
		return selection{}, err
	}
	to, err := rootOf(c, "to")
	if err != nil {
		return selection{}, err
	}
	store, err := to.openExisting()
	if err != nil {
		return selection{}, err
	}
	s := selection{store, learn.all(c.Context, store, tables(c)), -1}
	if namesBatches(c) {
		s.each, s.given = learn.some(c.Context, store, tables(c), ids), len(ids)
	}
	s.each = unlessUnused(s.each, func() error { return to.known(c.Context, store) })
	return s, nil
}

// unlessUnused yields the batches, and an error instead when the manifest has none of
// them and known says that nothing was ever recorded in it.
func unlessUnused(batches iter.Seq2[manifest.Known, error], known func() error) iter.Seq2[manifest.Known, error] {
	return func(yield func(manifest.Known, error) bool) {
		var unknown []manifest.Known // held back until there is one that is known
		used := false
		flush := func() bool {
			used = true
			return !slices.ContainsFunc(unknown, func(k manifest.Known) bool { return !yield(k, nil) })
		}
		for k, err := range batches {
			switch {
			case err != nil:
				yield(k, err)
				return
			case !used && k.Entry == nil && k.Err == nil:
				unknown = append(unknown, k)
				continue
			case !used && !flush(), !yield(k, nil):
				return
			}
		}
		if used {
			return
		}
		if err := known(); err != nil {
			yield(manifest.Known{}, err)
			return
		}
		flush()
	}
}

// noFiles tells that a batch that was asked for has no published files.
func (p *program) noFiles(k manifest.Known) {
	why := whyNoFiles(k)
	p.journal().tell("enrow-export: batch "+k.BatchID+" "+why, (*slog.Logger).Error, "batch has no files", pipeline.LogBatch, k.BatchID, "error", why)
}

// whyNoFiles says why a batch has no published files.
func whyNoFiles(k manifest.Known) string {
	switch {
	case k.Err != nil:
		return "has an entry that cannot be used: " + k.Err.Error()
	case k.Entry == nil:
		return "is not in the manifest"
	}
	return fmt.Sprintf("is %s, not exported", k.Entry.State)
}

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/pipeline"
	"enrow-export/schema"
)

// maxBadIDs is how many bad ids are named.
const maxBadIDs = 20

// badIDs collects the faults of ids. The first ones are enough to tell that the whole
// file is the wrong one.
type badIDs struct {
	named []string
	more  int64
	// notes are what is not a fault, and may be a mistake all the same.
	notes []string
}

func (b *badIDs) note(text string) { b.notes = append(b.notes, text) }

// add notes a bad id by where it stands. The id is not repeated: it may be an e-mail
// address from the wrong file.
func (b *badIDs) add(id, where string, n int) { b.fault(idFault(id), where, n) }

// fault notes what is wrong with a line or an argument.
func (b *badIDs) fault(fault, where string, n int) {
	if len(b.named) == maxBadIDs {
		b.more++
		return
	}
	b.named = append(b.named, fmt.Sprintf("%s%d %s", where, n, fault))
}

func (b *badIDs) err() error {
	if len(b.named) == 0 {
		return nil
	}
	list := strings.Join(b.named, "\n  ")
	if b.more > 0 {
		list += fmt.Sprintf("\n  and %s more", humanize.Comma(b.more))
	}
	return usagef("a batch id is letters, digits, - and _, at most 128, the first a letter or digit; nothing was tried", "bad batch ids:\n  %s", list)
}

// idsHint is what to do about a list of ids when nothing more fitting is known.
const idsHint = "name a file with one batch id per line, or a CSV file with a column batch_id; nothing was tried"

// readIDs returns the batch ids of the arguments and then of the files of --ids-file,
// in their order. It fails when the context is done before all of them are read.
func (p *program) readIDs(c *cli.Context) ([]string, error) {
	want := kindOfList{chosen: c.IsSet("kind")}
	if t := tables(c); len(t) == 1 {
		want.kind = t[0].Kind
	}
	var bad badIDs
	ids, err := unlessStopped(c.Context, func() ([]string, error) {
		return p.readAllIDs(c, c.Args().Slice(), given(c, "ids-file"), want, &bad)
	})
	if err == nil { // or they may still be read
		p.warn(c, bad.notes...)
	}
	return ids, err
}

// readAllIDs reads them. Only an object of a bucket needs c.
func (p *program) readAllIDs(c *cli.Context, args, files []string, want kindOfList, bad *badIDs) ([]string, error) {
	var ids []string
	for i, arg := range args {
		switch {
		case schema.NamesBatchID(arg):
			bad.fault("is a placeholder, not a batch id", "argument ", i+1)
		case !schema.ValidBatchID(arg):
			bad.add(arg, "argument ", i+1)
		default:
			ids = append(ids, arg)
		}
	}
	for _, name := range files {
		list, err := p.readIDsFile(c, ids, name, want, bad)
		var fault *listFault
		var usage *usageError
		var store *pipeline.Error
		switch {
		case errors.As(err, &usage), errors.As(err, &store):
			return nil, err
		case errors.As(err, &fault):
			return nil, usagef(fault.hint+"; nothing was tried", "--ids-file: %v", err)
		case err != nil:
			return nil, usagef(idsHint, "--ids-file: %v", err)
		}
		ids = list
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	return ids, nil
}

// idFault says what is wrong with a bad batch id without repeating it.
func idFault(id string) string {
	switch {
	case id == "":
		return "is empty"
	case len(id) > schema.MaxBatchID:
		return fmt.Sprintf("is longer than %d characters", schema.MaxBatchID)
	}
	n := 0
	for _, r := range id {
		n++
		if !schema.ValidBatchID("0" + string(r)) {
			return fmt.Sprintf("has %q as character %d", r, n)
		}
	}
	return fmt.Sprintf("begins with %q", id[:1])
}

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"enrow-export/schema"
)

const (
	maxBadIDs = 20       // bad ids that are named
	maxLine   = 64 << 10 // longest line of an ids file, in bytes, that is looked at as a whole
	usualLine = 37       // one with the usual id, a UUID
)

// badIDs collects what is wrong with ids: who gives the wrong file gets to know
// with the first ones.
type badIDs struct {
	named []string
	more  int64
}

// add notes a bad id by where it stands. The id is not repeated: it may be an e-mail
// address from the wrong file.
func (b *badIDs) add(id, where string, n int) {
	if len(b.named) == maxBadIDs {
		b.more++
		return
	}
	b.named = append(b.named, fmt.Sprintf("%s%d %s", where, n, idFault(id)))
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

// readIDs returns the batch ids of the arguments and then of the files of --ids-file,
// in their order. It fails when the context is done before all of them are read.
func (p *program) readIDs(c *cli.Context) ([]string, error) {
	return unlessStopped(c.Context, func() ([]string, error) {
		return p.readAllIDs(c.Args().Slice(), given(c, "ids-file"))
	})
}

func (p *program) readAllIDs(args, files []string) ([]string, error) {
	var ids []string
	var bad badIDs
	for i, arg := range args {
		if !schema.ValidBatchID(arg) {
			bad.add(arg, "argument ", i+1)
			continue
		}
		ids = append(ids, arg)
	}
	for _, name := range files {
		var err error
		if ids, err = p.readIDsFile(ids, name, &bad); err != nil {
			return nil, usagef("name a file with a batch id a line; nothing was tried", "--ids-file: %v", err)
		}
	}
	return ids, bad.err()
}

// readIDsFile appends the ids of a file.
func (p *program) readIDsFile(ids []string, name string, bad *badIDs) ([]string, error) {
	r := p.stdin
	shown := "stdin"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			return nil, fmt.Errorf("%s is a directory", name)
		}
		ids = slices.Grow(ids, int(info.Size()/usualLine))
		r, shown = f, name
	}
	where := shown + ":"
	lines := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		text := bytes.TrimSpace(line)
		for len(text) == 0 && errors.Is(err, bufio.ErrBufferFull) { // blank is blank
			line, err = lines.ReadSlice('\n')
			text = bytes.TrimSpace(line)
		}
		long := errors.Is(err, bufio.ErrBufferFull)
		comment := bytes.HasPrefix(text, []byte("#"))
		if long {
			text = line // white space may be followed by anything
		}
		id := string(text)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read %s: %w", shown, err)
		case comment, id == "":
		case !schema.ValidBatchID(id):
			bad.add(id, where, n)
		case len(bad.named) > 0: // nothing is tried
		default:
			ids = append(ids, id)
		}
		if err != nil {
			return ids, nil
		}
	}
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

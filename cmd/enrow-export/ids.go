package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"enrow-export/pipeline"
)

// readIDs returns the batch ids of the arguments and then of the files, in
// their order. All bad ones are named at once, by where they stand: what they
// are may be somebody's address, pasted into the wrong file.
func (p *program) readIDs(args, files []string) ([]string, error) {
	var ids, bad []string
	for i, arg := range args {
		if fault := idFault(arg); fault != "" {
			bad = append(bad, fmt.Sprintf("argument %d %s", i+1, fault))
			continue
		}
		ids = append(ids, arg)
	}
	for _, name := range files {
		more, faults, err := p.readIDsFile(name)
		if err != nil {
			return nil, usagef("", "--ids-file: %v", err)
		}
		ids, bad = append(ids, more...), append(bad, faults...)
	}
	if len(bad) > 0 {
		return nil, usagef("a batch id is letters, digits, - and _, at most 128, the first a letter or digit; nothing was tried",
			"bad batch ids:\n  %s", strings.Join(bad, "\n  "))
	}
	return ids, nil
}

func (p *program) readIDsFile(name string) (ids, bad []string, err error) {
	r := p.stdin
	shown := "stdin"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		r, shown = f, name
	}
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		if id := string(bytes.TrimSpace(line)); id != "" && id[0] != '#' {
			if fault := idFault(id); fault != "" {
				bad = append(bad, fmt.Sprintf("%s:%d %s", shown, n, fault))
			} else {
				ids = append(ids, id)
			}
		}
		if errors.Is(err, io.EOF) {
			return ids, bad, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", shown, err)
		}
	}
}

// idFault says what is wrong with a batch id without repeating it; empty when
// it is a valid one.
func idFault(id string) string {
	switch {
	case pipeline.ValidBatchID(id):
		return ""
	case id == "":
		return "is empty"
	case len(id) > 128:
		return fmt.Sprintf("is %d characters long", utf8.RuneCountInString(id))
	}
	n := 0
	for _, r := range id {
		n++
		if !pipeline.ValidBatchID("0" + string(r)) {
			return fmt.Sprintf("has %q as character %d", r, n)
		}
	}
	return fmt.Sprintf("begins with %q", id[:1])
}
